import Bundles
import Checkpoints
import Diffusion
import Engine
import Foundation
import Images
import TestSupport
import Testing

/// Bundles of the kind `autodir`, run by the engine as it is.
@Suite("AutoDIR: engine", .timeLimit(.minutes(5)))
struct AutoDIREngineTests {
    private func restore(
        _ picture: Picture, on engine: RecipeEngine, _ change: (inout RestorationOptions) -> Void = { _ in }
    ) async throws -> RestorationResult {
        var options = RestorationOptions()
        options.seed = 1
        change(&options)
        return try await engine.restore(picture, options: options) { _ in }
    }

    private static let picture = Picture.sample(width: 53, height: 42)

    @Test("a picture of any size comes back in that size, with verdicts over what is left, and from an archive as well")
    func verdicts() async throws {
        let bundle = try AutoDIRBundle(), engine = try bundle.engine()
        #expect(engine.recipe.labels == AutoDIRBundle.labels && engine.recipe.samplers.first?.name == "euler-a")
        let result = try await restore(Self.picture, on: engine) { ($0.force, $0.rounds) = (true, 3) }
        #expect(result.picture.width == 53 && result.picture.height == 42 && result.picture != Self.picture)
        #expect(result.sampling == .init(sampler: "euler-a", steps: 3, seed: 1))
        for (round, verdict) in result.verdicts.enumerated() {
            // Whoever insists doesn't hear of clean in the first look.
            #expect(verdict.entries.count == (round == 0 ? 7 : 8 - round))
            #expect(abs(verdict.entries.reduce(0) { $0 + $1.probability } - 1) < 1e-6)
        }
        let treated = result.verdicts.map(\.best.label).filter { $0 != "clean" }
        #expect(result.degradations == treated && Set(treated).count == treated.count)
        #expect(result.timing.stages.map(\.name) == ["assess", "encode", "diffuse", "decode", "correct"])
        let other = try await restore(Self.picture, on: AutoDIRBundle(asArchive: true).engine()) {
            ($0.force, $0.rounds) = (true, 3)
        }
        #expect(other.picture == result.picture && other.verdicts == result.verdicts)
    }

