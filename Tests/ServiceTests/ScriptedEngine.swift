import Bundles
import Diffusion
import Engine
import Images
import Service
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
        /// Reported before the result.
        var progress: [RestorationProgress] = [.queued(position: 0)]

        var seen: [RestorationOptions] = []
        var labelsSeen: [[String]?] = []
        var classificationDeadlines: [ContinuousClock.Instant?] = []
        var pictures: [Picture] = []
        var cancelled = 0
        var active = 0
        var held: [Int: CheckedContinuation<Void, Never>] = [:]
        var reports: [Int: @Sendable (RestorationProgress) -> Void] = [:]
        var next = 0
        /// How often the load was asked for.
        var loadsRead = 0
    }

    let state: Mutex<State>
    let bundle: BundleSummary

    /// What the service is told that may be asked of it.
    let choices: RestorationChoices

    init(_ configure: (inout State) -> Void = { _ in }, hasTextTower: Bool = false, mostSteps: Int = 100) {
        var initial = State()
        configure(&initial)
        state = Mutex(initial)
        bundle = BundleSummary(
            name: "scripted", version: "1", licence: "none", trainingDataTerms: "none",
            labels: Self.labels, hasTextTower: hasTextTower, defaultSampler: .posterior,
            defaultSteps: 7, digests: ["unet.safetensors": String(repeating: "ab", count: 32)])
        choices = RestorationChoices(
            samplers: [
                RestorationChoices.Sampler(.posterior, steps: 1...mostSteps),
                RestorationChoices.Sampler(.sde, steps: 10...mostSteps, defaultSteps: 20),
                RestorationChoices.Sampler(.ode, steps: 10...mostSteps, defaultSteps: 20),
            ], labels: Self.labels)
    }

    private static let labels = ["rainy", "noisy", "clean"]

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

    func estimate(width: Int, height: Int, options: RestorationOptions) throws(RestorationError) -> WorkEstimate {
        state.withLock { state in
            WorkEstimate(
                bytes: width * height, blendingBytes: state.blendingBytes, seconds: state.estimatedSeconds,
                idleSeconds: state.idleSeconds)
        }
    }

    func restore(
        _ picture: Picture, options: RestorationOptions, progress: @escaping @Sendable (RestorationProgress) -> Void
    ) async throws(RestorationError) -> RestorationResult {
        let number = try begin(picture, options, progress)
        defer { end(number) }
        for step in state.withLock({ $0.progress }) { progress(step) }
        if state.withLock({ $0.holds }) { await hold(number) }
        if Task.isCancelled {
            state.withLock { $0.cancelled += 1 }
            throw .cancelled
        }
        if let failure = state.withLock({ $0.failure }) { throw failure }
        return RestorationResult(
            picture: picture, degradations: options.degradations ?? ["rainy"], confidence: 0.97123,
            seed: options.seed ?? 18_446_744_073_709_551_615, steps: options.steps ?? bundle.defaultSteps,
            sampler: options.sampler ?? bundle.defaultSampler, unchanged: state.withLock { $0.isUnchanged },
            timing: RestorationResult.Timing(
                queue: .milliseconds(1), classify: .milliseconds(2), diffuse: .milliseconds(3)))
    }

    func classify(
        _ picture: Picture, labels: [String]?, deadline: ContinuousClock.Instant?
    ) async throws(RestorationError) -> Classification {
        state.withLock { state in
            state.labelsSeen.append(labels)
            state.classificationDeadlines.append(deadline)
        }
        if let failure = state.withLock({ $0.failure }) { throw failure }
        let names = labels ?? bundle.labels
        return Classification(
            entries: names.enumerated().map { Classification.Entry(label: $1, probability: $0 == 0 ? 0.9 : 0.05) })
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
