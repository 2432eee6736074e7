import Scheduling
import Testing

@Suite struct RunQueueTests {
    private typealias Queue = RunQueue<String>

    private let start = ContinuousClock.now

    private func queue(
        active: Int = 16, waiting: Int = 64, budget: Int = 1 << 40, newcomerShare: Double = 0.25,
        shortJobCost: Double = 0
    ) -> Queue {
        var configuration = SchedulerConfiguration()
        configuration.maximumActiveJobs = active
        configuration.maximumWaitingJobs = waiting
        configuration.memoryBudget = budget
        configuration.newcomerShare = newcomerShare
        configuration.shortJobCost = shortJobCost
        return Queue(configuration)
    }

    private func outlines(
        _ count: Int = 1, key: String = "a", steps: Int = 3, bytes: Int = 1, evaluation: Int = 0, cost: Double = 1
    ) -> [SampleOutline<String>] {
        (0..<count).map { _ in
            SampleOutline(key: key, steps: steps, bytes: bytes, evaluationBytes: evaluation, cost: cost)
        }
    }

    private func add(
        _ outlines: [SampleOutline<String>], to queue: inout Queue, samplesAtOnce: Int = 4, deadline: Duration? = nil,
        at time: Duration = .zero
    ) throws -> Int {
        try queue.enqueue(
            outlines, samplesAtOnce: samplesAtOnce, deadline: deadline.map(start.advanced(by:)),
            now: start.advanced(by: time))
    }

    private func next(
        of queue: inout Queue, free: Int = 1, maximum: Int = 8, seconds: Double? = nil
    ) -> Queue.Batch? {
        queue.nextBatch(now: start, freeWorkers: free, maximumBatch: { _ in maximum }, secondsNeeded: { _ in seconds })
    }

    /// Advances a batch, hands back what is finished, and removes jobs that are complete.
    private func complete(_ batch: Queue.Batch, in queue: inout Queue) {
        for member in batch.members where queue.completeStep(of: member.sample) {
            if queue.retire(member.sample) { _ = queue.remove(member.sample.job) }
        }
    }

    private func jobs(_ batch: Queue.Batch?) -> [Int] { batch?.members.map(\.sample.job) ?? [] }

    @Test("exactly the excess over active and waiting places is refused")
    func excess() throws {
        var queue = queue(active: 2, waiting: 3)
        for _ in 0..<5 { _ = try add(outlines(), to: &queue) }
        #expect(throws: SchedulingError.self) { try add(outlines(), to: &queue) }
        #expect((queue.active.count, queue.waiting.count) == (2, 3))
        _ = queue.remove(0)
        #expect((queue.active.count, queue.waiting.count) == (2, 2))
        _ = try add(outlines(), to: &queue)
        do {
            _ = try add(outlines(), to: &queue)
            Issue.record("one too many was taken")
        } catch SchedulingError.queueFull(let limit) {
            #expect(limit == 3)
        }
    }

    @Test("without waiting places, active ones still take jobs")
    func noWaiting() throws {
        var queue = queue(active: 1, waiting: 0)
        _ = try add(outlines(), to: &queue)
        #expect(throws: SchedulingError.self) { try add(outlines(), to: &queue) }
    }

    @Test("the waiting move up in the order of their deadlines, and one without a deadline isn't overtaken for ever")
    func dueOrder() throws {
        var queue = queue(active: 1, waiting: 10)
        let running = try add(outlines(), to: &queue)
        let patient = try add(outlines(), to: &queue)
        let late = try add(outlines(), to: &queue, deadline: .seconds(500))
        let soon = try add(outlines(), to: &queue, deadline: .seconds(10))
        let afterPatience = try add(outlines(), to: &queue, deadline: .seconds(650), at: .seconds(100))
        #expect(queue.waiting.map(\.id) == [soon, late, patient, afterPatience])
        #expect(queue.remove(running) == [soon])
    }

