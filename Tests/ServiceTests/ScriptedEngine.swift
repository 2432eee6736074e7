import Bundles
import Engine
import Images
import Synchronization

/// An engine that does what a test tells it: restores at once, holds work until it is let go, or fails.
///
/// The mutex guards the script and what was seen.
final class ScriptedEngine: RestorationEngine {
    struct State: Sendable {
        var failure: RestorationError?
        /// Work waits, after having been taken, until `release` is called.
        var holds = false
        var estimatedSeconds: Double?
        var idleSeconds: Double?
        var blendingBytes = 0
        var load = EngineLoad(queued: 0, running: 0, typicalSeconds: 2.5)
        var queueLimit = Int.max
        var isUnchanged = false
        /// Done before a picture's turn.
        var beforeTurn: @Sendable () -> Void = {}
        var declined: DeclineReason?
        /// What is drawn where that is asked for.
        var drawing: Picture?
        /// Reported before the result.
        var progress: [RestorationProgress] = [.queued(position: 0)]

        var seen: [RestorationOptions] = []
        var labelsSeen: [[String]?] = []
        var classificationDeadlines: [ContinuousClock.Instant?] = []
        var pictures: [Picture] = []
        var references: [Picture] = []
        var cancelled = 0
        var active = 0
        var held: [Int: CheckedContinuation<Void, Never>] = [:]
        var reports: [Int: @Sendable (RestorationProgress) -> Void] = [:]
        var next = 0
        /// How often the load was asked for.
        var loadsRead = 0
    }

    let state: Mutex<State>
    let bundle = BundleSummary(
        name: "scripted", version: "1", licence: "none", trainingDataTerms: "none",
        digests: ["unet.safetensors": String(repeating: "ab", count: 32)])
    let recipe: RecipeDescription

    init(_ configure: (inout State) -> Void = { _ in }, hasTextTower: Bool = false, mostSteps: Int = 100, drawsGuidance: Bool = false) {
        var initial = State()
        configure(&initial)
        state = Mutex(initial)
        recipe = RecipeDescription(
            labels: ["rainy", "noisy", "clean"], takesOwnLabels: hasTextTower,
            samplers: [
                .init(name: "posterior", steps: 1...mostSteps, defaultSteps: 7),
                .init(name: "sde", steps: 10...mostSteps, defaultSteps: 20),
                .init(name: "ode", steps: 10...mostSteps, defaultSteps: 20),
                .init(name: "mr-ode", steps: 1...mostSteps, defaultSteps: 10),
                .init(name: "mr-sde", steps: 1...mostSteps, defaultSteps: 10),
            ], options: Set(RestorationOption.allCases), drawsGuidance: drawsGuidance)
    }

