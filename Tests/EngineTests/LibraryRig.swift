import Bundles
import Dispatch
import Engine
import Images
import Synchronization
import Testing

/// A library whose bundles are stand-ins: named, of so many bytes, and loaded when the test lets them.
final class LibraryRig: Sendable {
    struct State: Sendable {
        /// Loads that were begun, by bundle, in order.
        var begun: [String] = []
        var loadsUnderWay = 0
        /// Bundles that can't be loaded.
        var broken: Set<String> = []
        /// Bundles that the machine has no means to load.
        var short: Set<String> = []
        /// Bundles whose loading waits for `open`.
        var closed: Set<String> = []
        var gates: [String: DispatchSemaphore] = [:]
        var events: [String] = []
        /// Bytes of engines that are alive, and the most there were.
        var bytesAlive = 0
        var mostBytesAlive = 0
        var mostLoadsAtOnce = 0
    }

    let state = Mutex(State())

    var begun: [String] { state.withLock { $0.begun } }
    var events: [String] { state.withLock { $0.events } }

    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }

    static func listing(
        _ name: String, bytes: Int = 10, version: String = "1", folder: String? = nil, fault: String? = nil
    ) -> BundleListing {
        let summary = BundleSummary(
            name: name, version: version, licence: "none", trainingDataTerms: "none", digests: [:])
        let contents = BundleListing.Contents(
            summary: summary, recipe: nil, manifestDigest: name + version, weightBytes: bytes)
        return BundleListing(
            folder: folder ?? "/" + name, name: name,
            contents: fault.map { .failure(BundleFault(reason: $0)) } ?? .success(contents))
    }

    func library(
        _ listings: [BundleListing], limit: WeightsLimit = WeightsLimit(bytes: 20, isStrict: true), waiting: Int = 64
    ) -> BundleLibrary {
        BundleLibrary(
            listings, limit: limit, waitingLimit: waiting,
            load: { EngineLoad(queued: 0, running: 0, typicalSeconds: nil) },
            onEvent: { [self] event in change { $0.events.append(Self.text(event)) } },
            loader: { [self] listing, number in (try load(listing), try listing.contents.get().weightBytes) })
    }

    private static func text(_ event: LibraryEvent) -> String {
        switch event {
        case .loaded(let bundle, _): "loaded \(bundle.identifier)"
        case .failed(let name, let fault): "failed \(name): \(fault)"
        case .evicted(let name): "evicted \(name)"
        case .removed(let name): "removed \(name)"
        }
    }

    private func load(_ listing: BundleListing) throws -> any RestorationEngine {
        let contents = try listing.contents.get()
        let gate: DispatchSemaphore? = state.withLock { state in
            state.begun.append(contents.summary.identifier)
            state.loadsUnderWay += 1
            state.mostLoadsAtOnce = max(state.mostLoadsAtOnce, state.loadsUnderWay)
            guard state.closed.contains(listing.name) else { return nil }
            let gate = DispatchSemaphore(value: 0)
            state.gates[listing.name] = gate
            return gate
        }
        gate?.wait()
        let (isBroken, isShort) = state.withLock { state in
            state.loadsUnderWay -= 1
            return (state.broken.contains(contents.summary.identifier), state.short.contains(contents.summary.identifier))
        }
        if isShort { throw BundleFault(reason: "there are no threads", isPassing: true) }
        if isBroken { throw BundleFault(reason: "it is broken") }
        return StandInEngine(contents.summary, bytes: contents.weightBytes, rig: self)
    }

    /// Lets a bundle that waits to be loaded go on.
    func open(_ name: String) async {
        await eventually("the load of \(name) is under way") { state.withLock { $0.gates[name] != nil } }
        state.withLock { state in
            state.closed.remove(name)
            state.gates.removeValue(forKey: name)?.signal()
        }
    }
}

/// An engine that only says who it is.
final class StandInEngine: RestorationEngine {
    let bundle: BundleSummary
    let recipe = RecipeDescription(labels: [], options: [])
    private let bytes: Int
    private let rig: LibraryRig

    init(_ bundle: BundleSummary, bytes: Int, rig: LibraryRig) {
        self.bundle = bundle
        self.bytes = bytes
        self.rig = rig
        rig.change { state in
            state.bytesAlive += bytes
            state.mostBytesAlive = max(state.mostBytesAlive, state.bytesAlive)
        }
    }

    deinit { rig.change { $0.bytesAlive -= bytes } }

    func estimate(width: Int, height: Int, options: RestorationOptions) throws(RestorationError) -> RestorationEstimate {
        RestorationEstimate(bytes: 0, seconds: nil)
    }

    func restore(
        _ source: PictureSource, options: RestorationOptions, memory: PictureBooking?,
        progress: @escaping @Sendable (RestorationProgress) -> Void
    ) async throws(RestorationError) -> RestorationResult {
        throw .notOffered("restoration", bundle: bundle.name)
    }

    func classify(
        _ source: PictureSource, labels: [String]?, deadline: ContinuousClock.Instant?, memory: PictureBooking?
    ) async throws(RestorationError) -> ClassificationResult {
        throw .notOffered("classification", bundle: bundle.name)
    }

    var load: EngineLoad { EngineLoad(queued: 0, running: 0, typicalSeconds: nil) }
}

/// Waits until something holds, however busy the machine.
func eventually(
    _ comment: Comment, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
) async rethrows {
    let start = ContinuousClock.now
    while ContinuousClock.now - start < .seconds(60) {
        if try await condition() { return }
        try? await Task.sleep(for: .milliseconds(2))
    }
    Issue.record(comment, sourceLocation: sourceLocation)
}