    @Test("who finds no memory is overtaken so many times and no more, unless nothing else is active")
    func overtaken() throws {
        var queue = queue(active: 2, waiting: 100)
        // Files of those behind it fill the memory that the first needs: only their going frees it.
        let large = try queue.enqueue(outlines(), samplesAtOnce: 1, deadline: start, now: start, admits: { _ in false })
        var running = try add(outlines(), to: &queue)
        let others = try (0..<40).map { _ in
            try queue.enqueue(outlines(), samplesAtOnce: 1, deadline: nil, now: start, admits: { _ in false })
        }
        for number in 1..<Queue.maximumTimesPassedOver {
            #expect(queue.promote { $0 != large && $0 == others[number - 1] } == [others[number - 1]])
            #expect(queue.remove(running, admits: { _ in false }) == [])
            running = others[number - 1]
        }
        #expect(queue.promote { $0 != large } == [])
        #expect(queue.remove(running, admits: { $0 != large }) == [others[Queue.maximumTimesPassedOver - 1]])
        #expect(queue.promote { _ in true } == [large])
    }

    @Test("short jobs overtake one that finds no memory as long as others hold that, and no longer")
    func shortOvertaking() throws {
        var queue = queue(active: 4, waiting: 100, shortJobCost: 10)
        func enqueue(cost: Double, admits: Bool = true) throws -> Int {
            try queue.enqueue(
                outlines(cost: cost), samplesAtOnce: 1, deadline: nil, now: start, admits: { _ in admits })
        }
        let running = try enqueue(cost: 100)
        let large = try enqueue(cost: 100, admits: false)
        var short = 0
        for number in 0..<100 {
            short = try enqueue(cost: 1)
            #expect(queue.waiting.map(\.id) == [large], "short job \(number)")
            if number < 99 { #expect(queue.remove(short, admits: { _ in false }) == []) }
        }
        let long = try enqueue(cost: 100)
        #expect(queue.waiting.map(\.id) == [large, long])
        // What is left has overtaken it.
        #expect(queue.remove(running, admits: { _ in false }) == [])
        let held = try enqueue(cost: 1)
        #expect(queue.waiting.map(\.id) == [large, long, held])
        #expect(queue.remove(short) == [large, long, held])
    }

    @Test("a lone sample doesn't wait for a batch to fill")
    func lone() throws {
        var queue = queue()
        let job = try add(outlines(), to: &queue)
        let batch = try #require(next(of: &queue))
        #expect(jobs(batch) == [job])
        #expect(batch.members[0].isFresh)
        #expect(next(of: &queue) == nil)
        complete(batch, in: &queue)
        #expect(next(of: &queue)?.members.map(\.isFresh) == [false])
    }

    @Test("a newcomer joins the next batch, whatever step the others are at")
    func newcomer() throws {
        var queue = queue()
        let first = try add(outlines(steps: 5), to: &queue)
        complete(try #require(next(of: &queue)), in: &queue)
        let second = try add(outlines(steps: 5), to: &queue)
        #expect(Set(jobs(next(of: &queue))) == [first, second])
    }

    @Test("a batch holds samples of one key, up to its maximum", arguments: 1...9)
    func maximum(limit: Int) throws {
        var queue = queue()
        for key in ["a", "b", "a"] { _ = try add(outlines(5, key: key), to: &queue, samplesAtOnce: 5) }
        let batch = try #require(next(of: &queue, maximum: limit))
        #expect(batch.key == "a")
        #expect(batch.members.count == limit)
        #expect(batch.members.allSatisfy { $0.sample.job != 1 })
    }

    @Test("samples of one key are shared among workers that have nothing else")
    func sharing() throws {
        var queue = queue()
        _ = try add(outlines(8), to: &queue, samplesAtOnce: 8)
        #expect(next(of: &queue, free: 3)?.members.count == 3)
        #expect(next(of: &queue, free: 2)?.members.count == 3)
        #expect(next(of: &queue, free: 1)?.members.count == 2)
        _ = try add(outlines(8, key: "b"), to: &queue, samplesAtOnce: 8)
        _ = try add(outlines(8, key: "c"), to: &queue, samplesAtOnce: 8)
        #expect(next(of: &queue, free: 3)?.members.count == 8)
    }

    @Test("a small picture gets every other evaluation's worth beside a large one")
    func smallBesideLarge() throws {
        var queue = queue()
        let large = try add(outlines(200, key: "tile", steps: 20, cost: 4), to: &queue, samplesAtOnce: 2)
        for _ in 0..<50 { complete(try #require(next(of: &queue, maximum: 1)), in: &queue) }
        let small = try add(outlines(key: "small", steps: 20, cost: 1), to: &queue)
        var largeCost = 0.0
        while queue.active.contains(where: { $0.id == small }) {
            let batch = try #require(next(of: &queue, maximum: 1))
            if jobs(batch) == [large] { largeCost += 4 }
            complete(batch, in: &queue)
        }
        #expect(largeCost <= 24)
    }

    @Test("a short job is done before a long one under way has its next turn; one that is a little longer isn't")
    func shortBesideLong() throws {
        for (steps, turnsOfOthers) in [(1, 0), (6, 0), (7, 2)] {
            var queue = queue(shortJobCost: 6)
            let long = try add(outlines(200, key: "tile", steps: 20, cost: 4), to: &queue, samplesAtOnce: 1)
            for _ in 0..<50 { complete(try #require(next(of: &queue, maximum: 1)), in: &queue) }
            let short = try add(outlines(key: "small", steps: steps, cost: 1), to: &queue)
            var turns = 0
            while queue.active.contains(where: { $0.id == short }) {
                let batch = try #require(next(of: &queue, maximum: 1))
                if jobs(batch) == [long] { turns += 1 }
                complete(batch, in: &queue)
            }
            #expect(turns == turnsOfOthers, "\(steps) steps")
        }
    }

    @Test("the tenth short job beside a long one is done as soon as the first, where the long one had turns between")
    func shortJobsOneAfterAnother() throws {
        var queue = queue(shortJobCost: 6)
        let long = try add(outlines(200, key: "tile", steps: 20, cost: 4), to: &queue, samplesAtOnce: 1)
        for number in 1...10 {
            for _ in 0..<2 { complete(try #require(next(of: &queue, maximum: 1)), in: &queue) }
            let short = try add(outlines(key: "small", steps: 5, cost: 1), to: &queue)
            while queue.active.contains(where: { $0.id == short }) {
                let batch = try #require(next(of: &queue, maximum: 1))
                #expect(jobs(batch) != [long], "beside short job \(number)")
                complete(batch, in: &queue)
            }
        }
    }

    @Test("short jobs one after the other leave a long one nearly half of the turns, however many they are")
    func shortJobsWithoutAPause() throws {
        var queue = queue(shortJobCost: 16)
        let long = try add(outlines(400, key: "tile", cost: 1), to: &queue, samplesAtOnce: 1)
        var turns = 0
        for _ in 0..<20 {
            let short = try add(outlines(key: "small", steps: 16, cost: 1), to: &queue)
            while queue.active.contains(where: { $0.id == short }) {
                let batch = try #require(next(of: &queue, maximum: 1))
                if jobs(batch) == [long] { turns += 1 }
                complete(batch, in: &queue)
            }
            // Between two of them, whoever is there has a turn.
            let batch = try #require(next(of: &queue, maximum: 1))
            #expect(jobs(batch) == [long])
            turns += 1
            complete(batch, in: &queue)
        }
        #expect(turns >= 20 * 16 * 2 / 5)
    }

    @Test(
        "a large job is not starved by an endless stream of small ones, not even of those that go first",
        arguments: [1, 2, 7], [0, 40.0])
    func largeIsServed(steps: Int, shortJobCost: Double) throws {
        var queue = queue(active: 4, shortJobCost: shortJobCost)
        let large = try add(outlines(10, key: "tile", steps: 10, cost: 4), to: &queue, samplesAtOnce: 2)
        var batches = 0
        while queue.active.contains(where: { $0.id == large }) {
            while queue.active.count < 4 { _ = try add(outlines(key: "small", steps: steps), to: &queue) }
            complete(try #require(next(of: &queue, maximum: 1)), in: &queue)
            batches += 1
        }
        // 100 batches of its own, and three others with four batches' worth of work each for every one of them.
        // Once for all, those that come later are ahead of it by what they may borrow.
        #expect(batches <= 100 * (1 + 3 * 4) + 20 + 4 * Int(shortJobCost))
    }

    @Test("a job that needs most of the memory gets its turn in an endless stream of small ones")
    func memoryHungry() throws {
        var queue = queue(active: 4, budget: 100)
        for _ in 0..<3 { _ = try add(outlines(key: "small", steps: 4, bytes: 30), to: &queue) }
        complete(try #require(next(of: &queue, maximum: 2)), in: &queue)
        let hungry = try add(outlines(key: "big", steps: 1, bytes: 90), to: &queue)
        var batches = 0
        while queue.active.contains(where: { $0.id == hungry }) {
            while queue.active.count < 4 { _ = try add(outlines(key: "small", steps: 4, bytes: 30), to: &queue) }
            complete(try #require(next(of: &queue, maximum: 2)), in: &queue)
            batches += 1
            try #require(batches < 100)
        }
        #expect(batches <= 2 * Queue.maximumTimesPassedOver)
    }

    @Test("an evaluation that needs all the memory gets its turn though other workers never rest")
    func evaluationHungry() throws {
        var queue = queue(active: 4, budget: 100, newcomerShare: 0)
        var busy: [Queue.Batch] = []
        for _ in 0..<3 { _ = try add(outlines(key: "small", steps: 50, bytes: 0, evaluation: 30), to: &queue) }
        busy.append(try #require(next(of: &queue, free: 2, maximum: 1)))
        let hungry = try add(outlines(key: "big", steps: 2, bytes: 0, evaluation: 100), to: &queue)
        var rounds = 0
        while queue.active.contains(where: { $0.id == hungry }) {
            while busy.count < 2, let batch = next(of: &queue, free: 2, maximum: 1) { busy.append(batch) }
            complete(busy.removeFirst(), in: &queue)
            #expect(queue.memory.bytesHeld <= 100)
            rounds += 1
            try #require(rounds < 200)
        }
    }

    @Test("samples start in order, within their window")
    func window() throws {
        var queue = queue()
        _ = try add(outlines(10, steps: 2), to: &queue, samplesAtOnce: 3)
        let batch = try #require(next(of: &queue))
        #expect(batch.members.map(\.sample.index) == [0, 1, 2])
        // The two later ones finish first: the window stands until the first does.
        for member in batch.members { _ = queue.completeStep(of: member.sample) }
        let again = try #require(next(of: &queue))
        for member in again.members.dropFirst() {
            let isLast = queue.completeStep(of: member.sample)
            #expect(isLast)
            _ = queue.retire(member.sample)
        }
        #expect(next(of: &queue) == nil)
        _ = queue.completeStep(of: again.members[0].sample)
        #expect(next(of: &queue) == nil)
        _ = queue.retire(again.members[0].sample)
        #expect(next(of: &queue)?.members.map(\.sample.index) == [3, 4, 5])
    }

    @Test("a sample that waits for earlier ones starts when they have been handed back, others with it")
    func barrier() throws {
        var queue = queue()
        let outlines = [false, false, true, false, true].map {
            SampleOutline(key: "a", steps: 1, bytes: 1, cost: 1, waitsForEarlier: $0)
        }
        _ = try add(outlines, to: &queue, samplesAtOnce: 8)
        for expected in [[0, 1], [2, 3], [4]] {
            let batch = try #require(next(of: &queue))
            #expect(batch.members.map(\.sample.index) == expected)
            for member in batch.members { _ = queue.completeStep(of: member.sample) }
            #expect(next(of: &queue) == nil)
            for member in batch.members { _ = queue.retire(member.sample) }
        }
        #expect(queue.active[0].isComplete)
    }

    @Test("a job whose time runs out gets more than its share, yet not everything")
    func urgency() throws {
        var queue = queue()
        let calm = try add(outlines(steps: 100), to: &queue)
        let urgent = try add(outlines(steps: 100), to: &queue, deadline: .seconds(10))
        var served: [Int: Int] = [:]
        for _ in 0..<50 {
            let batch = try #require(next(of: &queue, maximum: 1, seconds: 9))
            served[batch.members[0].sample.job, default: 0] += 1
            complete(batch, in: &queue)
        }
        #expect(served[urgent, default: 0] >= 38)
        #expect(served[calm, default: 0] >= 9)
    }

    @Test("an ended job gives no more steps and its memory back")
    func ended() throws {
        var queue = queue()
        let job = try add(outlines(3, bytes: 10), to: &queue)
        let batch = try #require(next(of: &queue, maximum: 2))
        #expect(queue.memory.bytesHeld == 20)
        queue.end(job)
        #expect(next(of: &queue) == nil)
        for member in batch.members { _ = queue.completeStep(of: member.sample) }
        #expect(next(of: &queue) == nil)
        _ = queue.remove(job)
        #expect(queue.memory.bytesHeld == 0)
        #expect(queue.count == 0)
    }
}