    var references: [Picture] { state.withLock { $0.references } }
    var seen: [RestorationOptions] { state.withLock { $0.seen } }
    var active: Int { state.withLock { $0.active } }
    var cancelled: Int { state.withLock { $0.cancelled } }
    var loadsRead: Int { state.withLock { $0.loadsRead } }

    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }

    /// Lets the held work end.
    func release() {
        let held = state.withLock { state in
            state.holds = false
            defer { state.held = [:] }
            return Array(state.held.values)
        }
        for continuation in held { continuation.resume() }
    }

    /// Reports progress of all held work.
    func report(_ progress: RestorationProgress) {
        let reports = state.withLock { Array($0.reports.values) }
        for report in reports { report(progress) }
    }

    func estimate(width: Int, height: Int, options: RestorationOptions) throws(RestorationError) -> RestorationEstimate {
        state.withLock { state in
            RestorationEstimate(
                bytes: width * height, blendingBytes: state.blendingBytes, seconds: state.estimatedSeconds,
                idleSeconds: state.idleSeconds)
        }
    }

    func restore(
        _ source: PictureSource, options: RestorationOptions, memory: PictureBooking?,
        progress: @escaping @Sendable (RestorationProgress) -> Void
    ) async throws(RestorationError) -> RestorationResult {
        if let reference = options.reference {
            let picture = try await self.reference(reference)
            state.withLock { $0.references.append(picture) }
        }
        let picture = try await picture(source, memory)
        let number = try begin(picture, options, progress)
        defer { end(number) }
        for step in state.withLock({ $0.progress }) { progress(step) }
        if state.withLock({ $0.holds }) { await hold(number) }
        if Task.isCancelled {
            state.withLock { $0.cancelled += 1 }
            throw .cancelled
        }
        if let failure = state.withLock({ $0.failure }) { throw failure }
        var result = RestorationResult(
            picture: picture,
            rounds: (options.degradations ?? ["rainy"]).map { .init(degradation: $0, confidence: 0.97123) },
            sampling: .init(
                sampler: options.sampler ?? "posterior", steps: options.steps ?? 7,
                seed: options.seed ?? 18_446_744_073_709_551_615),
            unchanged: state.withLock { $0.isUnchanged }, declined: state.withLock { $0.declined }, timing: timing)
        if options.drawsGuidance { result.guidance = state.withLock { $0.drawing } }
        return result
    }

    private func reference(_ reference: ReferencePicture) async throws(RestorationError) -> Picture {
        do {
            return try await reference.load()
        } catch let error as ImageError {
            throw .reference(error)
        } catch {
            throw .cancelled
        }
    }

    private var timing: RestorationTiming {
        var timing = RestorationTiming()
        (timing.queue, timing.decode) = (.milliseconds(1), .milliseconds(4))
        (timing["classify"], timing["diffuse"]) = (.milliseconds(2), .milliseconds(3))
        return timing
    }

    /// Decodes as soon as there is memory for it.
    private func picture(
        _ source: PictureSource, _ memory: PictureBooking?
    ) async throws(RestorationError) -> Picture {
        state.withLock { $0.beforeTurn }()
        do {
            while let memory, !memory.reservation.growForWork(to: memory.bytes) {
                try await Task.sleep(for: .milliseconds(1))
            }
            return try await source.load()
        } catch let error as RestorationError {
            throw error
        } catch let error as ImageError {
            throw .picture(error)
        } catch {
            throw .cancelled
        }
    }

    func classify(
        _ source: PictureSource, labels: [String]?, deadline: ContinuousClock.Instant?, memory: PictureBooking?
    ) async throws(RestorationError) -> ClassificationResult {
        _ = try await picture(source, memory)
        state.withLock { state in
            state.labelsSeen.append(labels)
            state.classificationDeadlines.append(deadline)
        }
        if let failure = state.withLock({ $0.failure }) { throw failure }
        let names = labels ?? recipe.labels
        let entries = names.enumerated().map { Classification.Entry(label: $1, probability: $0 == 0 ? 0.9 : 0.05) }
        guard let classification = Classification(entries: entries) else { throw .internalFault("no labels") }
        return ClassificationResult(classification, timing: timing)
    }

    var load: EngineLoad {
        state.withLock { state in
            state.loadsRead += 1
            var load = state.load
            load.queued = state.active
            return load
        }
    }

    private func begin(
        _ picture: Picture, _ options: RestorationOptions,
        _ progress: @escaping @Sendable (RestorationProgress) -> Void
    ) throws(RestorationError) -> Int {
        let number: Int? = state.withLock { state in
            state.seen.append(options)
            guard state.active < state.queueLimit else { return nil }
            state.pictures.append(picture)
            state.active += 1
            state.next += 1
            state.reports[state.next] = progress
            return state.next
        }
        guard let number else {
            throw .queueFull(limit: state.withLock { $0.queueLimit }, retryAfterSeconds: 3.2)
        }
        return number
    }

    private func end(_ number: Int) {
        state.withLock { state in
            state.active -= 1
            state.reports[number] = nil
        }
    }

    private func hold(_ number: Int) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let goesOn = state.withLock { state in
                    guard state.holds, !Task.isCancelled else { return true }
                    state.held[number] = continuation
                    return false
                }
                if goesOn { continuation.resume() }
            }
        } onCancel: {
            let continuation = state.withLock { $0.held.removeValue(forKey: number) }
            continuation?.resume()
        }
    }
}
