import Bundles
import Checkpoints
import Compute
import Engine
import Foundation
import GuidedRestoration
import Images
import TestSupport
import Testing

/// Networks with a reference, run by the engine as it is.
@Suite("Guided: engine", .timeLimit(.minutes(2)))
struct GuidedEngineTests {
    private static let picture = Picture.sample(width: 61, height: 43)
    /// Small enough and large enough to be looked at as it is.
    private static let reference = Picture.sample(width: 204, height: 192)

    private func restore(
        _ picture: Picture = picture, with reference: Picture? = reference, on engine: RecipeEngine,
        _ change: (inout RestorationOptions) -> Void = { _ in }
    ) async throws -> RestorationResult {
        var options = RestorationOptions()
        options.reference = reference.map { ReferencePicture($0) }
        change(&options)
        return try await engine.restore(picture, options: options) { _ in }
    }

    private static func network(_ bundle: SinglePassBundle) throws -> GuidedNAFNet {
        let loaded = try Bundles.Bundle.load(bundle.folder.path)
        let sizes = try GuidedNAFNetConfiguration(loaded.section("network_g"))
        return try loaded.network(from: loaded.section("network_g")) { parameters throws(CheckpointError) in
            try GuidedNAFNet(parameters, configuration: sizes)
        }
    }

    private static func floats(_ picture: Picture) -> [Float] { picture.pixels.map { Float($0) / 255 } }

    @Test("a picture is what the network makes of it and its reference, rounded, in one step", arguments: 1...2)
    func bytes(workers: Int) async throws {
        let bundle = try SinglePassBundle("guided", labels: ["motion-blurry"])
        let (network, workspace) = (try Self.network(bundle), Workspace(threads: 1))
        let features = network.guidance.features(
            of: Self.floats(Self.reference), height: 192, width: 204, in: workspace)
        let expected = network(
            [GuidedSample(picture: Self.floats(Self.picture), reference: features)], height: 43, width: 61, in: workspace)
        let result = try await restore(on: bundle.engine { $0.workers = workers })
        #expect(result.picture.pixels == expected[0].map(Picture.byte) && result.picture != Self.picture)
        #expect(result.degradations == ["motion-blurry"] && result.sampling == nil && !result.unchanged)
        #expect(Set(result.timing.stages.map(\.name)) == ["reference", "restore"])
    }

    @Test("each tile of a large picture borrows from the whole reference, and the picture is the same however they are worked on")
    func tiles() async throws {
        let bundle = try SinglePassBundle("guided")
        let large = Picture.sample(width: 161, height: 97)
        let one = try await restore(large, on: bundle.engine()) { $0.tile = 64 }
        let two = try await restore(large, on: bundle.engine { ($0.workers, $0.threadsPerEvaluation) = (2, 2) }) { $0.tile = 64 }
        #expect(one.picture.width == 161 && one.picture.height == 97 && one.picture != large && one.picture == two.picture)
    }

