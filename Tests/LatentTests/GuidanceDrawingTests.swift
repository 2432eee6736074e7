import CLIP
import Checkpoints
import Compute
import Diffusion
import Engine
import Foundation
import Images
import Pseudowords
import Synchronization
import TestSupport
import Testing

/// A recipe that draws guidance pictures and does nothing with them.
private struct DrawingRecipe: Recipe {
    let description: RecipeDescription
    let drawing: GuidanceDrawing
    let noise: LatentNoise?

    func restoration(
        width: Int, height: Int, options: RestorationOptions
    ) throws(RestorationError) -> any RecipeRun<RestorationResult> {
        DrawingRun(try drawing.run(options, noise: noise))
    }

    func classification(labels: [String]?) throws(RestorationError) -> any RecipeRun<Classification> {
        throw .notOffered("classification", bundle: "drawing")
    }
}

private final class DrawingRun: RecipeRun {
    let run: GuidanceRun
    private let picture = Mutex<Picture?>(nil)

    init(_ run: GuidanceRun) { self.run = run }

    var stages: [Stage] { run.stages }
    var samplesAtOnce: Int { 1 }
    var ownBytes: Int { run.ownBytes }

    func begin(_ picture: Picture) { self.picture.withLock { $0 = picture } }

    func makeSample(
        _ index: Int, ofStage stage: Int, in workspace: Workspace, shouldContinue: @escaping () -> Bool
    ) throws(RestorationError) -> sending any StageSample {
        guard let picture = picture.withLock({ $0 }) else { throw .internalFault("no picture") }
        return try run.makeSample(ofStage: stage, of: picture, in: workspace, shouldContinue: shouldContinue)
    }

    func finishSample(
        _ sample: any StageSample, _ index: Int, ofStage stage: Int
    ) throws(RestorationError) -> StageOutcome {
        try run.finishSample(sample, ofStage: stage)
        return .goOn
    }

    func result() throws(RestorationError) -> RestorationResult {
        guard let guidance = run.guidance, var picture = picture.withLock({ $0 }) else { throw .internalFault("nothing drawn") }
        // What the engine gives back has the size of what came.
        var pixels: [UInt8] = []
        for row in 0..<picture.height {
            let line = (row % guidance.height) * guidance.width * 3
            for column in 0..<picture.width * 3 { pixels.append(guidance.pixels[line + column % (guidance.width * 3)]) }
        }
        picture.pixels = pixels
        return RestorationResult(
            picture: picture, rounds: [], sampling: run.sampling, unchanged: false, timing: run.timing)
    }
}

/// Guidance pictures drawn by the engine's workers.
@Suite("Guidance drawing", .enabled(if: TextualFixtures.isThere), .timeLimit(.minutes(5)))
struct GuidanceDrawingTests {
    /// The recorded sizes as a bundle has them.
    static func configuration(_ changes: [String: Any] = [:]) throws -> DrawnGuidanceConfiguration {
        let whole = try JSONSerialization.jsonObject(with: Data(contentsOf: TextualFixtures.folder.url("config.json")))
        let sizes = (whole as? [String: Any])?["single_file"] as? [String: Any] ?? [:]
        let guidance = (whole as? [String: Any])?["guidance"] as? [String: Any] ?? [:]
        var section: [String: Any] = [
            "vision": sizes["visual"] ?? [:], "unet": sizes["unet"] ?? [:], "vae": sizes["vae"] ?? [:],
            "latent": guidance["latent"] ?? 0,
            "default": ["sampler": "ddim", "steps": guidance["steps"] ?? 0, "guidance": guidance["scale"] ?? 0],
        ]
        var text = sizes["text"] as? [String: Any] ?? [:]
        // Fewer than any tokenizer has; the tower itself is built of the recorded sizes.
        text["vocab_size"] = 514
        section["text"] = text
        section.merge(changes) { $1 }
        return try DrawnGuidanceConfiguration(
            ConfigurationReader(json: [UInt8](JSONSerialization.data(withJSONObject: section))))
    }

