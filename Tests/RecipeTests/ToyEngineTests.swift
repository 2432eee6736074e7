import Bundles
import Engine
import Images
import Scheduling
import Synchronization
import Testing

/// A recipe of another kind, run by the engine as it is.
@Suite("A toy recipe: engine", .timeLimit(.minutes(2)))
struct ToyEngineTests {
    private func restore(
        _ picture: Picture, on engine: RecipeEngine, _ options: RestorationOptions = RestorationOptions()
    ) async throws -> RestorationResult {
        try await engine.restore(picture, options: options) { _ in }
    }

    @Test("its bytes are those worked out by hand, with a second pass where the first left the picture dark", arguments: [
        (0, 2), (40, 2), (90, 1), (230, 1),
    ])
    func bytes(level: Int, passes: Int) async throws {
        let (probe, picture) = (ToyProbe(), Picture.shade(level))
        let told = Mutex<[RestorationProgress]>([])
        let result = try await ToyBundle().engine(probe).restore(picture, options: RestorationOptions()) { progress in
            told.withLock { $0.append(progress) }
        }
        let expected = picture.brightened(gain: ToyBundle.gain)
        #expect(expected.passes == passes, "the test needs both")
        #expect(result.picture == expected.picture && result.picture != picture)
        #expect(result.degradations == Array(repeating: "dim", count: passes))
        #expect(result.sampling == nil && !result.unchanged)
        #expect(probe.networkEvaluations == 2 * probe.batches.count)
        #expect(probe.batches.flatMap(\.self).count == passes * picture.height * Brightening.steps)
        guard case .running(let completed, let total, _)? = told.withLock({ $0.last }) else {
            Issue.record("no progress")
            return
        }
        #expect(completed == total && total == passes * picture.height * Brightening.steps)
    }

