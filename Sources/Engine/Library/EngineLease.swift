package import Bundles
import Images
import Synchronization

/// An engine in use: its bundle stays in memory until the last reference to this goes.
///
/// The mutex guards the engine, which is let go before the end is told, for then another may be loaded in its place.
package final class EngineLease: RestorationEngine {
    package let bundle: BundleSummary
    package let recipe: RecipeDescription
    private let held: Mutex<(any RestorationEngine)?>
    private let currentLoad: @Sendable () -> EngineLoad
    private let end: @Sendable () -> Void

    init(
        _ engine: any RestorationEngine, load: @escaping @Sendable () -> EngineLoad, end: @escaping @Sendable () -> Void
    ) {
        held = Mutex(engine)
        bundle = engine.bundle
        recipe = engine.recipe
        currentLoad = load
        self.end = end
    }

    deinit {
        held.withLock { $0 = nil }
        end()
    }

    package func estimate(
        width: Int, height: Int, options: RestorationOptions
    ) throws(RestorationError) -> RestorationEstimate {
        try engine().estimate(width: width, height: height, options: options)
    }

    package func restore(
        _ source: PictureSource, options: RestorationOptions, memory: PictureBooking?,
        progress: @escaping @Sendable (RestorationProgress) -> Void
    ) async throws(RestorationError) -> RestorationResult {
        try await engine().restore(source, options: options, memory: memory, progress: progress)
    }

    package func classify(
        _ source: PictureSource, labels: [String]?, deadline: ContinuousClock.Instant?, memory: PictureBooking?
    ) async throws(RestorationError) -> ClassificationResult {
        try await engine().classify(source, labels: labels, deadline: deadline, memory: memory)
    }

    /// Of all bundles.
    package var load: EngineLoad { currentLoad() }

    private func engine() throws(RestorationError) -> any RestorationEngine {
        guard let engine = held.withLock({ $0 }) else { throw .internalFault("an engine after its use") }
        return engine
    }
}
