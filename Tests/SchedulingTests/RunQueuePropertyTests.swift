import Scheduling
import Testing

/// Random histories of a run queue, with workers, arrivals, failures and cancellations played by the test.
@Suite struct RunQueuePropertyTests {
    @Test("in random histories nothing is lost, doubled, mixed, over a limit, or stuck", arguments: 0..<8)
    func histories(part: Int) {
        for seed in 0..<100 {
            var history = History(seed: UInt64(part * 1000 + seed))
            history.run()
        }
    }

    @Test("whoever is active is done within its share of turns, whatever keeps coming", arguments: 0..<200)
    func share(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        var configuration = SchedulerConfiguration()
        configuration.maximumActiveJobs = Int.random(in: 2...5, using: &random)
        configuration.shortJobCost = Bool.random(using: &random) ? Double.random(in: 0...60, using: &random) : 0
        var queue = RunQueue<Int>(configuration)
        let now = ContinuousClock.now
        func add(steps: ClosedRange<Int>) throws -> (id: Int, cost: Double) {
            let outline = SampleOutline(
                key: Int.random(in: 0..<3, using: &random), steps: Int.random(in: steps, using: &random), bytes: 1,
                cost: Double.random(in: 0.5...8, using: &random))
            return (
                try queue.enqueue([outline], samplesAtOnce: 1, deadline: nil, now: now),
                outline.cost * Double(outline.steps)
            )
        }
        func turn() throws -> (job: Int, cost: Double) {
            while queue.active.count < configuration.maximumActiveJobs {
                _ = try add(steps: Int.random(in: 0..<4, using: &random) == 0 ? 20...90 : 1...4)
            }
            let next = queue.nextBatch(
                now: now, freeWorkers: 1, maximumBatch: { _ in 1 }, secondsNeeded: { _ in nil })
            let batch = try #require(next)
            let sample = batch.members[0].sample
            let served = queue.active.first { $0.id == sample.job }
            let cost = try #require(served).outlines[0].cost
            if queue.completeStep(of: sample), queue.retire(sample) { _ = queue.remove(sample.job) }
            return (sample.job, cost)
        }
        for _ in 0..<Int.random(in: 0...300, using: &random) { _ = try turn() }
        // A place for the one that is watched.
        if queue.active.count >= configuration.maximumActiveJobs { _ = queue.remove(queue.active[0].id) }
        let watched = try add(steps: 1...40)
        let bound = 2 * Double(configuration.maximumActiveJobs) * (watched.cost + configuration.shortJobCost + 32)
        var others = 0.0
        while queue.active.contains(where: { $0.id == watched.id }) {
            let (job, cost) = try turn()
            if job != watched.id { others += cost }
            try #require(others <= bound)
        }
    }
}

