import Synchronization

/// Bounds the event streams that are open at once. The atomic counts them.
final class StreamLimit: Sendable {
    private let limit: Int
    private let open = Atomic(0)

    init(_ limit: Int) {
        self.limit = limit
    }

    var count: Int { open.load(ordering: .relaxed) }

    /// A place, given back when the subscription goes.
    ///
    /// - Throws: `ServiceFault.tooManyStreams`.
    func take() throws(ServiceFault) -> Subscription {
        let (_, count) = open.add(1, ordering: .relaxed)
        guard count <= limit else {
            open.subtract(1, ordering: .relaxed)
            throw .tooManyStreams(limit: limit)
        }
        return Subscription { [self] in open.subtract(1, ordering: .relaxed) }
    }
}