    @Test("the classifier is the first verdict")
    func classification() async throws {
        let engine = try AutoDIRBundle().engine()
        let found = try await engine.classify(Self.picture, labels: nil)
        let result = try await restore(Self.picture, on: engine) { $0.rounds = 1 }
        #expect(result.verdicts == [found] && Set(found.entries.map(\.label)) == Set(AutoDIRBundle.labels))
        #expect(result.unchanged == (found.best.label == "clean"))
        await #expect(throws: RestorationError.needsTextTower(bundle: "small-autodir")) {
            try await engine.classify(Self.picture, labels: ["dust"])
        }
    }

    @Test("what shares evaluations gets what it gets alone, byte for byte, and goes on when one leaves")
    func company() async throws {
        let bundle = try AutoDIRBundle()
        let alone = try await restore(Self.picture, on: bundle.engine()) { $0.degradations = ["haze", "noise"] }
        let engine = try bundle.engine { $0.workers = 2 }
        let others = [
            Picture(width: 53, height: 42, pixels: Self.picture.pixels.reversed()), Picture.sample(width: 64, height: 40),
        ]
        try await withThrowingTaskGroup(of: Picture?.self) { group in
            for seed in 0..<3 {
                group.addTask { try await restore(Self.picture, on: engine) { $0.degradations = ["haze", "noise"] }.picture }
                group.addTask {
                    _ = try await restore(others[seed % 2], on: engine) {
                        ($0.prompt, $0.seed, $0.guidance) = ("more light", UInt64(seed), Guidance(text: 3, picture: 1.5))
                    }
                    return nil
                }
            }
            let leaving = Task { try await restore(others[0], on: engine) { ($0.prompt, $0.steps) = ("rain", 100) } }
            leaving.cancel()
            await #expect(throws: RestorationError.cancelled) { try await leaving.value }
            for try await picture in group where picture != nil { #expect(picture == alone.picture) }
        }
    }

    @Test("a restoration that is cancelled between its steps ends")
    func cancellation() async throws {
        let engine = try AutoDIRBundle().engine { $0.workers = 1 }
        var options = RestorationOptions()
        (options.prompt, options.steps) = ("light", 100)
        // Seconds of work: who tells of its progress need not be who does it, and then it goes on.
        let picture = Picture.sample(width: 384, height: 384)
        let (steps, told) = AsyncStream.makeStream(of: Int.self)
        // Where it is, its steps stand still until it is cancelled, however late that is.
        let isCancelled = DispatchSemaphore(value: 0)
        let task = Task { [options] in
            try await engine.restore(picture, options: options) { progress in
                guard case .running(let completed, _, _) = progress, completed > 2 else { return }
                told.yield(completed)
                isCancelled.wait()
                isCancelled.signal()
            }
        }
        for await _ in steps { break }
        task.cancel()
        isCancelled.signal()
        await #expect(throws: RestorationError.cancelled) { try await task.value }
    }

    @Test("several crops are averaged, from edge to edge; of a picture without room for two there is one")
    func crops() async throws {
        let one = try AutoDIRBundle().engine(), four = try AutoDIRBundle(["crops": 2]).engine()
        // As large as a crop one way and smaller the other; then with room.
        let small = Picture.sample(width: 32, height: 20)
        #expect(try await one.classify(small, labels: nil) == four.classify(small, labels: nil))
        let large = Picture.sample(width: 64, height: 64)
        let found = try await four.classify(large, labels: nil)
        #expect(try await one.classify(large, labels: nil) != found)
        let verdict = try await restore(large, on: four) { $0.rounds = 1 }.verdicts
        #expect(verdict == [found])
        // Without overlaps the crops are the quarters, and what is averaged are logits: logarithms, but for their sum.
        let quarters = try await [(0, 0), (32, 0), (0, 32), (32, 32)].asyncMap { place in
            try await one.classify(Self.part(of: large, at: place, side: 32), labels: nil)
        }
        let means = AutoDIRBundle.labels.map { label in
            quarters.reduce(0.0) { $0 + log($1.entries.first { $0.label == label }?.probability ?? 0) } / 4
        }
        let sum = means.reduce(0) { $0 + exp($1) }
        for (label, mean) in zip(AutoDIRBundle.labels, means) {
            let probability = found.entries.first { $0.label == label }?.probability ?? 0
            #expect(abs(probability - exp(mean) / sum) < 1e-5, "\(label): \(probability)")
        }
        for (crops, isAllowed) in [(4, true), (5, false), (0, false)] {
            #expect(((try? AutoDIRBundle(["crops": crops]).engine()) != nil) == isAllowed, "\(crops)")
        }
    }

    private static func part(of picture: Picture, at place: (x: Int, y: Int), side: Int) -> Picture {
        let pixels = (0..<side).flatMap { row in
            let start = ((place.y + row) * picture.width + place.x) * 3
            return picture.pixels[start..<start + 3 * side]
        }
        return Picture(width: side, height: side, pixels: pixels)
    }

    @Test("moving averages take the parameters' place where the bundle asks for them, before it is converted and after")
    func averages() async throws {
        let (first, second) = (try AutoDIRBundle(seed: 1), try AutoDIRBundle(seed: 2))
        let plain = try await restore(Self.picture, on: first.engine()) { $0.degradations = ["haze"] }
        let both = try AutoDIRBundle(seed: 1, averages: 2)
        #expect(try await restore(Self.picture, on: both.engine()) { $0.degradations = ["haze"] }.picture == plain.picture)
        let asked = try AutoDIRBundle(seed: 1, averages: 2, usesAverages: true)
        let averaged = try await restore(Self.picture, on: asked.engine()) { $0.degradations = ["haze"] }
        // The network that diffuses is the second one's, all else the first one's.
        #expect(averaged.picture != plain.picture)
        #expect(try await restore(Self.picture, on: second.engine()) { $0.degradations = ["haze"] }.picture != averaged.picture)
        let target = asked.folder.appendingPathComponent("converted")
        let preparation = BundlePreparation(EngineConfiguration(), checks: false)
        for folder in [target, target.appendingPathComponent("again")] {
            #expect(try await BundleFolderConversion(
                folder.deletingLastPathComponent().path, to: folder.path, keepsOriginal: false, preparation: preparation).run())
            let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".safetensors") }
            #expect(try files.count == 1 && files.allSatisfy { file in
                let names = try StateDict(contentsOf: folder.appendingPathComponent(file).path).names
                return !names.isEmpty && !names.contains { $0.hasPrefix("model_ema.") }
            })
            let engine = try RecipeEngine(Bundles.Bundle.load(folder.path), configuration: EngineConfiguration())
            #expect(try await restore(Self.picture, on: engine) { $0.degradations = ["haze"] }.picture == averaged.picture)
        }
        let error = try #require(throws: (any Error).self) { try AutoDIRBundle(usesAverages: true).engine() }
        #expect("\(error)".contains("model_ema.diffusion_model"), "\(error)")
    }

    @Test("words steer: two prompts make two pictures, the same one the same; a long one is cut and says so")
    func prompts() async throws {
        let engine = try AutoDIRBundle().engine()
        let first = try await restore(Self.picture, on: engine) { $0.prompt = "more light" }
        let again = try await restore(Self.picture, on: engine) { $0.prompt = "  More   LIGHT " }
        let second = try await restore(Self.picture, on: engine) { $0.prompt = "less rain" }
        #expect(first.picture == again.picture && first.picture != second.picture)
        #expect(first.rounds.isEmpty && !first.promptIsCut)
        // A token a byte here, between start and end.
        let fits = String(repeating: "a", count: 22), cut = fits + "b"
        let whole = try await restore(Self.picture, on: engine) { $0.prompt = fits }
        let shortened = try await restore(Self.picture, on: engine) { $0.prompt = cut }
        let further = try await restore(Self.picture, on: engine) { $0.prompt = cut + " and more" }
        #expect(!whole.promptIsCut && shortened.promptIsCut && further.promptIsCut)
    }

    @Test("guidance, samplers, steps, seeds and colours change the picture; factors of 1 don't")
    func choices() async throws {
        let engine = try AutoDIRBundle().engine()
        func made(_ change: (inout RestorationOptions) -> Void) async throws -> [UInt8] {
            try await restore(Self.picture, on: engine) {
                $0.degradations = ["blur"]
                change(&$0)
            }.picture.pixels
        }
        let standard = try await made { _ in }
        #expect(try await made { $0.guidance = Guidance() } == standard)
        let changes: [(inout RestorationOptions) -> Void] = [
            { $0.guidance = Guidance(text: 5) }, { $0.guidance = Guidance(text: 5, picture: 2) }, { $0.steps = 4 },
            { $0.seed = 2 }, { $0.sampler = "euler" }, { $0.sampler = "dpm-2m" }, { $0.sampler = "ddim" },
            { $0.sampler = "ddpm" },
            { $0.colour = .adain }, { $0.colour = .wavelet }, { $0.degradations = ["rain"] },
        ]
        var seen = [standard]
        for change in changes {
            let picture = try await made(change)
            #expect(!seen.contains(picture))
            seen.append(picture)
        }
    }

    @Test("options are read as they are written, and refused where they can't be")
    func reading() throws {
        let recipe = try AutoDIRBundle().engine().recipe
        #expect(try recipe.options(reading: [.guidance: "7.5"]).guidance == Guidance(text: 7.5))
        #expect(try recipe.options(reading: [.guidance: "0,20"]).guidance == Guidance(text: 0, picture: 20))
        for text in ["", "20.01", "-1", "1,2,3", "a", "1e1", "nan", ",1", "1,"] {
            #expect(throws: OptionFault.self) { try recipe.options(reading: [.guidance: text]) }
        }
        #expect(try recipe.options(reading: [.colour: "adain"]).colour == .adain)
        #expect(throws: OptionFault.self) { try recipe.options(reading: [.colour: "blue"]) }
        #expect(throws: OptionFault.self) { try recipe.options(reading: [.prompt: "a", .rounds: "2"]) }
        #expect(throws: OptionFault.self) { try recipe.options(reading: [.degradation: "dust"]) }
        for (sampler, steps, isAllowed) in [
            ("euler", "1", true), ("euler", "100", true), ("euler", "101", false), ("ddim", "4", true), ("ddim", "3", false),
            ("ddpm", "2", true), ("ddpm", "1", false),
        ] {
            let options = try? recipe.options(reading: [.sampler: sampler, .steps: steps])
            #expect((options != nil) == isAllowed, "\(steps) of \(sampler)")
        }
    }

    @Test("a larger picture goes through in tiles of one noise, without a seam")
    func tiles() async throws {
        let engine = try AutoDIRBundle().engine()
        let large = Picture.sample(width: 190, height: 130)
        let whole = try await restore(large, on: engine) { $0.degradations = ["haze"] }
        let tiled = try await restore(large, on: engine) { ($0.degradations, $0.tile, $0.overlap) = (["haze"], 96, 32) }
        #expect(tiled.picture.width == 190 && tiled.picture != whole.picture)
        // Steps between neighbours are no larger at the tiles' edges than elsewhere.
        func step(_ picture: Picture, column: Int) -> Double {
            let sum = (0..<picture.height).reduce(0) { sum, row in
                let index = (row * picture.width + column) * 3
                return sum + (0..<3).reduce(0) {
                    $0 + abs(Int(picture.pixels[index + $1]) - Int(picture.pixels[index + $1 - 3]))
                }
            }
            return Double(sum) / Double(3 * picture.height)
        }
        let steps = (1..<190).map { step(tiled.picture, column: $0) }
        let usual = steps.sorted()[steps.count * 9 / 10]
        for column in [64, 96, 128] { #expect(steps[column - 1] <= 2 * usual, "a seam at \(column): \(steps[column - 1]), \(usual)") }
    }

    @Test("tiles follow from memory, and what no memory suffices for is refused")
    func memory() throws {
        let bundle = try AutoDIRBundle()
        let ample = try bundle.engine(), tight = try bundle.engine { $0.memoryBudget = 12 << 20 }
        let options = RestorationOptions()
        let large = try ample.estimate(width: 400, height: 300, options: options)
        let small = try tight.estimate(width: 400, height: 300, options: options)
        #expect(small.bytes < large.bytes && small.bytes <= 12 << 20)
        for (tile, isAllowed) in [(768, true), (769, false)] {
            var tiled = options
            tiled.tile = tile
            #expect(((try? ample.estimate(width: 900, height: 900, options: tiled)) != nil) == isAllowed, "\(tile)")
        }
        let none = try bundle.engine { $0.memoryBudget = 1 << 10 }
        #expect(throws: RestorationError.self) { try none.estimate(width: 400, height: 300, options: options) }
    }

    @Test("a bundle that can't be is refused with its place")
    func faults() throws {
        for (members, place) in [
            (["labels": ["a"]], "labels"), (["surplus": 1], "surplus"), (["default": ["steps": 101]], "default.steps"),
            (["scale_factor": 0], "scale_factor"), (["timesteps": 100], "timesteps"), (["linear_start": 0.2, "linear_end": 0.1], "linear_end"),
        ] as [([String: Any], String)] {
            let error = try #require(throws: (any Error).self) { try AutoDIRBundle(members).engine() }
            #expect("\(error)".contains(place), "\(error)")
        }
    }
}

extension Sequence {
    /// One after the other.
    fileprivate func asyncMap<Result>(_ body: (Element) async throws -> Result) async rethrows -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await body(element)) }
        return results
    }
}
