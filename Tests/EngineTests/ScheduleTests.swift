import Bundles
import Engine
import Images
import TestSupport
import Testing

/// What company, order of arrival, cancellations and threads must not change: a picture's bytes.
@Suite("Schedules", .serialized)
struct ScheduleTests {
    private static let schedules = 200
    /// Workers, threads of each, and samples an evaluation.
    private static let engines = [(1, 1, 8), (2, 1, 8), (1, 2, 3), (1, 3, 8), (1, 4, 8), (2, 2, 1), (3, 1, 8)]

    @Test("200 random schedules of the network that ships give the bytes of undisturbed runs")
    func byteIdentity() async throws {
        let orders = RestorationOrder.samples
        let alone = try ShippedEngine.make(workers: 1, threads: 1, batch: 1)
        var expected: [[UInt8]] = []
        for order in orders { expected.append(try await order.run(on: alone)) }
        #expect(Set(expected).count == orders.count, "orders that can't be told apart prove nothing")

        let restorers = try Self.engines.map { try ShippedEngine.make(workers: $0.0, threads: $0.1, batch: $0.2) }
        var shared = 0
        for seed in 0..<Self.schedules {
            let restorer = restorers[seed % restorers.count]
            let before = restorer.load.batchSizes
            let outcomes = await Schedule(seed: UInt64(seed), orders: orders.count).run(orders, on: restorer)
            for (order, outcome) in outcomes {
                switch outcome {
                case .success(let pixels): #expect(pixels == expected[order], "schedule \(seed), order \(order)")
                case .failure(let error): #expect(error == .cancelled, "schedule \(seed), order \(order)")
                }
            }
            #expect(restorer.load.running == 0 && restorer.load.samplesInFlight == 0)
            #expect(restorer.load.memoryUsed <= restorer.load.memoryBudget)
            if restorer.load.batchSizes.sum - before.sum > Double(restorer.load.batchSizes.count - before.count) {
                shared += 1
            }
        }
        #expect(shared > Self.schedules / 4, "evaluations were shared in \(shared) schedules only")
    }

    @Test("50 clients of which 25 leave: the others' bytes stay, and no step begins for those who left")
    func leaving() async throws {
        let orders = RestorationOrder.samples
        let restorer = try ShippedEngine.make(workers: 1, threads: 2, batch: 8)
        var expected: [[UInt8]] = []
        for order in orders { expected.append(try await order.run(on: restorer)) }
        var random = SeededGenerator(seed: 50)
        let leaving = Set((0..<50).shuffled(using: &random).prefix(25))
        let stepsBeforeLeaving = (0..<50).map { _ in Int.random(in: 0...5, using: &random) }

        let clients = (0..<50).map { client in
            Client(leavesAfter: leaving.contains(client) ? stepsBeforeLeaving[client] : nil) { progress in
                try await orders[client % orders.count].run(on: restorer, steps: leaving.contains(client) ? 60 : nil, progress)
            }
        }
        for (number, client) in clients.enumerated() where !leaving.contains(number) {
            #expect(try await client.task.value == expected[number % orders.count], "client \(number)")
        }
        // Whoever has not left by now leaves with the last wanted answer.
        for number in leaving { clients[number].task.cancel() }
        let evaluations = restorer.load.batchSizes.count
        for number in leaving {
            await #expect(throws: RestorationError.cancelled) { _ = try await clients[number].task.value }
        }
        #expect(restorer.load.running == 0 && restorer.load.queued == 0 && restorer.load.samplesInFlight == 0)
        #expect(restorer.load.batchSizes.count - evaluations <= 1, "steps were begun for nobody")
    }
}

/// The engine with the weights that ship.
enum ShippedEngine {
    static func make(workers: Int, threads: Int, batch: Int, memory: Int = 4 << 30) throws -> RecipeEngine {
        var configuration = EngineConfiguration()
        configuration.workers = workers
        configuration.threadsPerEvaluation = threads
        configuration.maximumBatch = batch
        configuration.memoryBudget = memory
        let folder = Repository.root.appendingPathComponent("Weights/mini").path
        return try RecipeEngine(Bundles.Bundle.load(folder), configuration: configuration)
    }
}

