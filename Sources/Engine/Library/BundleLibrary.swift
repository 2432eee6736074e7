import Bundles
import Compute
import Synchronization
import Threads

/// The bundles that can be asked for. Each is loaded when it is first asked for, on a thread of its own, while the others
/// are worked with; `BundleShelf` says which go where memory is short.
///
/// The mutex guards the shelf and the continuations of those who wait; nobody is called back under it.
package final class BundleLibrary: Sendable {
    /// Loads the weights of a listed bundle, under a number that is always the same for the same weights. Blocks.
    package typealias Loader = @Sendable (
        _ listing: BundleListing, _ number: Int
    ) throws -> (engine: any RestorationEngine, bytes: Int)

    private typealias Answer = CheckedContinuation<Result<Int, RestorationError>, Never>

    private struct State {
        var shelf: BundleShelf
        var continuations: [Int: Answer] = [:]
        var lastWaiter = 0
    }

    private let state: Mutex<State>
    private let loader: Loader
    private let currentLoad: @Sendable () -> EngineLoad
    private let onEvent: @Sendable (LibraryEvent) -> Void

    /// - Parameters:
    ///   - listings: the default one first.
    ///   - waitingLimit: requests that may wait for bundles to be loaded.
    ///   - load: how much work waits and runs, of all bundles together.
    ///   - onEvent: told of what happens to bundles, on any thread. It must be quick.
    package init(
        _ listings: [BundleListing], limit: WeightsLimit, waitingLimit: Int,
        load: @escaping @Sendable () -> EngineLoad, onEvent: @escaping @Sendable (LibraryEvent) -> Void = { _ in },
        loader: @escaping Loader
    ) {
        state = Mutex(State(shelf: BundleShelf(limit: limit, waitingLimit: waitingLimit)))
        currentLoad = load
        self.onEvent = onEvent
        self.loader = loader
        list(listings)
    }

    /// A library of one bundle that is in memory, and stays there.
    package convenience init(_ engine: any RestorationEngine) {
        let contents = BundleListing.Contents(
            summary: engine.bundle, recipe: engine.recipe, manifestDigest: "", weightBytes: 0)
        self.init(
            [BundleListing(folder: "", name: engine.bundle.name, contents: .success(contents))], limit: .none,
            waitingLimit: .max, load: { engine.load }, loader: { _, _ in (engine, 0) })
        change { state, _ in state.shelf.keep(engine) }
    }

    /// Work of all bundles.
    package var load: EngineLoad { currentLoad() }

    package var weights: WeightsLoad {
        state.withLock {
            WeightsLoad(usedBytes: $0.shelf.usedBytes, limit: $0.shelf.limit.bytes, waiting: $0.shelf.waitingCount)
        }
    }

    /// Every bundle, the default one first.
    package var statuses: [BundleStatus] { state.withLock { $0.shelf.statuses } }

    /// What is known of a bundle without loading it.
    ///
    /// - Parameter name: nil for the default one.
    /// - Throws: `unknownBundle`, `brokenBundle`.
    package func status(of name: String?) throws(RestorationError) -> BundleStatus {
        let result: Result<BundleStatus, RestorationError> = state.withLock { state in
            do throws(RestorationError) {
                return .success(state.shelf.status(of: try state.shelf.edition(named: name)))
            } catch {
                return .failure(error)
            }
        }
        let status = try result.get()
        if let fault = status.fault { throw .brokenBundle(status.name, reason: fault.description) }
        return status
    }

    /// Takes up which bundles there are now, the default one first. One that has changed takes its place once it is loaded, and
    /// where that fails the one in memory serves on.
    package func list(_ listings: [BundleListing]) {
        change { state, effects in state.shelf.list(listings, effects: &effects) }
    }

    /// The engine of a bundle, which is loaded first where it is not in memory. It stays there as long as it is leased.
    ///
    /// - Parameters:
    ///   - name: nil for the default one.
    ///   - deadline: when it is no longer wanted.
    ///   - onWait: called where it has to be waited for.
    /// - Throws: `unknownBundle`, `brokenBundle`, `queueFull`, `deadlineExceeded`, `cancelled`.
    package func engine(
        named name: String?, deadline: ContinuousClock.Instant? = nil, onWait: @Sendable () -> Void = {}
    ) async throws(RestorationError) -> EngineLease {
        let waiter = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        let timer = deadline.map { deadline in
            Task { [weak self] in
                guard (try? await Task.sleep(until: deadline)) != nil else { return }
                self?.leave(waiter, .deadlineExceeded(whileQueued: true))
            }
        }
        defer { timer?.cancel() }
        let answer = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                change { state, effects in
                    state.continuations[waiter] = continuation
                    state.shelf.request(name, for: waiter, effects: &effects)
                }
                if state.withLock({ $0.continuations[waiter] != nil }) { onWait() }
                // It may have been cancelled before there was anyone to leave.
                if Task.isCancelled { leave(waiter, .cancelled) }
            }
        } onCancel: {
            leave(waiter, .cancelled)
        }
        let number = try answer.get()
        let engine = state.withLock { $0.shelf.editions[number]?.engine }
        guard let engine else { throw .internalFault("a bundle in use is not in memory") }
        return EngineLease(engine, load: currentLoad) { [self] in
            change { state, effects in state.shelf.release(number, effects: &effects) }
        }
    }

    private func leave(_ waiter: Int, _ error: RestorationError) {
        change { state, effects in
            state.shelf.leave(waiter, effects: &effects)
            // One that was answered has no continuation any more.
            effects.answers.append((waiter, .failure(error)))
        }
    }

    // MARK: Effects

    /// Changes the state under the lock, then does what that calls for without it.
    private func change(_ body: (inout State, inout BundleShelf.Effects) -> Void) {
        var (effects, answered) = state.withLock { state in
            var effects = BundleShelf.Effects()
            body(&state, &effects)
            let answered = effects.answers.compactMap { answer in
                state.continuations.removeValue(forKey: answer.waiter).map { ($0, answer.answer) }
            }
            return (effects, answered)
        }
        for event in effects.events { onEvent(event) }
        for (continuation, answer) in answered { continuation.resume(returning: answer) }
        let isDropping = !effects.dropped.isEmpty
        let dropped = DroppedEngines(effects.takeDropped())
        if let edition = effects.load {
            load(edition, dropping: dropped)
        } else if isDropping {
            // Giving back gigabytes takes a while. Where there is no thread for it, it is done here.
            try? WorkerThread.start(name: "unload") { dropped.letGo() }
        }
    }

    /// What was let go goes before anything is loaded in its place.
    private func load(_ edition: BundleShelf.Edition, dropping dropped: DroppedEngines) {
        let number = edition.number
        do {
            try WorkerThread.start(name: "load") { [self] in
                dropped.letGo()
                finish(number, loaded(edition.listing, number))
            }
        } catch {
            finish(number, LoadedEngine(.failure(BundleFault(reason: "there is no thread to load it on", isPassing: true))))
        }
    }

    private func loaded(_ listing: BundleListing, _ number: Int) -> LoadedEngine {
        LoadedEngine(Result { try loader(listing, number) }.mapError { BundleFault($0, folder: listing.folder) })
    }

    private func finish(_ number: Int, _ loaded: LoadedEngine) {
        change { state, effects in
            guard let result = loaded.take() else { return }
            if case .failure(let fault) = result, let changed = fault.cause as? ChangedBundle {
                state.shelf.finishLoading(number, of: changed.now, fault, effects: &effects)
            } else {
                state.shelf.finishLoading(number, result, effects: &effects)
            }
        }
    }
}

/// What came of loading a bundle, until the shelf has it: no other reference outlives that. The mutex guards it.
private final class LoadedEngine: Sendable {
    typealias Outcome = Result<(engine: any RestorationEngine, bytes: Int), BundleFault>

    private let outcome: Mutex<Outcome?>

    init(_ outcome: Outcome) { self.outcome = Mutex(outcome) }

    func take() -> Outcome? { outcome.withLock { $0.take() } }
}

/// Engines that nobody is to use any more. The mutex guards them.
private final class DroppedEngines: Sendable {
    private let engines: Mutex<[any RestorationEngine]>

    init(_ engines: [any RestorationEngine]) { self.engines = Mutex(engines) }

    /// Their memory goes back to the system.
    func letGo() {
        var engines = engines.withLock { engines in
            defer { engines = [] }
            return engines
        }
        guard !engines.isEmpty else { return }
        engines = []
        FreedMemory.giveBack()
    }
}