    private static func drawing(maximumBatch: Int = 4) throws -> GuidanceDrawing {
        let words = try TextualFixtures.recorded("words.safetensors")
        let reader = try WordReader(
            vision: TextualFixtures.vision(), mapper: TextualFixtures.mapper(), cleaner: TextualFixtures.cleaner(),
            text: TextualFixtures.text(),
            prompt: WordPrompt(
                ids: words.sequences("input_ids")[0], position: Int(try #require(words["index"]).floats()[0])),
            empty: words.sequences("uncond_ids")[0])
        let networks = DrawnGuidanceNetworks(
            configuration: try configuration(), reader: reader, network: try TextualFixtures.network(),
            decoder: try TextualFixtures.decoder())
        return GuidanceDrawing(
            networks, maximumBatch: maximumBatch, sharedBy: { count, body in for item in 0..<count { body(item) } })
    }

    private static func engine(
        noise: LatentNoise? = nil, _ configure: (inout EngineConfiguration) -> Void = { _ in }
    ) throws -> RecipeEngine {
        var engine = EngineConfiguration()
        configure(&engine)
        let drawing = try drawing()
        let description = RecipeDescription(
            labels: [], classifies: false, samplers: GuidanceDrawing.samplers(drawing.networks.configuration.defaults),
            options: [.steps, .sampler, .seed, .guidance])
        let json = """
            {"kind": "drawing", "name": "drawing", "version": "1", "licence": "none", "trainingDataTerms": "none"}
            """
        return RecipeEngine(
            DrawingRecipe(description: description, drawing: drawing, noise: noise),
            of: .init(try .init(ConfigurationReader(json: Array(json.utf8)))), on: try RecipeWorkers(engine))
    }

    private func draw(
        _ picture: Picture, on engine: RecipeEngine, _ change: (inout RestorationOptions) -> Void = { _ in }
    ) async throws -> RestorationResult {
        var options = RestorationOptions()
        options.seed = 42
        change(&options)
        return try await engine.restore(picture, options: options) { _ in }
    }

    /// A picture that is all there is to see of a guidance: as large.
    private static func shown(_ picture: Picture, side: Int) throws -> Picture {
        let preprocessing = Preprocessing(side: side)
        return Picture(width: side, height: side, pixels: try preprocessing.square(of: picture, in: Workspace(threads: 1)))
    }

    @Test("the recorded guidance is drawn of its picture, from the seed and from recorded noise")
    func recorded() async throws {
        let run = try TextualFixtures.recorded("run.safetensors")
        let seed = try TextualFixtures.section("guidance").size("seed", 0...Int(UInt32.max))
        let picture = try TextualFixtures.pictures()[0]
        let expected = try #require(run["guidance_u8"])
        // What is given back is cut out of the guidance: its rows and columns from the first on.
        let bytes = expected.withBytes { [UInt8]($0) }
        let (height, width) = (min(picture.height, expected.shape[0]), min(picture.width, expected.shape[1]))
        let noise = try run.maps("noise").samples[0]
        let recordedNoise = LatentNoise { draw, _, _ in draw == 0 ? noise : [] }
        for engine in [try Self.engine(), try Self.engine(noise: recordedNoise)] {
            let result = try await draw(picture, on: engine) { $0.seed = UInt64(seed) }
            #expect(result.sampling?.sampler == "ddim" && result.sampling?.seed == UInt64(seed))
            #expect(result.timing.stages.map(\.name) == ["look", "words", "draw", "decode-latent"])
            var wrong = 0
            for row in 0..<height {
                for column in 0..<3 * width {
                    let found = result.picture.pixels[row * picture.width * 3 + column]
                    let recorded = bytes[row * expected.shape[1] * 3 + column]
                    #expect(abs(Int(found) - Int(recorded)) <= 1)
                    wrong += found == recorded ? 0 : 1
                }
            }
            #expect(wrong * 1_000 <= height * width * 3, "\(wrong) other bytes")
        }
    }

    @Test("the same picture and seed give the same bytes in company; another seed, sampler or guidance others")
    func company() async throws {
        let pictures = try TextualFixtures.pictures()
        let alone = try await draw(pictures[0], on: Self.engine()) { $0.steps = 4 }
        let engine = try Self.engine { $0.workers = 2 }
        try await withThrowingTaskGroup(of: Picture?.self) { group in
            for number in 0..<3 {
                group.addTask { try await draw(pictures[0], on: engine) { $0.steps = 4 }.picture }
                group.addTask {
                    _ = try await draw(pictures[1], on: engine) { ($0.seed, $0.sampler) = (UInt64(number), "dpm-2m") }
                    return nil
                }
            }
            for try await picture in group where picture != nil { #expect(picture == alone.picture) }
        }
        let changes: [(inout RestorationOptions) -> Void] = [
            { $0.seed = 43 }, { $0.sampler = "euler-a" }, { $0.guidance = Guidance(text: 1) }, { $0.steps = 5 },
        ]
        for change in changes {
            #expect(try await draw(pictures[0], on: engine) { $0.steps = 4; change(&$0) }.picture != alone.picture)
        }
    }

    @Test("progress counts the steps and the decoding; a drawing that is cancelled between steps ends")
    func cancellation() async throws {
        let engine = try Self.engine()
        let picture = try TextualFixtures.pictures()[0]
        var options = RestorationOptions()
        options.steps = 100
        let (steps, told) = AsyncStream.makeStream(of: (Int, Int).self)
        // Its steps stand still until it is cancelled, however late that is.
        let isCancelled = DispatchSemaphore(value: 0)
        let task = Task { [options] in
            try await engine.restore(picture, options: options) { progress in
                guard case .running(let completed, let total, _) = progress, completed > 2 else { return }
                told.yield((completed, total))
                isCancelled.wait()
                isCancelled.signal()
            }
        }
        for await (completed, total) in steps {
            #expect(completed >= 3 && total == 101)
            break
        }
        task.cancel()
        isCancelled.signal()
        await #expect(throws: RestorationError.cancelled) { try await task.value }
    }

    @Test("what a drawing is said to take is what it takes, and is known before it runs")
    func estimate() throws {
        let engine = try Self.engine()
        var options = RestorationOptions()
        options.steps = 100
        let many = try engine.estimate(width: 86, height: 113, options: options)
        options.steps = 4
        let few = try engine.estimate(width: 86, height: 113, options: options)
        #expect(many.bytes == few.bytes && few.bytes > 100_000)
        options.guidance = Guidance(text: 1)
        #expect(try engine.estimate(width: 86, height: 113, options: options).bytes <= few.bytes)
    }

    @Test("sizes that can't be are refused with their place")
    func configurations() throws {
        let faults: [(String, Any, String)] = [
            ("latent", 7, "latent"), ("latent", 129, "latent"), ("latent", 9, "latent"), ("template", "", "template"),
            ("default", ["guidance": 0], "default.guidance"), ("default", ["sampler": "ddim", "steps": 3], "default.steps"),
            ("timesteps", 100, "timesteps"), ("placeholder", String(repeating: "a", count: 41), "placeholder"),
        ]
        for (key, value, place) in faults {
            do {
                _ = try Self.configuration([key: value])
                Issue.record("\(key): \(value) is taken")
            } catch let error as ConfigurationError {
                #expect(error.description.contains(place), "\(error)")
            }
        }
        #expect(try Self.configuration(["latent": 8]).side == 32 && Self.configuration(["latent": 128]).latentSide == 128)
        #expect(try Self.configuration(["default": [:]]).defaults == .init())
        // Pixels along a side: at the limit, and past it.
        let deep: [String: Any] = [
            "in_channels": 3, "out_ch": 3, "ch": 32, "ch_mult": [1, 1, 1, 1, 1], "num_res_blocks": 1, "z_channels": 4, "embed_dim": 4,
        ]
        #expect(try Self.configuration(["vae": deep, "latent": 64]).side == GuidanceLimits.side)
        #expect(throws: ConfigurationError.self) { try Self.configuration(["vae": deep, "latent": 66]) }
    }
}