    @Test("without a reference nothing is restored, but where the bundle does without: then the picture is its own")
    func alone() async throws {
        let needy = try SinglePassBundle("guided").engine()
        #expect(needy.recipe.options.contains(.reference))
        await #expect(throws: RestorationError.needsReference(bundle: "small-guided")) {
            try await restore(with: nil, on: needy)
        }
        let engine = try SinglePassBundle("guided", ["needs_reference": false]).engine()
        let alone = try await restore(with: nil, on: engine)
        #expect(try await restore(with: Self.picture, on: engine).picture == alone.picture)
        #expect(try await restore(on: engine).picture != alone.picture)
    }

    @Test(
        "another kind of bundle refuses a reference",
        arguments: ["nafnet", "conditional-nafnet", "instructir", "restormer", "promptir", "daclip-ir-sde", "autodir"])
    func refused(kind: String) async throws {
        let small = kind == "autodir" ? nil : try SinglePassBundle(kind, labels: ["noisy", "hazy"], classifier: true)
        let engine = try small?.engine() ?? AutoDIRBundle().engine()
        let fault = OptionFault(
            .reference, "a picture of 204x192", expected: "left out: this bundle has no such choice")
        await #expect(throws: RestorationError.option(fault)) { try await restore(on: engine) }
        #expect(!engine.recipe.options.contains(.reference))
    }

    @Test("of a large reference so many pixels are looked at as may be, whoever shrinks it; its hidden pixels have no say")
    func largeReference() async throws {
        let engine = try SinglePassBundle("guided").engine()
        let large = Picture.sample(width: 700, height: 500)
        let fitted = try ReferencePicture.fitted(large)
        #expect(fitted.width * fitted.height <= ReferenceLimits.pixels && fitted.width > 600)
        #expect(try ReferencePicture.fitted(fitted) == fitted)
        let whole = try await restore(with: large, on: engine)
        #expect(try await restore(with: fitted, on: engine).picture == whole.picture)
        var (one, other) = (Self.reference, Self.reference)
        for pixel in 0..<100 { for channel in 0..<3 { other.pixels[3 * pixel + channel] = UInt8(pixel) } }
        one.alpha = (0..<one.width * one.height).map { $0 < 100 ? 0 : 255 }
        other.alpha = one.alpha
        #expect(try await restore(with: one, on: engine).picture == restore(with: other, on: engine).picture)
    }

    @Test("a reference has its own size up to the limit and is shrunk past it; a short side is enlarged as far as pixels allow")
    func sizes() throws {
        #expect(ReferenceLimits.fitted(width: 512, height: 512) == (512, 512))
        #expect(ReferenceLimits.fitted(width: 513, height: 512) == (512, 511))
        let most = ReferenceLimits.fitted(width: 16_384, height: 16_384)
        #expect(most == (512, 512))
        let size = ReferenceSize(try Self.network(SinglePassBundle("guided")).configuration.guidance)
        #expect(size.size(width: 192, height: 300) == (192, 300) && size.size(width: 191, height: 300).width == 192)
        #expect(size.size(width: 96, height: 96) == (192, 192))
        let small = ReferenceSize(try Self.network(SinglePassBundle("guided")).configuration.guidance, pixels: 64 * 64)
        #expect(small.size(width: 64, height: 64) == (64, 64) && small.size(width: 512, height: 512) == (64, 64))
        let strip = size.size(width: 8, height: 16_384)
        #expect(strip.width * strip.height <= ReferenceLimits.pixels && strip.width > 8)
    }

    @Test("where working memory is short less of a reference is looked at, and what can't be restored within it is refused")
    func shortMemory() async throws {
        let bundle = try SinglePassBundle("guided")
        let roomy = try await restore(on: bundle.engine()).picture
        let short = try bundle.engine { $0.memoryBudget = 6 << 20 }
        var options = RestorationOptions()
        options.reference = ReferencePicture(Self.reference)
        #expect(try short.estimate(width: 61, height: 43, options: options).bytes <= 6 << 20)
        #expect(try await restore(on: short).picture != roomy)
        let none = try bundle.engine { $0.memoryBudget = 1 << 16 }
        #expect(throws: RestorationError.self) { try none.estimate(width: 61, height: 43, options: options) }
    }

    @Test("features of references are kept up to the limit, the least recently used go, and one that is too large never comes in")
    func cache() throws {
        let configuration = try Self.network(SinglePassBundle("guided")).configuration.guidance
        func features(_ side: Int) -> ReferenceFeatures { ReferenceFeatures(blank: configuration, height: side, width: side) }
        let (small, large) = (features(32), features(64))
        let cache = ReferenceCache(limit: 2 * small.bytes)
        cache.keep(small, as: "a")
        cache.keep(small, as: "b")
        #expect(cache.bytes == cache.limit && cache["a"] === small)
        cache.keep(small, as: "c")
        #expect(cache["b"] == nil && cache["a"] != nil && cache["c"] != nil && cache.bytes <= cache.limit)
        cache.keep(large, as: "d")
        #expect(cache["d"] == nil && cache["a"] != nil)
        let (one, other) = (Picture.sample(width: 16, height: 8), Picture.sample(width: 8, height: 16))
        #expect(ReferenceCache.key(one) == ReferenceCache.key(Picture.sample(width: 16, height: 8)))
        #expect(ReferenceCache.key(one) != ReferenceCache.key(other))
    }

    @Test("eight clients at once, with references and without, get the bytes that each gets alone")
    func company() async throws {
        let bundle = try SinglePassBundle("guided", ["needs_reference": false])
        let references: [Picture?] = [nil, Self.reference, Picture.sample(width: 192, height: 230)]
        @Sendable func options(_ number: Int) -> RestorationOptions {
            var options = RestorationOptions()
            options.reference = references[number % 3].map { ReferencePicture($0) }
            return options
        }
        let pictures = (0..<8).map { Picture.sample(width: 40 + $0 % 2, height: 32) }
        try await expectCompanyChangesNothing(pictures, of: bundle, options: options)
    }

    @Test("with a classifier it finds out what is wrong, and leaves alone what it is not for")
    func classifier() async throws {
        let bundle = try SinglePassBundle("guided", labels: ["noisy", "hazy"], classifier: true)
        let engine = try bundle.engine()
        #expect(engine.recipe.classifies && engine.recipe.options.isSuperset(of: [.degradation, .rounds, .force, .reference]))
        let named = try await restore(on: engine) { $0.degradations = ["noisy"] }
        let found = try await restore(on: engine) { $0.force = true }
        #expect(named.picture == found.picture && named.picture != Self.picture)
        let twice = try await restore(on: engine) { $0.degradations = ["noisy", "hazy"] }
        #expect(twice.picture != named.picture && twice.degradations == ["noisy", "hazy"])
        let best = try await engine.classify(Self.picture, labels: nil).best.label
        let other = try SinglePassBundle(
            "guided", labels: ["noisy", "hazy"], classifier: true, ["restores": [best == "noisy" ? "hazy" : "noisy"]]).engine()
        #expect(try await restore(on: other) { $0.force = true }.unchanged)
    }

    @Test("a reference that breaks off is told as such, and not as the picture")
    func brokenReference() async throws {
        let engine = try SinglePassBundle("guided").engine()
        var options = RestorationOptions()
        options.reference = ReferencePicture(width: 200, height: 200) { throw ImageError.truncated }
        await #expect(throws: RestorationError.reference(.truncated)) {
            try await engine.restore(Self.picture, options: options) { _ in }
        }
    }

    @Test("what a bundle.json has wrong is named", arguments: [
        ("network_g", "network_g"), ("needs_reference", "needs_reference"), ("type", "type"), ("nf", "nf"), ("odd", "odd"),
    ])
    func wrong(key: String, place: String) throws {
        let sound = try SinglePassBundle("guided")
        let json = try Data(contentsOf: sound.folder.appendingPathComponent("bundle.json"))
        var manifest = try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
        var section = try #require(manifest["network_g"] as? [String: Any])
        switch key {
        case "network_g": manifest[key] = nil
        case "needs_reference": manifest[key] = 1
        case "type": section["type"] = "SFNetRefFusion"
        default: section[key] = 3
        }
        if key != "network_g" { manifest["network_g"] = section }
        try sound.write(manifest)
        let error = #expect(throws: BundleError.self) { try sound.engine() }
        #expect(error?.description.contains(place) ?? false, "\(String(describing: error))")
    }

    @Test(
        "an official archive becomes a bundle that gives the same picture, and a check beside it",
        .enabled(if: ParityFolder.textual.has("nafnet_guided.pth")))
    func conversion() async throws {
        let bundle = try SinglePassBundle("guided", labels: ["motion-blurry"])
        let archive = bundle.folder.appendingPathComponent("net_g_2000.pth")
        try FileManager.default.copyItem(at: ParityFolder.textual.url("nafnet_guided.pth"), to: archive)
        let recorded = try ParityFolder.textual.configuration().object("nafnet")
        func sizes(_ key: String) throws -> [Int] { try #require(try recorded.sizes(key, 0...64, count: 1...8)) }
        let section: [String: Any] = [
            "file": "net_g_2000.pth", "sha256": FileDigest.sha256(of: try CheckpointBytes(contentsOf: archive.path)),
            "type": "NAFNetRefFusion", "width": try recorded.size("width", 1...64), "enc_blk_nums": try sizes("enc"),
            "middle_blk_num": try recorded.size("middle", 0...64), "dec_blk_nums": try sizes("dec"), "ext_n_blocks": try sizes("ext"),
            "reffusion_n_blocks": try sizes("fuse"), "lr_block_size": try recorded.size("block", 1...64),
            "dilations": try sizes("dilations"),
        ]
        try FileManager.default.removeItem(at: bundle.folder.appendingPathComponent("network_g.safetensors"))
        try bundle.write([
            "kind": "guided", "name": "official", "version": "1", "licence": "none", "trainingDataTerms": "none",
            "network_g": section,
        ])
        let before = try await restore(on: bundle.engine())
        let preparation = BundlePreparation(EngineConfiguration())
        #expect(try await BundleFolderConversion(
            bundle.folder.path, to: nil, keepsOriginal: false, preparation: preparation).run())
        let names = try FileManager.default.contentsOfDirectory(atPath: bundle.folder.path)
        #expect(names.contains("net_g_2000.safetensors") && !names.contains("net_g_2000.pth"))
        #expect(try await restore(on: bundle.engine()).picture == before.picture)
        let check = try await BundleCheck.run(in: bundle.folder.path, by: bundle.engine())
        #expect(check.largest == 0)
        // What was kept with a reference of its own borrows from that.
        let path = bundle.folder.path + "/" + BundleCheck.name
        let kept = try StateDict(contentsOf: path)
        var tensors: [String: StoredTensor] = [:]
        for name in kept.names { tensors[name] = kept[name] }
        let reference = Picture.sample(width: 204, height: 192)
        tensors["reference"] = StoredTensor(scalarType: .uint8, shape: [192, 204, 3], littleEndian: reference.pixels)
        try SafetensorsWriter.write(tensors, metadata: kept.metadata, to: path)
        #expect(try await BundleCheck.run(in: bundle.folder.path, by: bundle.engine()).largest != 0)
    }
}
