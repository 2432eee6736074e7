import Bundles
import Checkpoints
import Dispatch
import Engine
import Foundation
import Images
import Synchronization
import TestSupport
import Testing

/// Weights that lead out of the numbers, for one picture or label and not for another: whoever meets them is told the
/// stage, and who shares the evaluations notices nothing.
@Suite("Numbers that are not finite", .timeLimit(.minutes(2)))
struct NonFiniteTests {
    /// The engine with small random weights, some of them changed.
    private func engine(
        hasTextTower: Bool = true, precision: Precision = .fp32, _ change: @escaping (_ tensor: String, _ values: [Float]) -> [Float]
    ) throws -> RecipeEngine {
        var encoder: [String: Any] = [
            "embed_dim": 8,
            "vision_cfg": ["image_size": 8, "layers": 1, "width": 16, "patch_size": 4, "head_width": 8, "stem": [4]],
        ]
        if hasTextTower {
            encoder["text_cfg"] = ["context_length": 5, "vocab_size": 514, "width": 8, "heads": 1, "layers": 1]
        }
        var bundle = RandomBundle(seed: 3)
        bundle.manifest = [
            "name": "odd", "version": "0", "licence": "none", "trainingDataTerms": "none", "prediction": "noise",
            "labels": ["rainy", "clean"], "logit_scale": 10, "daclip": encoder,
            "unet": [
                "in_nc": 3, "out_nc": 3, "nf": 8, "ch_mult": [1, 2], "use_degra_context": true, "use_image_context": false,
                "context_dim": 8,
            ],
            "diffusion": ["T": 10], "default": ["sampler": "posterior", "steps": 3],
        ]
        bundle.change = change
        let folder = try bundle.write()
        defer { try? FileManager.default.removeItem(at: folder) }
        var configuration = EngineConfiguration()
        configuration.precision = precision
        return try RecipeEngine(Bundles.Bundle.load(folder.path), configuration: configuration)
    }

    /// Of one value, and of a size of its own where it must not share evaluations.
    private static func plain(_ level: UInt8, width: Int = 16) -> Picture {
        Picture(width: width, height: 16, pixels: [UInt8](repeating: level, count: width * 16 * 3))
    }

    private typealias Outcome<Value> = Result<Value, RestorationError>

    private func restore(
        _ picture: Picture, on engine: RecipeEngine, _ progress: @escaping @Sendable (RestorationProgress) -> Void = { _ in }
    ) async -> Outcome<[UInt8]> {
        var options = RestorationOptions()
        (options.seed, options.force) = (1, true)
        do throws(RestorationError) {
            return .success(try await engine.restore(picture, options: options, progress: progress).picture.pixels)
        } catch {
            return .failure(error)
        }
    }

    private func classify(_ picture: Picture, labels: [String]?, on engine: RecipeEngine) async -> Outcome<[String]> {
        do throws(RestorationError) {
            return .success(try await engine.classify(picture, labels: labels).entries.map(\.label))
        } catch {
            return .failure(error)
        }
    }

    /// Does several things that are all taken in before any of them begins: a first picture, of a size of its own, keeps
    /// the only worker until then.
    private func together<Value: Sendable>(
        on engine: RecipeEngine, keeping first: Picture, _ work: [@Sendable () async -> Value]
    ) async throws -> [Value] {
        let gate = DispatchSemaphore(value: 0)
        let keeper = try await kept(first, on: engine, until: gate)
        let tasks = work.map { work in Task { await work() } }
        do {
            while engine.load.running < 1 + work.count { try await Task.sleep(for: .milliseconds(1)) }
        } catch {
            gate.signal()
            throw error
        }
        gate.signal()
        var values: [Value] = []
        for task in tasks { values.append(await task.value) }
        _ = await keeper.value
        return values
    }

    /// Restores a picture, and keeps the worker in the middle of it until the gate is signalled. A report that another thread
    /// makes keeps nobody, and where all are made so it is tried again.
    private func kept(_ picture: Picture, on engine: RecipeEngine, until gate: DispatchSemaphore) async throws
        -> Task<Void, Never>
    {
        for _ in 0..<50 {
            let (reports, isKept) = AsyncStream<Bool>.makeStream()
            let keeper = Task {
                let waits = Atomic(true)
                _ = await restore(picture, on: engine) { progress in
                    guard case .running = progress, Self.isOnWorker, waits.exchange(false, ordering: .relaxed) else { return }
                    isKept.yield(true)
                    gate.wait()
                }
                isKept.yield(false)
            }
            for await isKept in reports {
                if isKept { return keeper }
                break
            }
        }
        throw RestorationError.internalFault("no report by a worker")
    }

