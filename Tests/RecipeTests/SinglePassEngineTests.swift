import Bundles
import Checkpoints
import Compute
import Engine
import Foundation
import Images
import NAFNet
import TestSupport
import Testing

/// Networks of one evaluation, run by the engine as it is.
@Suite("Single pass: engine", .timeLimit(.minutes(2)))
struct SinglePassEngineTests {
    private func restore(
        _ picture: Picture, on engine: RecipeEngine, _ change: (inout RestorationOptions) -> Void = { _ in }
    ) async throws -> RestorationResult {
        var options = RestorationOptions()
        change(&options)
        return try await engine.restore(picture, options: options) { _ in }
    }

    private static let picture = Picture.sample(width: 61, height: 43)

    @Test("a picture is what the network makes of it, rounded, in one step", arguments: 1...3)
    func bytes(workers: Int) async throws {
        let bundle = try SinglePassBundle("nafnet", labels: ["noisy"])
        let engine = try bundle.engine { $0.workers = workers }
        let loaded = try Bundles.Bundle.load(bundle.folder.path)
        let section = try loaded.section("nafnet")
        let network = try loaded.network(from: section) { parameters throws(CheckpointError) in
            do {
                return try NAFNet(parameters, configuration: NAFNetConfiguration(section))
            } catch let error as CheckpointError {
                throw error
            } catch {
                throw .unrecognised("\(error)")
            }
        }
        let input = Self.picture.pixels.map { Float($0) / 255 }
        let output = network([input], height: 43, width: 61, in: Workspace(threads: 1))
        let result = try await restore(Self.picture, on: engine)
        #expect(result.picture.pixels == output[0].map(Picture.byte) && result.picture != Self.picture)
        #expect(result.degradations == ["noisy"] && result.confidence == nil && result.sampling == nil && !result.unchanged)
        #expect(result.timing.stages.map(\.name) == ["restore"])
    }

