import Bundles
import Checkpoints
import Diffusion
import Engine
import TestSupport
import Testing

/// A `bundle.json` of DA-CLIP and IR-SDE is taken as it is meant, or refused with the place that is wrong.
@Suite("Bundles of DA-CLIP and IR-SDE")
struct DegradationDiffusionTests {
    /// The official pair, as a bundle would describe it.
    static let official = """
        {
          "name": "universal", "version": "1", "licence": "MIT", "trainingDataTerms": "see the paper", "prediction": "noise",
          "labels": ["hazy", "rainy"], "logit_scale": 100,
          "daclip": {
            "file": "daclip_ViT-B-32.pt", "sha256": "\(String(repeating: "0a", count: 32))", "embed_dim": 512,
            "vision_cfg": {"image_size": 224, "layers": 12, "width": 768, "patch_size": 32},
            "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 512, "heads": 8, "layers": 12},
            "custom_text": true, "merges": {"file": "merges.txt.gz", "sha256": "\(String(repeating: "0b", count: 32))"}
          },
          "unet": {
            "file": "universal-ir.pth", "sha256": "\(String(repeating: "0c", count: 32))", "in_nc": 3, "out_nc": 3, "nf": 64,
            "ch_mult": [1, 2, 4, 8], "context_dim": 512, "use_degra_context": true, "use_image_context": true
          },
          "diffusion": {}, "default": {"sampler": "posterior", "steps": 100}
        }
        """

    private struct Read {
        let manifest: BundleManifest
        let own: DegradationAwareNetworks.Configuration
    }

    private func read(_ json: [UInt8]) throws -> Read {
        let reader = try ConfigurationReader(json: json)
        let read = Read(manifest: try BundleManifest(reader), own: try DegradationAwareNetworks.Configuration(reader))
        try Self.takeFiles(reader)
        try reader.finish()
        return read
    }

    /// What building the networks asks for beside their sizes.
    private static func takeFiles(_ reader: ConfigurationReader) throws {
        let (encoder, network) = (try reader.object("daclip"), try reader.object("unet"))
        let merges = try encoder.optionalObject("text_cfg").map { _ in try encoder.object("merges") }
        for object in [encoder, network, merges].compactMap(\.self) {
            _ = (try object.text("file", upTo: 64), try object.text("sha256", upTo: 64))
        }
    }

    /// The official one with a piece of its text replaced.
    private func read(replacing old: String, with new: String) throws -> Read {
        try #require(Self.official.contains(old))
        return try read(Array(Self.official.replacing(old, with: new).utf8))
    }

    @Test("keys that are left out take the official defaults")
    func defaults() throws {
        let (manifest, own) = try { ($0.manifest, $0.own) }(read(Array(Self.official.utf8)))
        #expect(manifest.kind == DegradationAwareNetworks.kind)
        #expect(own.encoderPrecisions == [.fp32] && own.networkPrecisions == [.fp32])
        #expect(own.encoder.usesQuickGELU == false)
        #expect(own.encoder.vision.headWidth == 64)
        #expect(own.encoder.vision.stem == nil)
        #expect(own.encoder.nativeWindows == 0)
        #expect(own.encoder.controller == own.encoder.vision)
        #expect(!own.network.halvesFirst)
        #expect(own.diffusion == .init())
        #expect(own.defaults.sampler == .posterior && own.defaults.steps == 100 && own.defaults.times == nil)
        #expect(Set(manifest.files.map(\.name)) == ["daclip_ViT-B-32.pt", "universal-ir.pth", "merges.txt.gz"])
    }