    private static var isOnWorker: Bool {
        (try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8))?.hasPrefix("steps-") ?? false
    }

    @Test("a picture for which the restoration network overflows fails at 'diffuse', and not those beside it",
        arguments: Precision.allCases)
    func diffuse(precision: Precision) async throws {
        // What of the degraded picture goes in is multiplied out of all bounds, unless it is black.
        let engine = try engine(precision: precision) { tensor, values in
            tensor != "unet/init_conv.weight" ? values : values.enumerated().map { $0 / 49 % 6 < 3 ? $1 : 1e37 }
        }
        let alone = try await restore(Self.plain(0), on: engine).get()
        let outcomes = try await together(
            on: engine, keeping: Self.plain(0, width: 24),
            [0, 255, 0].map { level in { @Sendable in await restore(Self.plain(level), on: engine) } })
        #expect(outcomes == [.success(alone), .failure(.nonFinite(stage: "diffuse")), .success(alone)])
        #expect(engine.load.batchSizes.sum > Double(engine.load.batchSizes.count), "nothing was shared")
        #expect(engine.load.samplesInFlight == 0 && engine.load.running == 0)
    }

    @Test("a picture for which the encoder overflows fails at 'embed', whatever is asked for, and not those beside it",
        arguments: Precision.allCases)
    func embed(precision: Precision) async throws {
        // Bright pictures are cut off by the activation behind the first convolution; dark ones grow beyond all bounds.
        let engine = try engine(precision: precision) { tensor, values in
            if tensor.hasSuffix("conv1.0.weight") { return values.map { _ in -2e36 } }
            return tensor.hasSuffix("conv1.2.weight") ? values.map { _ in 1e3 } : values
        }
        let outcomes = try await together(
            on: engine, keeping: Self.plain(255, width: 24),
            [255, 0, 255].map { level in { @Sendable in await classify(Self.plain(level), labels: nil, on: engine) } })
        #expect(outcomes[1] == .failure(.nonFinite(stage: "embed")))
        #expect(try outcomes[0].get().count == 2 && outcomes[0] == outcomes[2])
        #expect(await restore(Self.plain(0), on: engine) == .failure(.nonFinite(stage: "embed")))
        #expect(try await restore(Self.plain(255), on: engine).get().count == 16 * 16 * 3)
        #expect(engine.load.samplesInFlight == 0 && engine.load.running == 0)
    }

    @Test("a label that has no finite feature fails its own classification at 'label', and not those beside it")
    func label() async throws {
        // The token of a z at the end of a word: 256 tokens of bytes, then the same at the end of a word, from '!' on.
        let token = 256 + 0x7A - 0x21
        let engine = try engine { tensor, values in
            tensor != "daclip/clip.token_embedding.weight" ? values : values.enumerated().map { $0 / 8 == token ? .nan : $1 }
        }
        let outcomes = try await together(
            on: engine, keeping: Self.plain(90, width: 24),
            [["a", "b"], ["a", "z"], ["b", "a"]].map { labels in
                { @Sendable in await classify(Self.plain(90), labels: labels, on: engine) }
            })
        #expect(outcomes[1] == .failure(.nonFinite(stage: "label")))
        #expect(try outcomes[0].get().count == 2 && outcomes[0] == outcomes[2])
    }

    @Test("stored features of labels that are no numbers are an error and not an empty answer")
    func storedFeatures() async throws {
        let engine = try engine(hasTextTower: false) { tensor, values in
            tensor == "daclip/label_features" ? values.map { _ in .nan } : values
        }
        #expect(await classify(Self.plain(90), labels: nil, on: engine) == .failure(.nonFinite(stage: "embed")))
        #expect(await restore(Self.plain(90), on: engine) == .failure(.nonFinite(stage: "embed")))
    }

    @Test("no labels to choose among are an error, and not the end of the process")
    func noLabels() async throws {
        let engine = try engine { $1 }
        guard case .failure(.internalFault(let reason)) = await classify(Self.plain(90), labels: [], on: engine) else {
            Issue.record("an answer")
            return
        }
        #expect(reason == "no labels to choose among")
        #expect(Classification(entries: []) == nil)
    }
}
