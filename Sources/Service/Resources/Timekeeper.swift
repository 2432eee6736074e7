/// Time, passed in so that tests decide when things expire.
package struct Timekeeper: Sendable {
    package var now: @Sendable () -> ContinuousClock.Instant
    package var sleep: @Sendable (Duration) async throws -> Void

    package init(
        now: @escaping @Sendable () -> ContinuousClock.Instant,
        sleep: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.now = now
        self.sleep = sleep
    }

    /// The real one.
    package static let system = Timekeeper(now: { .now }, sleep: { try await Task.sleep(for: $0) })
}
