import Engine
import FoundationEssentials
import Images
import Synchronization
import TestSupport
import Testing

/// The engine with the weights that ship.
@Suite("RecipeEngine", .serialized)
struct RestorerTests {
    private static func restorer(
        workers: Int = 1, threads: Int = 1, batch: Int = 8, memory: Int = 4 << 30
    ) throws -> RecipeEngine {
        try ShippedEngine.make(workers: workers, threads: threads, batch: batch, memory: memory)
    }

    private func options(_ change: (inout RestorationOptions) -> Void = { _ in }) -> RestorationOptions {
        var options = RestorationOptions()
        options.seed = 11
        options.steps = 2
        options.force = true  // whatever the encoder makes of made-up pictures
        change(&options)
        return options
    }

    /// Pictures of several sizes, some in tiles, some of several rounds.
    private var orders: [(Picture, RestorationOptions)] {
        [
            (.sample(width: 70, height: 45), options()), (.sample(width: 70, height: 45), options { $0.seed = 12 }),
            (.sample(width: 8, height: 90), options()),
            (.sample(width: 150, height: 130), options { $0.tile = 64; $0.overlap = 32 }),
            (.sample(width: 64, height: 64), options { $0.degradations = ["rainy", "noisy"] }),
            (.sample(width: 100, height: 70), options { $0.tile = 64; $0.degradations = ["hazy", "noisy"] }),
            (.sample(width: 64, height: 64), options { $0.sampler = "sde"; $0.steps = 10 }),
        ]
    }

    private func restoreAll(_ restorer: RecipeEngine, at once: Bool) async throws -> [[UInt8]] {
        let orders = orders
        guard once else {
            var results: [[UInt8]] = []
            for (picture, options) in orders {
                results.append(try await restorer.restore(picture, options: options) { _ in }.picture.pixels)
            }
            return results
        }
        return try await withThrowingTaskGroup(of: (Int, [UInt8]).self) { group in
            for (index, (picture, options)) in orders.enumerated() {
                group.addTask { (index, try await restorer.restore(picture, options: options) { _ in }.picture.pixels) }
            }
            var results = [[UInt8]](repeating: [], count: orders.count)
            for try await (index, pixels) in group { results[index] = pixels }
            return results
        }
    }

    @Test("neither company, batches, workers nor threads change a byte", arguments: [
        (1, 2, 8), (2, 1, 8), (2, 2, 1), (4, 1, 3),
    ])
    func determinism(workers: Int, threads: Int, batch: Int) async throws {
        let alone = try await restoreAll(Self.restorer(), at: false)
        let together = try await restoreAll(Self.restorer(workers: workers, threads: threads, batch: batch), at: true)
        for (index, pair) in zip(alone, together).enumerated() { #expect(pair.0 == pair.1, "picture \(index)") }
        #expect(alone[0] != alone[1], "the seed changes nothing")
    }

    @Test("a photograph in which the shipped encoder finds nothing wrong comes back pixel by pixel, unless forced")
    func clean() async throws {
        let file = Repository.root.appendingPathComponent("Tests/Fixtures/Photographs/kodim20.png")
        let photograph = try ImageDecoder.decode(Array(try Data(contentsOf: file)))
        let restorer = try Self.restorer()
        let untouched = try await restorer.restore(photograph, options: options { $0.force = false }) { _ in }
        #expect(untouched.unchanged && untouched.picture.pixels == photograph.pixels)
        let forced = try await restorer.restore(photograph, options: options { $0.tile = 256 }) { _ in }
        #expect(!forced.unchanged && forced.picture.pixels != photograph.pixels)
        let treated = try #require(forced.degradations.first)
        #expect(forced.degradations.count == 1 && treated != "clean")
        let named = try await restorer.restore(
            photograph, options: options { $0.tile = 256; $0.degradations = [treated] }) { _ in }
        #expect(named.picture.pixels == forced.picture.pixels && named.confidence == forced.confidence)
    }

    @Test("a picture that memory does not allow whole is restored in tiles, and looks the same")
    func tiles() async throws {
        let picture = Picture.sample(width: 256, height: 200)
        let whole = try Self.restorer()
        let needed = try whole.estimate(width: 256, height: 200, options: options()).bytes
        let narrow = try Self.restorer(memory: needed / 2)
        let options = options { $0.degradations = ["noisy"] }
        let expected = try await whole.restore(picture, options: options) { _ in }.picture
        let tiled = try await narrow.restore(picture, options: options) { _ in }.picture
        #expect(try narrow.estimate(width: 256, height: 200, options: options).bytes <= needed)
        #expect(tiled.pixels != expected.pixels, "was it tiled?")
        #expect(try PictureComparison(tiled, expected).psnr() > 30)
    }

    @Test("other work lengthens an estimate, but not that of the same engine without it")
    func estimates() async throws {
        let restorer = try Self.restorer()
        let wanted = options()
        @Sendable func estimate() throws -> RestorationEstimate { try restorer.estimate(width: 64, height: 64, options: wanted) }
        #expect(try estimate().idleSeconds == nil)
        let labelled = options { $0.degradations = ["noisy"] }
        _ = try await restorer.restore(.sample(width: 64, height: 64), options: labelled) { _ in }
        let alone = try estimate()
        #expect(try #require(alone.idleSeconds) > 0 && alone.seconds == alone.idleSeconds)
        let beside = Mutex<RestorationEstimate?>(nil)
        _ = try await restorer.restore(.sample(width: 64, height: 64), options: labelled) { progress in
            guard case .running(completed: 1, _, _) = progress else { return }
            let now = try? estimate()
            beside.withLock { $0 = now }
        }
        let busy = try #require(beside.withLock { $0 })
        #expect(try #require(busy.seconds) > #require(busy.idleSeconds))
    }

    @Test("memory that not even the smallest tile fits is an error that says so")
    func tooLittleMemory() throws {
        let restorer = try Self.restorer(memory: 100_000)
        #expect(throws: RestorationError.self) {
            _ = try restorer.estimate(width: 256, height: 256, options: options())
        }
    }