/// A small picture and what is wanted of it.
private struct RestorationOrder: Sendable {
    let picture: Picture
    let options: RestorationOptions

    init(_ width: Int, _ height: Int, seed: UInt64 = 5, steps: Int = 2, _ change: (inout RestorationOptions) -> Void = { _ in }) {
        picture = .sample(width: width, height: height)
        var options = RestorationOptions()
        options.seed = seed
        options.steps = steps
        options.force = true
        change(&options)
        self.options = options
    }

    /// Of 16 to 64 pixels, many of one shape, some in tiles, some of two rounds.
    static let samples = [
        RestorationOrder(32, 32), RestorationOrder(32, 32, seed: 6), RestorationOrder(32, 32, seed: 7, steps: 3),
        RestorationOrder(64, 64, steps: 1), RestorationOrder(64, 64, seed: 8), RestorationOrder(16, 16, steps: 4),
        RestorationOrder(48, 20), RestorationOrder(33, 17, steps: 3), RestorationOrder(16, 64),
        RestorationOrder(100, 64, steps: 1) { $0.tile = 64; $0.overlap = 16 },
        RestorationOrder(32, 32, steps: 1) { $0.degradations = ["noisy", "rainy"] },
        RestorationOrder(16, 16, steps: 10) { $0.sampler = "sde" },
        RestorationOrder(32, 32, steps: 4) { $0.sampler = "mr-sde" }, RestorationOrder(32, 32, steps: 3) { $0.sampler = "mr-ode" },
    ]

    func run(
        on restorer: RecipeEngine, steps: Int? = nil, _ progress: @escaping @Sendable (RestorationProgress) -> Void = { _ in }
    ) async throws(RestorationError) -> [UInt8] {
        var options = options
        if let steps { options.steps = steps }
        return try await restorer.restore(picture, options: options, progress: progress).picture.pixels
    }
}

/// Requests at random moments, some of which are cancelled.
private struct Schedule {
    struct Arrival: Sendable {
        let order: Int
        let delay: Duration
        let cancelledAfter: Duration?
    }

    let arrivals: [Arrival]

    init(seed: UInt64, orders: Int) {
        var random = SeededGenerator(seed: seed)
        arrivals = (0..<Int.random(in: 2...4, using: &random)).map { _ in
            Arrival(
                order: Int.random(in: 0..<orders, using: &random),
                delay: .microseconds(Int.random(in: 0...20_000, using: &random)),
                cancelledAfter: Int.random(in: 0..<4, using: &random) == 0
                    ? .microseconds(Int.random(in: 0...60_000, using: &random)) : nil)
        }
    }

    func run(
        _ orders: [RestorationOrder], on restorer: RecipeEngine
    ) async -> [(order: Int, outcome: Result<[UInt8], RestorationError>)] {
        await withTaskGroup(of: (Int, Result<[UInt8], RestorationError>).self) { group in
            for arrival in arrivals {
                group.addTask {
                    try? await Task.sleep(for: arrival.delay)
                    let task = Task { () async -> Result<[UInt8], RestorationError> in
                        do throws(RestorationError) {
                            return .success(try await orders[arrival.order].run(on: restorer))
                        } catch {
                            return .failure(error)
                        }
                    }
                    if let pause = arrival.cancelledAfter {
                        try? await Task.sleep(for: pause)
                        task.cancel()
                    }
                    return (arrival.order, await task.value)
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }
}

/// A request that may leave once it has been told of a number of steps.
private final class Client: Sendable {
    let task: Task<[UInt8], any Error>

    init(
        leavesAfter steps: Int?,
        _ request: @escaping @Sendable (@escaping @Sendable (RestorationProgress) -> Void) async throws -> [UInt8]
    ) {
        let (told, tell) = AsyncStream.makeStream(of: Int.self)
        let task = Task {
            defer { tell.finish() }
            return try await request { progress in
                if case .running(let completed, _, _) = progress { tell.yield(completed) }
            }
        }
        self.task = task
        guard let steps else { return }
        Task {
            for await completed in told where completed >= steps {
                task.cancel()
                return
            }
        }
    }
}
