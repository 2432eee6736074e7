import Dispatch
import Scheduling
import Synchronization
import Testing

/// A sample whose state is a hash of its seed and of every step it had. Not `Sendable`, as real ones aren't.
final class FakeSample {
    let job: Int
    let index: Int
    private(set) var stepsDone = 0
    private(set) var value: UInt64
    private let inUse = Atomic(false)
    private let onRelease: (@Sendable () -> Void)?

    init(job: Int, index: Int, onRelease: (@Sendable () -> Void)? = nil) {
        self.job = job
        self.index = index
        self.onRelease = onRelease
        value = SeededGenerator.mix(UInt64(job) << 32 + UInt64(index))
    }

    deinit { onRelease?() }

    /// - Returns: false where another thread was in the middle of a step of this sample.
    func step() -> Bool {
        guard !inUse.exchange(true, ordering: .acquiring) else { return false }
        value = SeededGenerator.mix(value &+ UInt64(stepsDone))
        stepsDone += 1
        inUse.store(false, ordering: .releasing)
        return true
    }

    /// What the value is after that many steps without any company.
    static func expected(job: Int, index: Int, steps: Int) -> UInt64 {
        let sample = FakeSample(job: job, index: index)
        for _ in 0..<steps { _ = sample.step() }
        return sample.value
    }
}

struct FakeFailure: Error, Equatable {
    var text = "out of numbers"
}

/// A network that tells the test of each evaluation and waits until it may go on.
final class GatedNetwork: StepEvaluator {
    struct Evaluation: Sendable, Equatable {
        var key: String
        var jobs: [Int]
        var worker: Int
    }

    /// Evaluations that have begun, in order.
    let begun: AsyncStream<Evaluation>
    /// Workers that were told that there is no work.
    let rests: AsyncStream<Int>
    private let announce: AsyncStream<Evaluation>.Continuation
    private let rested: AsyncStream<Int>.Continuation
    private let gate = DispatchSemaphore(value: 0)
    private let isOpen = Atomic(false)
    private let maximum: Int
    private let failNext = Mutex<FakeFailure?>(nil)
    private let whileAdvancing: (@Sendable () -> Void)?

    init(maximum: Int = 8, whileAdvancing: (@Sendable () -> Void)? = nil) {
        self.maximum = maximum
        self.whileAdvancing = whileAdvancing
        (begun, announce) = AsyncStream.makeStream()
        (rests, rested) = AsyncStream.makeStream()
    }

    func maximumBatch(for key: String) -> Int { maximum }

    /// Keys in capitals are those of another network.
    func kind(of key: String) -> Int { key == key.uppercased() ? 1 : 0 }

    func advance(_ samples: [FakeSample], of key: String, worker: Int, workspaceBytes: Int) throws {
        announce.yield(Evaluation(key: key, jobs: samples.map(\.job), worker: worker))
        if !isOpen.load(ordering: .acquiring) { gate.wait() }
        whileAdvancing?()
        if let failure = failNext.withLock({ $0.take() }) { throw failure }
        for sample in samples where !sample.step() { Issue.record("two threads in one sample") }
    }

    func rest(worker: Int) { rested.yield(worker) }

    /// Lets one evaluation end.
    func letOneEnd() { gate.signal() }

    /// Lets the evaluation under way fail.
    func letOneFail() {
        failNext.withLock { $0 = FakeFailure() }
        gate.signal()
    }

    /// Lets all evaluations pass from here on, those of up to eight workers that wait included.
    func open() {
        isOpen.store(true, ordering: .releasing)
        for _ in 0..<8 { gate.signal() }
    }
}

/// What became of a job's samples. Its mutex guards the record.
final class JobLog: Sendable {
    struct Record: Sendable {
        var made: [Int] = []
        var finished: [Int: UInt64] = [:]
        var progress: [JobProgress] = []
        var released = 0
    }