    @Test("the largest square that an error names is taken, and a larger one is not", arguments: [64, 200, 512, 1024])
    func largestSquare(mebibytes: Int) throws {
        let restorer = try Self.restorer(memory: mebibytes << 20)
        func estimate(_ side: Int) throws -> RestorationEstimate {
            try restorer.estimate(width: side, height: side, options: options { $0.tile = side })
        }
        let error = #expect(throws: RestorationError.self) { try estimate(1024) }
        guard case .exceedsMemory(_, let limit, let largest) = error else {
            Issue.record("another error: \(String(describing: error))")
            return
        }
        #expect(limit == mebibytes << 20)
        #expect(try estimate(largest).bytes <= limit)
        #expect(throws: RestorationError.self) { try estimate(largest + 16) }
    }

    @Test("sides from 8 pixels up restore; 7 do not", arguments: [(8, 8), (8, 300), (300, 8), (9, 31), (33, 65)])
    func smallSides(width: Int, height: Int) async throws {
        let restorer = try Self.restorer()
        let result = try await restorer.restore(.sample(width: width, height: height), options: options()) { _ in }
        #expect(result.picture.width == width && result.picture.height == height)
        await #expect(throws: RestorationError.self) {
            _ = try await restorer.restore(.sample(width: 7, height: height), options: options()) { _ in }
        }
    }

    @Test("progress counts the diffusion's evaluations, of all tiles and rounds, to the last one")
    func progress() async throws {
        let told = Told()
        let options = options { $0.tile = 64; $0.overlap = 0; $0.degradations = ["rainy", "noisy"] }
        _ = try await Self.restorer().restore(.sample(width: 128, height: 64), options: options) { progress in
            if case .running(let completed, let total, _) = progress { told.add(completed, of: total) }
        }
        #expect(told.totals == [8])
        #expect(told.completed.last == 8)
        #expect(told.completed == told.completed.sorted())
    }

    @Test("alpha goes through, and labels of one's own need a text tower")
    func alphaAndLabels() async throws {
        let restorer = try Self.restorer()
        let picture = Picture.sample(width: 40, height: 30, hasAlpha: true)
        #expect(try await restorer.restore(picture, options: options()) { _ in }.picture.alpha == picture.alpha)
        await #expect(throws: RestorationError.needsTextTower(bundle: "mini")) {
            _ = try await restorer.classify(picture, labels: ["rain"])
        }
    }
}

/// What progress was told. Its mutex guards both lists.
private final class Told: Sendable {
    private let state = Mutex<(completed: [Int], totals: Set<Int>)>(([], []))

    func add(_ completed: Int, of total: Int) {
        state.withLock { state in
            state.completed.append(completed)
            state.totals.insert(total)
        }
    }

    var completed: [Int] { state.withLock { $0.completed } }
    var totals: Set<Int> { state.withLock { $0.totals } }
}
