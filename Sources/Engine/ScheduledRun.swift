import Compute
import Images
import Scheduling
import Synchronization

/// What samples must share to be advanced together: bundle, stage and shape.
struct BatchKey: Hashable, Sendable, CustomStringConvertible {
    let bundle: Int
    let stage: String
    let width: Int
    let height: Int
    let maximumBatch: Int

    var description: String { width > 0 ? "\(stage) \(width)x\(height)" : stage }
}

extension Stage {
    /// What the scheduler must know of the samples, in order.
    func outlines(ofBundle bundle: Int) -> [SampleOutline<BatchKey>] {
        let key = BatchKey(bundle: bundle, stage: name, width: width, height: height, maximumBatch: maximumBatch)
        return (0..<count).map { index in
            SampleOutline(
                key: key, steps: steps, bytes: sampleBytes, evaluationBytes: evaluationBytes, cost: cost,
                // The first one waits for what is before, the others may go with it.
                waitsForEarlier: waits && index == 0)
        }
    }
}

/// A run as the scheduler sees it: a row of samples, stage after stage.
///
/// The mutex guards the stages, to which finished samples may add, and what waiting took.
final class ScheduledRun<Output: Sendable>: Sendable {
    private struct State {
        var stages: [Stage]
        /// The number of each stage's first sample.
        var starts: [Int] = []
        var count = 0
        /// Steps that clients are told of as progress.
        var progressSteps = 0
        var timing = RestorationTiming()

        init(_ stages: [Stage]) {
            self.stages = []
            stages.forEach { append($0) }
        }

        mutating func append(_ stage: Stage) {
            stages.append(stage)
            starts.append(count)
            count += stage.count
            if stage.isProgress { progressSteps += stage.count * stage.steps }
        }

        /// The stage of a sample, and its number there.
        func place(of sample: Int) -> (stage: Int, index: Int) {
            let stage = (starts.firstIndex { $0 > sample } ?? starts.count) - 1
            return (stage, sample - starts[stage])
        }
    }

    private let run: any RecipeRun<Output>
    private let source: PictureSource
    private let reference: ReferencePicture?
    private let bundle: Int
    private let workspaces: Workspaces
    private let submitted = ContinuousClock.now
    private let deadline: ContinuousClock.Instant?
    private let isCancelled = Atomic(false)
    private let state: Mutex<State>

    /// - Parameters:
    ///   - reference: that came with the picture.
    ///   - deadline: when the output is no longer wanted.
    init(
        _ run: any RecipeRun<Output>, on source: PictureSource, reference: ReferencePicture?, ofBundle bundle: Int, workspaces: Workspaces,
        deadline: ContinuousClock.Instant?
    ) {
        self.run = run
        self.deadline = deadline
        self.source = source
        self.reference = reference
        self.bundle = bundle
        self.workspaces = workspaces
        state = Mutex(State(run.stages))
    }

    /// What waiting for the turn and decoding took.
    var timing: RestorationTiming { state.withLock { $0.timing } }

    /// Says that the output is no longer wanted, also to what is being made of the picture.
    func cancel() { isCancelled.store(true, ordering: .relaxed) }

    func job(
        memory: PictureBooking?, progress: (@Sendable (RestorationProgress) -> Void)?
    ) -> StepJob<ScheduledSample, BatchKey> {
        var tell: (@Sendable (JobProgress) -> Void)?
        if let progress { tell = { progress(self.counted($0)) } }
        var admit: (@Sendable () -> Bool)?
        if let memory { admit = { memory.reservation.growForWork(to: memory.bytes) } }
        var prepare: (@Sendable () async throws -> Void)?
        if let picture = source.decoded, reference == nil { run.begin(picture) } else { prepare = { try await self.decode() } }
        return StepJob(
            outlines: run.stages.flatMap { $0.outlines(ofBundle: bundle) }, samplesAtOnce: run.samplesAtOnce,
            deadline: deadline, progress: tell, admit: admit, prepare: prepare,
            makeSample: { try self.makeSample($0, worker: $1) }, finishSample: { try self.finishSample($0, $1) })
    }

    private func decode() async throws {
        let start = ContinuousClock.now
        state.withLock { $0.timing.queue = start - submitted }
        // First, for of a large one little is kept.
        if let reference { run.begin(reference: try await decoded(reference)) }
        let picture = try await source.load()
        guard (picture.width, picture.height) == (source.width, source.height) else {
            throw RestorationError.internalFault("a picture is not of the size that its header tells")
        }
        run.begin(picture)
        state.withLock { $0.timing.decode = .now - start }
    }