    @Test("precisions are those that the card names")
    func precisions() throws {
        let own = try read(replacing: #""nf":"#, with: #""precisions": ["bf16", "fp32"], "nf":"#).own
        #expect(own.networkPrecisions == [.fp32, .bf16] && own.encoderPrecisions == [.fp32])
    }

    @Test("a bundle without a default section gets what suits its prediction, as far as its tables go")
    func standardSampler() throws {
        func defaults(_ prediction: String, _ diffusion: String = "{}") throws -> SamplerDefaults {
            let section = #""diffusion": {}, "default": {"sampler": "posterior", "steps": 100}"#
            try #require(Self.official.contains(section))
            let text = Self.official.replacing(section, with: #""diffusion": \#(diffusion)"#)
                .replacing(#""prediction": "noise""#, with: #""prediction": "\#(prediction)""#)
            return try read(Array(text.utf8)).own.defaults
        }
        #expect(try defaults("noise").sampler == .semiLinearSDE)
        #expect(try defaults("noise").steps == SamplerDefaults.semiLinearStepCount)
        #expect(try defaults("clean").sampler == .posterior && defaults("clean").steps == 100)
        #expect(try defaults("clean", #"{"T": 1000}"#).steps == SamplerDefaults.stepLimit)
        for tables in [#"{"T": 3}"#, #"{"sample_T": 3}"#] {
            #expect(try defaults("noise", tables).steps == 3 && defaults("clean", tables).steps == 3)
        }
    }

    @Test("a network without contexts needs no embedding")
    func plainNetwork() throws {
        let own = try read(
            replacing: #""context_dim": 512, "use_degra_context": true, "use_image_context": true"#,
            with: #""context_dim": null, "use_degra_context": false, "use_image_context": false, "note": "plain IR-SDE""#).own
        #expect(own.network.contextWidth == nil)
    }

    @Test("a controller is shaped like the image encoder, but for what is said of it")
    func controller() throws {
        let encoder = try read(
            replacing: #""patch_size": 32}"#,
            with: """
                "patch_size": 8, "stem": [32, 64], "stem_blocks": [0, 1, 0]},
                "controller_cfg": {"stem_blocks": [0, 2, 1], "pool": "patches", "note": "looks longer"}
                """).own.encoder
        #expect(encoder.vision.stemBlocks == [0, 1, 0])
        #expect(encoder.vision.pool == .classToken)
        #expect(encoder.controller.stemBlocks == [0, 2, 1])
        #expect(encoder.controller.pool == .patches)
        #expect(encoder.controller.stem == [32, 64])
    }

    @Test("what can't be is refused, with its place", arguments: [
        (#""prediction": "noise""#, #""prediction": "velocity""#, "prediction: expected one of noise, clean, found \"velocity\""),
        (#""sampler": "posterior""#, #""sampler": "ddim""#, "default.sampler: expected one of posterior, sde, ode, mr-ode, mr-sde, found \"ddim\""),
        (#""diffusion": {}"#, #""diffusion": {"schedule": "sigmoid"}"#, "diffusion.schedule: expected one of cosine, linear, constant"),
        (#""embed_dim": 512"#, #""embed_dim": 512, "native_windows": 6"#, "daclip.native_windows: expected 0 to 5, found 6"),
        (#""embed_dim": 512"#, #""embed_dim": 512, "native_windows": -1"#, "daclip.native_windows: expected 0 to 5, found -1"),
        (#""diffusion": {}"#, #""diffusion": {"T": 0}"#, "diffusion.T: expected 1 to 10000, found 0"),
        (#""diffusion": {}"#, #""diffusion": {"T": 10001}"#, "diffusion.T: expected 1 to 10000, found 10001"),
        (#""diffusion": {}"#, #""diffusion": {"sample_T": 0}"#, "diffusion.sample_T"),
        (#""diffusion": {}"#, #""diffusion": {"eps": 0}"#, "diffusion.eps"),
        (#""diffusion": {}"#, #""diffusion": {"max_sigma": 256}"#, "diffusion.max_sigma"),
        (#""diffusion": {}"#, #""diffusion": []"#, "diffusion: expected an object"),
        (#""diffusion": {}, "#, "", "diffusion: is needed"),
        (#""name": "universal""#, #""name": "../universal""#, "name: expected letters"),
        (#""name": "universal""#, #""name": "a\nb""#, "name: expected 1 to 64 printable characters"),
        (#""name": "universal", "#, "", "name: is needed (text)"),
        (#""licence": "MIT", "#, "", "licence: is needed (text)"),
        (#""trainingDataTerms": "see the paper""#, #""trainingDataTerms": """#, "trainingDataTerms: expected 1 to 10000 printable"),
        (#""labels": ["hazy", "rainy"]"#, #""labels": []"#, "labels: expected 1 to 1000"),
        (#""labels": ["hazy", "rainy"]"#, #""labels": ["hazy", "hazy"]"#, "labels: one is there twice"),
        (#""labels": ["hazy", "rainy"]"#, #""labels": ["hazy,rainy"]"#, "labels: \"hazy,rainy\""),
        (#""labels": ["hazy", "rainy"]"#, #""labels": ["auto"]"#, "labels: \"auto\""),
        (#""labels": ["hazy", "rainy"]"#, #""labels": "hazy""#, "labels: expected a list of texts"),
        (#""nf":"#, #""precisions": ["fp32", "fp16"], "nf":"#, "unet.precisions: expected names among fp32, bf16, none twice"),
        (#""nf":"#, #""precisions": ["bf16"], "nf":"#, "unet.precisions: expected names among fp32, bf16, none twice"),
        (#""nf":"#, #""precisions": ["fp32", "fp32"], "nf":"#, "unet.precisions: expected names among fp32, bf16"),
        (#""nf":"#, #""precisions": [], "nf":"#, "unet.precisions: expected names among fp32, bf16"),
        (#""embed_dim":"#, #""precisions": "fp32", "embed_dim":"#, "daclip.precisions: expected a list of texts"),
        (#""labels":"#, #""precisions": ["fp32"], "labels":"#, "the key \"precisions\" is not known"),
        (#""logit_scale": 100"#, #""logit_scale": -1"#, "logit_scale"),
        (#""logit_scale": 100"#, #""logit_scale": "100""#, "logit_scale: expected a number, found a value of another type"),
        (#""file": "universal-ir.pth""#, #""file": "../universal-ir.pth""#, "unet.file: expected a plain file name"),
        (#""file": "universal-ir.pth""#, #""file": "/etc/x.pth""#, "unet.file: expected a plain file name"),
        (#""file": "universal-ir.pth""#, #""file": ".pth""#, "unet.file: expected a plain file name"),
        (#""file": "universal-ir.pth""#, #""file": "universal-ir.exe""#, "unet.file: expected a plain file name"),
        (#""file": "universal-ir.pth""#, #""file": "daclip_ViT-B-32.pt""#, "two networks name the same file"),
        ("0c0c0c0c", "0C0c0c0c", "unet.sha256: expected 64 lower-case hexadecimal digits"),
        ("0c0c0c0c", "0c0c0c0", "unet.sha256"),
        (#""nf": 64"#, #""nf": 0"#, "unet.nf: expected 4 to 1024, found 0"),
        (#""nf": 64"#, #""nf": 9223372036854775807"#, "unet.nf: expected 4 to 1024"),
        (#""nf": 64"#, #""nf": 9223372036854775808"#, "unet.nf: expected a whole number"),
        (#""nf": 64"#, #""nf": 63"#, "unet.nf: expected an even number"),
        (#""nf": 64"#, #""nf": 64, "nff": 1"#, "unet: the key \"nff\" is not known"),
        (#""ch_mult": [1, 2, 4, 8]"#, #""ch_mult": []"#, "unet.ch_mult"),
        (#""ch_mult": [1, 2, 4, 8]"#, #""ch_mult": [1, -2]"#, "unet.ch_mult"),
        (#""in_nc": 3"#, #""in_nc": 4"#, "unet.in_nc: expected 3 to 3, found 4"),
        (#""context_dim": 512"#, #""context_dim": 256"#, "unet.context_dim: expected the embeddings' 512, found 256"),
        (#""context_dim": 512"#, #""context_dim": null"#, "unet.context_dim: is needed with a context"),
        (#""nf": 64"#, #""nf": 36"#, "unet.nf: a level with a spatial transformer has 144 channels"),
        (#""use_image_context": true"#, #""use_image_context": true, "scale": 0.25"#, "unet.scale: expected 1 or 0.5"),
        (#""use_image_context": true"#, #""use_image_context": 1"#, "unet.use_image_context: expected true or false"),
        (#""width": 768"#, #""width": 769"#, "daclip.vision_cfg.head_width: 64 doesn't divide the width 769"),
        (#""patch_size": 32"#, #""patch_size": 33"#, "daclip.vision_cfg.patch_size: 33 doesn't divide"),
        (#""patch_size": 32"#, #""patch_size": 32, "stem": [32, 64]"#, "daclip.vision_cfg.stem: 3 convolutions"),
        (#""patch_size": 32"#, #""patch_size": 32, "pool": "mean""#, "daclip.vision_cfg.pool: expected one of class, patches"),
        (
            #""patch_size": 32"#, #""patch_size": 32, "stem_blocks": [1]"#,
            "daclip.vision_cfg.stem_blocks: expected a number for each convolution of the stem, of which there are 0, found 1"
        ),
        (
            #""patch_size": 32"#, #""patch_size": 4, "stem": [1], "stem_blocks": [1, 0]"#,
            "daclip.vision_cfg.stem_blocks: a block works with half"
        ),
        (
            #""embed_dim": 512"#, #""embed_dim": 512, "controller_cfg": {"stem_blocks": [-1]}"#,
            "daclip.controller_cfg.stem_blocks: expected 1 to 12 numbers from 0 to 64"
        ),
        (
            #""embed_dim": 512"#, #""embed_dim": 512, "controller_cfg": {"width": 64}"#,
            "daclip.controller_cfg: the key \"width\" is not known"
        ),
        (#""custom_text": true, "merges""#, #""custom_text": true, "other""#, "daclip.merges: is needed (an object)"),
        (#""custom_text": true"#, #""custom_txt": true"#, "daclip: the key \"custom_txt\" is not known"),
        (#""steps": 100"#, #""steps": 0"#, "default.steps: expected 1 to 100, found 0"),
        (#""steps": 100"#, #""steps": 101"#, "default.steps: expected 1 to 100, found 101"),
        (#""diffusion": {}"#, #""diffusion": {"T": 50}"#, "default.steps: expected 1 to 50, found 100"),
        (
            #""sampler": "posterior", "steps": 100"#, #""sampler": "sde", "steps": 10, "times": [9, 8, 7, 6, 5, 4, 3, 2, 1]"#,
            "default.times: the sampler sde takes no times of its own"
        ),
        (#""custom_text": true, "merges""#, #""custom_text": 1, "merges""#, "daclip.custom_text: expected true or false"),
        (#""text_cfg": {"#, #""no_text_cfg": {"#, "daclip: the key"),
        (#""steps": 100"#, #""steps": 2, "times": [100]"#, "default.times: expected 2 steps"),
        (#""steps": 100"#, #""steps": 2, "times": [50, 100]"#, "default.times"),
        (#""steps": 100"#, #""steps": 2, "times": [101, 50]"#, "default.times"),
        (#""sampler": "posterior", "steps": 100"#, #""sampler": "ode", "steps": 9"#, "default.steps: expected 10 to 100, found 9"),
        ("{", "[", "expected a JSON object"),
        ("{", "", "expected a JSON object"),
    ])
    func refused(old: String, new: String, reason: String) throws {
        let error = try #require(throws: ConfigurationError.self) { try read(replacing: old, with: new) }
        #expect(error.description.contains(reason), "\(error.description)")
        #expect(!error.description.contains("\n"))
    }

    @Test("random faults in a manifest never end in a crash", arguments: 1...3)
    func faults(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<500 { _ = try? read(generator.mutate(Array(Self.official.utf8))) }
    }
}