private struct History {
    private var random: SeededGenerator
    private let configuration: SchedulerConfiguration
    private let maximumBatch: [Int]
    private var queue: RunQueue<Int>
    private var busy: [RunQueue<Int>.Batch] = []
    private var stepsDone: [RunQueue<Int>.SampleID: Int] = [:]
    private var fresh: Set<RunQueue<Int>.SampleID> = []
    private var outlines: [Int: [SampleOutline<Int>]] = [:]
    private var windows: [Int: Int] = [:]
    private var ended: Set<Int> = []
    private var completed: Set<Int> = []
    private let now = ContinuousClock.now

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        var configuration = SchedulerConfiguration(workers: Int.random(in: 1...4, using: &random))
        configuration.maximumActiveJobs = Int.random(in: 1...6, using: &random)
        configuration.maximumWaitingJobs = Int.random(in: 0...6, using: &random)
        configuration.memoryBudget = Int.random(in: 20...200, using: &random)
        configuration.newcomerShare = Double.random(in: 0...0.5, using: &random)
        configuration.shortJobCost = Bool.random(using: &random) ? Double.random(in: 0...60, using: &random) : 0
        self.configuration = configuration
        var maximumBatch: [Int] = []
        for _ in 0..<3 { maximumBatch.append(Int.random(in: 0...6, using: &random)) }
        self.maximumBatch = maximumBatch
        queue = RunQueue(configuration)
    }

    mutating func run() {
        var arrivals = Int.random(in: 1...25, using: &random)
        var events = 0
        while arrivals > 0 || queue.count > 0 {
            events += 1
            guard events < 20_000 else {
                Issue.record("work is stuck")
                return
            }
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<3 where arrivals > 0:
                arrivals -= 1
                arrive()
            case 3 where Int.random(in: 0..<8, using: &random) == 0:
                cancelSomething()
            default:
                if !busy.isEmpty { finishSomething() }
            }
            startAll()
            checkBounds()
        }
        for worker in 0..<configuration.workers { queue.emptyWorkspace(of: worker) }
        #expect(queue.memory.bytesHeld == 0 && queue.memory.samplesInFlight == 0 && queue.memory.samplesEvaluating == 0)
        for job in completed {
            for (index, outline) in outlines[job, default: []].enumerated() {
                #expect(stepsDone[.init(job: job, index: index)] == outline.steps)
            }
        }
        #expect(completed.union(ended) == Set(outlines.keys))
    }

    private mutating func arrive() {
        let new = (0..<Int.random(in: 1...8, using: &random)).map { _ in
            SampleOutline(
                key: Int.random(in: 0..<3, using: &random), steps: Int.random(in: 1...5, using: &random),
                bytes: Int.random(in: 0...60, using: &random), evaluationBytes: Int.random(in: 0...60, using: &random),
                cost: Double.random(in: 0.5...8, using: &random),
                waitsForEarlier: Int.random(in: 0..<5, using: &random) == 0)
        }
        let window = Int.random(in: 1...5, using: &random)
        let isFull =
            queue.active.count >= configuration.maximumActiveJobs
            && queue.waiting.count >= configuration.maximumWaitingJobs
        let deadline = Bool.random(using: &random) ? now + .seconds(Int.random(in: 1...900, using: &random)) : nil
        do {
            let id = try queue.enqueue(new, samplesAtOnce: window, deadline: deadline, now: now)
            #expect(!isFull)
            outlines[id] = new
            windows[id] = window
        } catch {
            #expect(isFull)
        }
    }

    private mutating func cancelSomething() {
        guard let id = (queue.active + queue.waiting).map(\.id).randomElement(using: &random) else { return }
        queue.end(id)
        ended.insert(id)
        removeIfEnded(id)
    }

    private mutating func removeIfEnded(_ id: Int) {
        let isBusy = busy.contains { $0.members.contains { $0.sample.job == id } }
        if ended.contains(id), !isBusy { _ = queue.remove(id) }
    }

    private mutating func finishSomething() {
        let batch = busy.remove(at: Int.random(in: busy.indices, using: &random))
        if Int.random(in: 0..<40, using: &random) == 0 {
            for member in batch.members {
                queue.abandonStep(of: member.sample)
                queue.end(member.sample.job)
                ended.insert(member.sample.job)
            }
        } else {
            for member in batch.members {
                stepsDone[member.sample, default: 0] += 1
                let isLast = queue.completeStep(of: member.sample)
                #expect(isLast == (stepsDone[member.sample] == outline(member.sample).steps))
                if isLast, queue.retire(member.sample), !ended.contains(member.sample.job) {
                    completed.insert(member.sample.job)
                    _ = queue.remove(member.sample.job)
                }
            }
        }
        for id in Set(batch.members.map(\.sample.job)) { removeIfEnded(id) }
    }

    /// Workers never rest while there's something they may do.
    private mutating func startAll() {
        while busy.count < configuration.workers {
            let idle = (0..<configuration.workers).filter { worker in !busy.contains { $0.worker == worker } }
            guard let worker = idle.randomElement(using: &random) else { break }
            var batch = nextBatch(for: worker)
            if batch == nil, queue.hasRunnable, queue.memory.hasIdleWorkspaces {
                for worker in idle { queue.emptyWorkspace(of: worker) }
                batch = nextBatch(for: worker)
            }
            guard let batch else { break }
            check(batch)
            busy.append(batch)
        }
        if busy.isEmpty { #expect(!queue.hasRunnable, "idle workers beside runnable samples") }
    }

    private mutating func nextBatch(for worker: Int) -> RunQueue<Int>.Batch? {
        queue.nextBatch(
            for: worker, now: now, freeWorkers: configuration.workers - busy.count,
            maximumBatch: { [maximumBatch] in maximumBatch[$0] }, secondsNeeded: { _ in 100 })
    }

    private func outline(_ sample: RunQueue<Int>.SampleID) -> SampleOutline<Int> {
        outlines[sample.job, default: []][sample.index]
    }

    private mutating func check(_ batch: RunQueue<Int>.Batch) {
        let needed = batch.members.reduce(0) { $0 + outline($1.sample).evaluationBytes }
        #expect(batch.workspaceBytes >= needed)
        #expect(!batch.members.isEmpty && batch.members.count <= max(1, maximumBatch[batch.key]))
        #expect(Set(batch.members.map(\.sample)).count == batch.members.count)
        for member in batch.members {
            let sample = member.sample
            #expect(outline(sample).key == batch.key)
            #expect(!ended.contains(sample.job))
            #expect(!busy.contains { $0.members.contains { $0.sample == sample } }, "in two batches at once")
            #expect(stepsDone[sample, default: 0] < outline(sample).steps)
            let isNew = fresh.insert(sample).inserted
            #expect(member.isFresh == isNew)
            guard member.isFresh else { continue }
            let unfinished = (0..<sample.index).filter { index in
                stepsDone[.init(job: sample.job, index: index)] != outlines[sample.job, default: []][index].steps
            }
            if outline(sample).waitsForEarlier { #expect(unfinished.isEmpty) }
            if let first = unfinished.first { #expect(sample.index < first + windows[sample.job, default: 0]) }
        }
    }

    private func checkBounds() {
        #expect(queue.active.count <= configuration.maximumActiveJobs)
        #expect(queue.waiting.count <= configuration.maximumWaitingJobs)
        #expect(queue.waiting.isEmpty || queue.active.count == configuration.maximumActiveJobs)
        #expect(queue.memory.bytesHeld <= configuration.memoryBudget || queue.memory.samplesInFlight <= 1)
    }
}