    @Test("its own option is taken, and those of other recipes are refused by name before anything is done")
    func options() async throws {
        let (probe, picture) = (ToyProbe(), Picture.shade(0))
        let engine = try ToyBundle().engine(probe)
        let one = try engine.recipe.options(reading: [.rounds: "1"])
        #expect(try await restore(picture, on: engine, one).picture == picture.brightened(gain: ToyBundle.gain, mostRounds: 1).picture)
        let done = probe.batches.count
        for (option, change) in [
            (.steps, { $0.steps = 2 }), (.seed, { $0.seed = 1 }), (.sampler, { $0.sampler = "sde" }),
            (.degradation, { $0.degradations = ["dim"] }), (.force, { $0.force = true }), (.tile, { $0.tile = 64 }),
        ] as [(RestorationOption, (inout RestorationOptions) -> Void)] {
            var options = RestorationOptions()
            change(&options)
            let error = await #expect(throws: RestorationError.self) { try await restore(picture, on: engine, options) }
            guard case .option(let fault)? = error else {
                Issue.record("\(option.name): \(String(describing: error))")
                continue
            }
            #expect(fault.option == option && fault.expected == "left out: this bundle has no such choice")
        }
        await #expect(throws: RestorationError.notOffered("classification", bundle: "rows")) {
            try await engine.classify(picture, labels: nil)
        }
        #expect(probe.batches.count == done)
    }

    @Test("pictures of one width share steps, whoever they are of, and none changes another", arguments: 1...3)
    func company(workers: Int) async throws {
        let probe = ToyProbe(isOpen: false)
        let engine = try ToyBundle().engine(probe) { $0.workers = workers }
        let pictures = (0..<10).map { Picture.shade($0 * 20, height: 9 + $0, seed: $0) } + [.shade(10, width: 40)]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for picture in pictures {
                group.addTask {
                    let restored = try await restore(picture, on: engine).picture
                    #expect(restored == picture.brightened(gain: ToyBundle.gain).picture)
                }
            }
            await eventually("all are there") { engine.load.running == pictures.count }
            probe.open()
            try await group.waitForAll()
        }
        #expect(probe.batches.contains { Set($0).count > 1 }, "no step was shared")
        #expect(probe.batches.allSatisfy { $0.count <= 8 })
        #expect(engine.load.running == 0 && engine.load.samplesInFlight == 0)
    }

    @Test("pictures that are decoded already share their first step: none waits to be made ready")
    func decodedAlready() async throws {
        let probe = ToyProbe(isOpen: false)
        let engine = try ToyBundle().engine(probe)
        let others = (0..<8).map { Picture.shade(200, height: 8, seed: $0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            // Of another width: keeps the worker until the others have been taken in.
            group.addTask { _ = try await restore(.shade(200, width: 9, height: 8), on: engine) }
            await eventually("the worker is at it") { probe.batches.count == 1 }
            for picture in others {
                group.addTask {
                    let timing = try await restore(picture, on: engine).timing
                    #expect(timing.decode == .zero && timing.queue > .zero)
                }
            }
            await eventually("all are taken in") { engine.load.running == 9 }
            probe.open()
            try await group.waitForAll()
        }
        let ofOthers = try #require(probe.batches.first { $0 != Array(repeating: probe.batches[0][0], count: $0.count) })
        #expect(Set(ofOthers).count == 8)
    }

    @Test("who leaves ends at the next step, and the others don't notice")
    func cancelling() async throws {
        let probe = ToyProbe(isOpen: false)
        let engine = try ToyBundle().engine(probe)
        let tasks = (0..<4).map { number in
            Task { try await restore(.shade(10 * number, seed: number), on: engine).picture }
        }
        await eventually("all are taken in") { engine.load.running == 4 }
        tasks[1].cancel()
        tasks[3].cancel()
        probe.open()
        for number in [0, 2] {
            let expected = Picture.shade(10 * number, seed: number).brightened(gain: ToyBundle.gain).picture
            #expect(try await tasks[number].value == expected)
        }
        for number in [1, 3] {
            await #expect(throws: RestorationError.cancelled) { try await tasks[number].value }
        }
        await eventually("nothing is left") { engine.load.running == 0 && engine.load.samplesInFlight == 0 }
    }

    @Test("a picture is decoded at its turn: those that wait for memory hold none, know their place, may leave and expire")
    func decodedAtItsTurn() async throws {
        let (probe, budget) = (ToyProbe(isOpen: false), MemoryBudget(limit: 100, workReserve: 0))
        let decoded = Counter()
        let engine = try ToyBundle().engine(probe) { $0.pictureMemory = budget }
        let picture = Picture.shade(200)
        @Sendable func submit(deadline: ContinuousClock.Instant? = nil) -> (Task<RestorationResult, any Error>, Places) {
            let places = Places()
            let task = Task {
                let source = PictureSource(width: picture.width, height: picture.height) {
                    decoded.countOne()
                    return picture
                }
                var options = RestorationOptions()
                options.deadline = deadline
                let booking = PictureBooking(reservation: budget.reservation(), bytes: 60)
                return try await engine.restore(source, options: options, memory: booking) { places.note($0) }
            }
            return (task, places)
        }
        let (first, _) = submit()
        await eventually("the first is at work") { probe.batches.count == 1 }
        let (second, placesOfSecond) = submit()
        await eventually("the second waits") { placesOfSecond.all == [0] }
        let (third, placesOfThird) = submit()
        await eventually("the third waits behind it") { placesOfThird.all == [1] }
        await #expect(throws: RestorationError.deadlineExceeded(whileQueued: true)) {
            try await submit(deadline: .now + .milliseconds(100)).0.value
        }
        second.cancel()
        await #expect(throws: RestorationError.cancelled) { try await second.value }
        await eventually("the third has moved up") { placesOfThird.all.last == 0 }
        #expect(decoded.count == 1 && budget.used == 60 && engine.load.queued == 1)
        probe.open()
        let expected = picture.brightened(gain: ToyBundle.gain).picture
        #expect(try await first.value.picture == expected)
        #expect(try await third.value.picture == expected)
        #expect(decoded.count == 2)
        await eventually("all memory has come back") { budget.used == 0 }
    }
}

/// The places in the queue that a request was told. The mutex guards them.
private final class Places: Sendable {
    private let places = Mutex<[Int]>([])

    var all: [Int] { places.withLock { $0 } }

    func note(_ progress: RestorationProgress) {
        if case .queued(let position) = progress { places.withLock { $0.append(position) } }
    }
}

/// The atomic counts.
private final class Counter: Sendable {
    private let number = Atomic(0)

    var count: Int { number.load(ordering: .relaxed) }

    func countOne() { number.add(1, ordering: .relaxed) }
}