    /// What is wrong with a reference is told as such.
    private func decoded(_ reference: ReferencePicture) async throws -> Picture {
        do {
            return try await reference.load()
        } catch let error as ImageError where error != .cancelled && error != .outOfMemory {
            throw RestorationError.reference(error)
        }
    }

    private func makeSample(_ number: Int, worker: Int) throws -> sending ScheduledSample {
        let (stage, place) = state.withLock { state in
            if number == 0, source.decoded != nil, reference == nil { state.timing.queue = .now - submitted }
            let place = state.place(of: number)
            return (state.stages[place.stage], place)
        }
        do {
            return ScheduledSample(
                stage,
                try run.makeSample(place.index, ofStage: place.stage, in: workspaces[worker]) { [self] in
                    !isCancelled.load(ordering: .relaxed) && deadline.map { $0 > .now } ?? true
                })
        } catch {
            let isLate = error == .cancelled && !isCancelled.load(ordering: .relaxed)
            throw isLate ? .deadlineExceeded(whileQueued: false) : error
        }
    }

    private func finishSample(_ sample: ScheduledSample, _ number: Int) throws -> JobDirection<BatchKey> {
        let place = state.withLock { $0.place(of: number) }
        switch try run.finishSample(sample.value, place.index, ofStage: place.stage) {
        case .goOn: return .goOn
        case .complete: return .complete
        case .extend(let stages):
            state.withLock { state in stages.forEach { state.append($0) } }
            return .extend(stages.flatMap { $0.outlines(ofBundle: bundle) })
        }
    }

    /// Looks are steps of the job, but not of what clients are told as progress.
    private func counted(_ report: JobProgress) -> RestorationProgress {
        switch report {
        case .queued(let position): return .queued(position: position)
        case .running(let completed, let steps, let remaining):
            let total = state.withLock { $0.progressSteps }
            let done = max(0, completed - max(0, steps - total))
            return .running(completed: min(done, total), total: total, remainingSeconds: remaining)
        }
    }
}

/// A sample with its stage. Not `Sendable`: the scheduler hands it from thread to thread, and one owns it at a time.
final class ScheduledSample {
    let stage: Stage
    let value: any StageSample

    init(_ stage: Stage, _ value: sending any StageSample) {
        self.stage = stage
        self.value = value
    }
}

/// Runs batches: one call of a stage for all samples that share it, whatever request they are of.
struct StageRunner: StepEvaluator {
    let workspaces: Workspaces

    func begin(worker: Int) { workspaces.open(worker) }

    func maximumBatch(for key: BatchKey) -> Int { key.maximumBatch }

    func kind(of key: BatchKey) -> Int { key.bundle }

    func advance(_ samples: [ScheduledSample], of key: BatchKey, worker: Int, workspaceBytes: Int) throws {
        guard let stage = samples.first?.stage else { return }
        let workspace = workspaces[worker]
        workspace.pool.limit(to: workspaceBytes)
        try stage.advance(samples.map(\.value), workspace)
    }

    func rest(worker: Int) { workspaces[worker].pool.trim() }
}

/// A workspace for each worker, made on the worker's own thread. Sendable, although a workspace isn't: the scheduler
/// never runs two calls of one worker at once, and each call touches its own worker's only.
final class Workspaces: @unchecked Sendable {
    private final class Place {
        let threads: Int
        lazy var workspace = Workspace(threads: threads)

        init(threads: Int) { self.threads = threads }
    }

    private let places: [Place]
    private let onFewerThreads: (@Sendable (_ wanted: Int, _ got: Int) -> Void)?

    /// - Parameter onFewerThreads: told of a workspace that got fewer threads than asked for.
    init(count: Int, threads: Int, onFewerThreads: (@Sendable (_ wanted: Int, _ got: Int) -> Void)?) {
        places = (0..<max(1, count)).map { _ in Place(threads: max(1, threads)) }
        self.onFewerThreads = onFewerThreads
    }

    subscript(worker: Int) -> Workspace { places[worker].workspace }

    /// Starts the threads of a worker's workspace.
    func open(_ worker: Int) {
        let (wanted, got) = (places[worker].threads, places[worker].workspace.threads)
        if got < wanted { onFewerThreads?(wanted, got) }
    }
}