    private let record = Mutex(Record())
    private let progressContinuation: AsyncStream<JobProgress>.Continuation
    let progress: AsyncStream<JobProgress>

    init() { (progress, progressContinuation) = AsyncStream.makeStream() }

    func update(_ body: (inout Record) -> Void) { record.withLock { body(&$0) } }

    func note(_ progress: JobProgress) {
        update { $0.progress.append(progress) }
        progressContinuation.yield(progress)
    }

    var now: Record { record.withLock { $0 } }
}

/// A job of equal fake samples that writes down what happens to it.
func fakeJob(
    _ number: Int, samples: Int = 1, steps: Int = 3, key: String = "a", atOnce: Int = 4, bytes: Int = 1,
    deadline: ContinuousClock.Instant? = nil, log: JobLog,
    make: (@Sendable (Int) throws -> Void)? = nil, finish: (@Sendable (Int) throws -> JobDirection<String>)? = nil
) -> StepJob<FakeSample, String> {
    StepJob(
        outlines: (0..<samples).map { _ in SampleOutline(key: key, steps: steps, bytes: bytes, cost: 1) },
        samplesAtOnce: atOnce, deadline: deadline, progress: { log.note($0) },
        makeSample: { index, _ in
            try make?(index)
            log.update { $0.made.append(index) }
            return FakeSample(job: number, index: index) { log.update { $0.released += 1 } }
        },
        finishSample: { sample, index in
            #expect(sample.job == number && sample.index == index)
            let value = sample.value
            log.update { $0.finished[index] = value }
            return try finish?(index) ?? .goOn
        })
}

/// A short name for how a job ended.
func outcome(of submission: () async throws(SchedulingError) -> Void) async -> String {
    do {
        try await submission()
        return "done"
    } catch {
        switch error {
        case .queueFull(let limit): return "full \(limit)"
        case .cancelled: return "cancelled"
        case .deadlineExceeded(let whileQueued): return whileQueued ? "expired queued" : "expired running"
        case .draining: return "draining"
        case .failed(let error): return "failed \((error as? FakeFailure)?.text ?? "\(error)")"
        case .threadsUnavailable: return "threads"
        }
    }
}

func makeScheduler(
    _ network: GatedNetwork, clock: any SchedulerClock = ContinuousClock(),
    _ configure: (inout SchedulerConfiguration) -> Void = { _ in }
) throws -> StepScheduler<GatedNetwork> {
    var configuration = SchedulerConfiguration()
    configure(&configuration)
    return try StepScheduler(evaluator: network, configuration: configuration, clock: clock)
}

/// Submits in a task of its own, and returns once the scheduler has taken the job in.
func submitted(
    _ job: StepJob<FakeSample, String>, log: JobLog, to scheduler: StepScheduler<GatedNetwork>
) async -> Task<String, Never> {
    let task = Task { await outcome { () async throws(SchedulingError) in try await scheduler.submit(job) } }
    for await _ in log.progress { break }
    return task
}

/// A submission that the job's own closures can cancel, from their first call on.
final class Submission: Sendable {
    private let task = Mutex<Task<String, Never>?>(nil)

    func cancel() { task.withLock { $0?.cancel() } }

    func outcome(of job: StepJob<FakeSample, String>, on scheduler: StepScheduler<GatedNetwork>) async -> String {
        let (start, begin) = AsyncStream<Void>.makeStream()
        let task = Task {
            for await _ in start { break }
            return await SchedulingTests.outcome { () async throws(SchedulingError) in try await scheduler.submit(job) }
        }
        self.task.withLock { $0 = task }
        begin.yield()
        return await task.value
    }
}

func expectedValues(_ job: Int, samples: Int = 1, steps: Int = 3) -> [Int: UInt64] {
    Dictionary(uniqueKeysWithValues: (0..<samples).map {
        ($0, FakeSample.expected(job: job, index: $0, steps: steps))
    })
}