    @Test("every kind restores, in tiles as well", arguments: ["nafnet", "instructir", "restormer", "promptir"])
    func kinds(kind: String) async throws {
        let engine = try SinglePassBundle(kind, labels: ["noisy"]).engine()
        #expect(engine.recipe.labels == ["noisy"] && engine.recipe.samplers.isEmpty)
        let whole = try await restore(Self.picture, on: engine)
        let large = Picture.sample(width: 161, height: 97)
        let tiled = try await restore(large, on: engine) { $0.tile = 64 }
        #expect(whole.picture.width == 61 && tiled.picture.width == 161 && tiled.picture != large)
        await #expect(throws: RestorationError.notOffered("classification", bundle: "small-\(kind)")) {
            try await engine.classify(Self.picture, labels: nil)
        }
    }

    @Test("tiles may be as large as the networks know, and no larger", arguments: [("nafnet", 384), ("promptir", 256)])
    func tileLimit(kind: String, limit: Int) throws {
        let engine = try SinglePassBundle(kind).engine()
        func estimate(_ tile: Int?) throws -> RestorationEstimate {
            var options = RestorationOptions()
            options.tile = tile
            return try engine.estimate(width: 2_000, height: 900, options: options)
        }
        let chosen = try estimate(nil)
        #expect(try estimate(limit).bytes >= chosen.bytes)
        let fault = OptionFault(.tile, "\(limit + 1)", expected: "a whole number from 64 to \(limit) with this bundle")
        #expect(throws: RestorationError.option(fault)) { try estimate(limit + 1) }
    }

    @Test("two prompts make two pictures, the same one the same, and a label is its sentence")
    func prompts() async throws {
        let engine = try SinglePassBundle("instructir", labels: ["noisy", "hazy", "snowy"]).engine()
        let noise = try await restore(Self.picture, on: engine) { $0.prompt = "Remove the noise!" }
        let again = try await restore(Self.picture, on: engine) { $0.prompt = "Remove the noise!" }
        let haze = try await restore(Self.picture, on: engine) { $0.prompt = "clear the haze" }
        #expect(noise.picture == again.picture && noise.picture != haze.picture && noise.rounds.isEmpty)
        let label = try await restore(Self.picture, on: engine) { $0.degradations = ["hazy"] }
        #expect(label.picture == haze.picture && label.degradations == ["hazy"])
        let both = try await restore(Self.picture, on: engine) { $0.degradations = ["noisy", "hazy"] }
        #expect(both.degradations == ["noisy", "hazy"] && both.picture != haze.picture)
    }

    @Test("a network that takes words refuses to do without, and labels it has no sentence for")
    func wordless() async throws {
        let engine = try SinglePassBundle("instructir", labels: ["noisy", "hazy", "snowy"]).engine()
        for (option, change) in [
            (.prompt, { _ in }), (.degradation, { $0.degradations = ["snowy"] }), (.degradation, { $0.degradations = ["odd"] }),
            (.prompt, { ($0.prompt, $0.degradations) = ("blur", ["noisy"]) }), (.rounds, { ($0.prompt, $0.rounds) = ("blur", 2) }),
            (.steps, { $0.steps = 2 }), (.force, { $0.force = true }),
        ] as [(RestorationOption, (inout RestorationOptions) -> Void)] {
            let error = await #expect(throws: RestorationError.self) { try await restore(Self.picture, on: engine, change) }
            guard case .option(let fault)? = error, fault.option == option else {
                Issue.record("\(option.name): \(String(describing: error))")
                continue
            }
        }
    }

    @Test("a prompt may be as long as the limit, and no longer")
    func promptLength() throws {
        let recipe = try SinglePassBundle("instructir").engine().recipe
        let limit = PromptLimits.characters
        #expect(try recipe.options(reading: [.prompt: String(repeating: "é", count: limit)]).prompt?.count == limit)
        for text in ["", String(repeating: "a", count: limit + 1)] {
            #expect(throws: OptionFault.self) { try recipe.options(reading: [.prompt: text]) }
        }
        let other = try SinglePassBundle("nafnet").engine().recipe
        #expect(throws: OptionFault(.prompt, "a", expected: "left out: this bundle has no such choice")) {
            try other.options(reading: [.prompt: "a"])
        }
    }

    @Test("eight clients at once get the bytes that each gets alone", arguments: ["instructir", "nafnet"])
    func company(kind: String) async throws {
        let bundle = try SinglePassBundle(kind, labels: ["noisy"])
        let pictures = (0..<8).map { Picture.sample(width: 40 + $0 % 2, height: 32) }
        @Sendable func options(_ number: Int) -> RestorationOptions {
            var options = RestorationOptions()
            if kind == "instructir" { options.prompt = ["remove the noise", "clear the haze", "blurry"][number % 3] }
            return options
        }
        try await expectCompanyChangesNothing(pictures, of: bundle, options: options)
    }

    @Test("where the light of the scene matters tiles are told of the whole, and a picture of one tile is its own whole")
    func scene() async throws {
        // Small weights would make the middle's means count for less than a step of a byte.
        let engine = try SinglePassBundle("nafnet", labels: ["hazy", "noisy"], weights: -0.4...0.4).engine()
        let large = Picture.sample(width: 150, height: 70)
        func restored(_ label: String, _ picture: Picture) async throws -> Picture {
            try await restore(picture, on: engine) { ($0.tile, $0.degradations) = (64, [label]) }.picture
        }
        let (hazy, noisy) = (try await restored("hazy", large), try await restored("noisy", large))
        #expect(zip(hazy.pixels, noisy.pixels).count { $0 != $1 } > 500)
        let small = Picture.sample(width: 60, height: 50)
        #expect(try await restored("hazy", small) == restored("noisy", small))
    }

    @Test("no border of a tile stands out of what was changed", arguments: ["hazy", "noisy"])
    func seams(label: String) async throws {
        let file = Repository.root.appendingPathComponent("Tests/Fixtures/Photographs/kodim20.png")
        let photograph = try ImageDecoder.decode(Array(try Data(contentsOf: file)))
        let (width, height) = (352, 160)
        let picture = Picture(
            width: width, height: height, pixels: photograph.window(columns: 200..<200 + width, rows: 150..<150 + height))
        let engine = try SinglePassBundle("nafnet", labels: ["hazy", "noisy"]).engine()
        let made = try await restore(picture, on: engine) { ($0.tile, $0.overlap, $0.degradations) = (128, 32, [label]) }.picture
        let plan = TilePlan(width: width, height: height, tile: 128, overlap: 32, alignment: 4)
        let borders = Set(plan.columns.flatMap { [$0.lowerBound, $0.upperBound] })
        let means = (0..<width).map { x in
            (0..<height).reduce(0.0) { sum, y in
                let place = (y * width + x) * 3 + 1
                return sum + Double(made.pixels[place]) - Double(picture.pixels[place])
            } / Double(height)
        }
        let jumps = (1..<width).map { (isBorder: borders.contains($0), size: abs(means[$0] - means[$0 - 1])) }
        let (atBorders, inside) = (
            jumps.filter(\.isBorder).map(\.size).max() ?? 0, jumps.filter { !$0.isBorder }.map(\.size).max() ?? 0
        )
        #expect(plan.columns.count > 2 && inside > 0 && atBorders <= inside, "\(atBorders) at borders, \(inside) inside")
    }

    @Test("a classifier's label steers the network, and what the bundle is not for comes back as it was")
    func classifier() async throws {
        let labels = ["noisy", "hazy", "rainy"]
        let bundle = try SinglePassBundle("conditional-nafnet", labels: labels, classifier: true)
        let engine = try bundle.engine()
        let classes = try await engine.classify(Self.picture, labels: nil)
        #expect(Set(classes.entries.map(\.label)) == Set(labels))
        let forced = try await restore(Self.picture, on: engine) { $0.force = true }
        #expect(forced.degradations == [classes.best.label] && !forced.unchanged)
        let named = try await restore(Self.picture, on: engine) { $0.degradations = [classes.best.label] }
        #expect(named.picture == forced.picture)
        let others = labels.filter { $0 != classes.best.label }
        let specialist = try SinglePassBundle("nafnet", labels: labels, classifier: true, ["restores": others]).engine()
        let found = try await restore(Self.picture, on: specialist) { $0.force = true }
        #expect(found.unchanged && found.declined == .notTreated && found.picture == Self.picture)
        let asked = try await restore(Self.picture, on: specialist) { $0.degradations = [others[0]] }
        #expect(!asked.unchanged && asked.picture != Self.picture)
    }

    @Test("the classifier of a bundle beside it serves as its own")
    func borrowed() async throws {
        let owner = try SinglePassBundle("conditional-nafnet", labels: ["noisy", "hazy"], classifier: true)
        let name = owner.folder.lastPathComponent
        let borrower = try SinglePassBundle("nafnet", ["classifier": ["bundle": name], "restores": ["hazy", "noisy"]])
        let (own, borrowed) = (try owner.engine(), try borrower.engine())
        let classes = try await own.classify(Self.picture, labels: nil)
        #expect(try await borrowed.classify(Self.picture, labels: nil) == classes)
        #expect(borrowed.recipe.labels == ["noisy", "hazy"])
        for wrong in ["../\(name)", "", ".", "no-such-folder", "/tmp"] {
            let bundle = try SinglePassBundle("nafnet", ["classifier": ["bundle": wrong]])
            #expect(throws: BundleError.self) { try bundle.engine() }
        }
    }

    @Test("a classifier with a text tower takes its labels' features from its file where a conversion has put them there")
    func convertedClassifier() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("restored-converted-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let published = try OfficialSketch.universal.publish(in: folder)
        let json = try Data(contentsOf: published.appendingPathComponent("bundle.json"))
        var manifest = try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
        let bundle = try SinglePassBundle("nafnet", [
            "labels": try #require(manifest["labels"]), "logit_scale": 100, "daclip": try #require(manifest["daclip"]),
        ])
        for name in ["daclip_ViT-B-32.pt", "bpe_simple_vocab_16e6.txt.gz"] {
            try FileManager.default.copyItem(
                at: published.appendingPathComponent(name), to: bundle.folder.appendingPathComponent(name))
        }
        let before = try await bundle.engine().classify(Self.picture, labels: nil)
        let preparation = BundlePreparation(EngineConfiguration())
        #expect(try await BundleFolderConversion(
            bundle.folder.path, to: nil, keepsOriginal: false, preparation: preparation).run())
        #expect(try await bundle.engine().classify(Self.picture, labels: nil) == before)
        let check = try await BundleCheck.run(in: bundle.folder.path, by: bundle.engine())
        #expect(check.largest == 0 && check.probabilities == 0)

        // With others in the file, which are then what is compared with.
        let file = bundle.folder.appendingPathComponent("daclip_ViT-B-32.safetensors").path
        let dictionary = try StateDict(contentsOf: file)
        var tensors: [String: StoredTensor] = [:]
        for name in dictionary.names { tensors[name] = dictionary[name] }
        let features = try #require(tensors["label_features"])
        tensors["label_features"] = StoredTensor(features.floats().map { -$0 }, shape: features.shape)
        try SafetensorsWriter.write(tensors, metadata: dictionary.metadata, to: file)
        let converted = bundle.folder.appendingPathComponent("bundle.json")
        manifest = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: converted)) as? [String: Any])
        var section = try #require(manifest["daclip"] as? [String: Any])
        section["sha256"] = FileDigest.sha256(of: try CheckpointBytes(contentsOf: file))
        manifest["daclip"] = section
        try bundle.write(manifest)
        let changed = try await bundle.engine().classify(Self.picture, labels: nil)
        #expect(changed.best.label == before.entries.min { $0.probability < $1.probability }?.label)
    }

    @Test("what a bundle.json has wrong is named")
    func wrong() throws {
        let biased = SinglePassBundle.body.merging(["bias": true]) { $1 }
        let cases: [(kind: String, members: [String: Any], place: String)] = [
            ("nafnet", ["nafnet": ["width": 0]], "nafnet.width"), ("nafnet", ["odd": 1], "odd"),
            ("nafnet", ["restores": ["snowy"]], "restores"), ("instructir", ["words": NSNull()], "words"),
            ("conditional-nafnet", [:], "context_dim"), ("restormer", ["restormer": biased], "bias"),
            ("nafnet", ["kind": "odd"], "kind"), ("nafnet", ["training": 1], "training"),
        ]
        for (kind, members, place) in cases {
            let bundle = try SinglePassBundle(kind, members)
            let error = #expect(throws: BundleError.self) { try bundle.engine() }
            #expect(error?.description.contains(place) ?? false, "\(kind), \(place): \(String(describing: error))")
        }
    }

    @Test("what the weights were trained with may stand in a bundle.json")
    func training() throws {
        let told: [String: Any] = ["seed": 1, "commit": "abc", "crops": [[0.0, 96]], "shares": ["noisy": 1.5]]
        #expect(try SinglePassBundle("nafnet", labels: ["noisy"], ["training": told]).engine().recipe.labels == ["noisy"])
    }
}
