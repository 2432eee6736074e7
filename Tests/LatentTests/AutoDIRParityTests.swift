import CLIP
import Checkpoints
import Compute
import Diffusion
import Engine
import Foundation
import Images
import LatentUNet
import TestSupport
import Testing

/// The recorded parts of AutoDIR.
@Suite("AutoDIR parity: parts", .enabled(if: AutoDIRFixtures.isThere))
struct AutoDIRParityTests {
    @Test("prompts and free texts have the recorded ids and states", arguments: Workspace.kernelSetNames)
    func texts(kernels: String) throws {
        let recorded = try AutoDIRFixtures.recorded("assessment.safetensors")
        let checker = StageChecker(file: "assessment", recorded: recorded, share: 2e-5)
        let (networks, tokenizer) = (try AutoDIRFixtures.networks(), try AutoDIRFixtures.tokenizer())
        let workspace = Workspace(threads: 2, kernels: kernels)
        let assessment = Assessment(networks.towers, tokenizer: tokenizer, in: workspace)
        checker.check("prompts.token_states", assessment.states.flatMap(\.self))
        checker.check("prompts.text_embeds", assessment.features.flatMap(\.self))
        let configuration = try AutoDIRFixtures.folder.configuration()
        #expect(try configuration.texts("categories") == Assessment.categories)
        let length = networks.towers.configuration.text.contextLength
        let masks = try recorded.rows("prompts.mask"), ids = try recorded.sequences("prompts.ids")
        let prompts = try configuration.texts("prompts"), texts = try configuration.texts("texts")
        for (index, prompt) in try #require(prompts).enumerated() {
            let tokens = tokenizer.paddedTokens(for: prompt, contextLength: length)
            #expect(tokens.ids == ids[index] && Float(tokens.count) == masks[index].reduce(0, +), "\(prompt)")
        }
        for (index, text) in try #require(texts).enumerated() {
            let tokens = tokenizer.paddedTokens(for: text, contextLength: length)
            #expect([tokens.ids] == (try recorded.sequences("text\(index).ids")), "\(text)")
            checker.check("text\(index).token_states", assessment.states(of: text, in: workspace))
            #expect(assessment.cuts(text) == (tokens.count > length))
        }
        #expect(assessment.emptyStates == assessment.states(of: "", in: workspace))
    }

    @Test("crops, the picture tower and its logits", arguments: Workspace.kernelSetNames)
    func pictures(kernels: String) throws {
        let recorded = try AutoDIRFixtures.recorded("assessment.safetensors")
        let workspace = Workspace(threads: 2, kernels: kernels)
        let networks = try AutoDIRFixtures.networks()
        let assessment = Assessment(networks.towers, tokenizer: try AutoDIRFixtures.tokenizer(), in: workspace)
        let fine = StageChecker(file: "assessment", recorded: recorded, share: 2e-6)
        let checker = StageChecker(file: "assessment", recorded: recorded, share: 1e-5)
        let side = networks.towers.configuration.vision.imageSize
        for index in 0..<recorded.names.count(where: { $0.hasPrefix("crop") && $0.hasSuffix(".input") }) {
            let (pictures, height, width) = try recorded.maps("crop\(index).input")
            let crop = assessment.crops(SignedPicture(width: width, height: height, values: pictures[0]))[0]
            fine.check("crop\(index).pixel_values", channelsFirst([crop], pixels: side * side))
            let embedding = assessment.embeddings([crop], in: workspace)[0]
            checker.check("crop\(index).image_embeds", embedding)
            checker.check(
                "crop\(index).logits", assessment.logits(of: embedding, among: Array(Assessment.categories.indices)))
            if index == 0 {
                let images = Tensor(crop, height: side, width: side, channels: 3, pool: workspace.pool)
                checker.alias("after_ln_pre", "vision.hidden0")
                checker.alias("pooled_cls_after_ln_post", "crop0.vision_pooled")
                for block in 0..<networks.towers.configuration.vision.layers {
                    checker.alias("resblock\(block)", "vision.hidden\(block + 1)")
                }
                _ = networks.towers.vision(images, observe: { checker.check(stage: $0, $1) }, in: workspace)
            }
        }
    }

    @Test("the structural correction, inner results and all", arguments: Workspace.kernelSetNames)
    func correction(kernels: String) throws {
        let recorded = try AutoDIRFixtures.recorded("nafnet.safetensors")
        let network = try AutoDIRFixtures.networks().correction
        let checker = StageChecker(file: "nafnet", recorded: recorded, share: 2e-5)
        for index in 0..<recorded.names.count(where: { $0.hasSuffix(".input") }) {
            let (inputs, height, width) = try recorded.maps("case\(index).input")
            let outputs = network(
                inputs, height: height, width: width,
                observe: { stage, tensor in
                    let name = "case\(index).\(stage)"
                    if recorded[name] != nil { checker.check(name, tensor.channelsFirst) }
                }, in: Workspace(threads: 2, kernels: kernels))
            checker.check("case\(index).output", channelsFirst(outputs, pixels: height * width))
        }
        // Norms and one block's own result, which are never there by themselves.
        let unchecked = checker.unchecked.filter {
            !$0.hasSuffix(".input") && !$0.hasSuffix("norm1") && !$0.hasSuffix("encoders.0.0")
        }
        #expect(unchecked.isEmpty, "recorded but not compared: \(unchecked)")
    }

    @Test("colours are corrected", .enabled(if: AutoDIRFixtures.folder.has("color.safetensors")))
    func colours() throws {
        let recorded = try AutoDIRFixtures.recorded("color.safetensors")
        let checker = StageChecker(file: "color", recorded: recorded, share: 2e-6)
        let (contents, height, width) = try recorded.maps("case0.content")
        let styles = try recorded.maps("case0.style").samples
        for kind in [ColourCorrection.adain, .wavelet] {
            let made = zip(contents, styles).map { content, style in
                kind.corrected(
                    SignedPicture(width: width, height: height, values: content),
                    like: SignedPicture(width: width, height: height, values: style)).values
            }
            checker.check("case0.\(kind.rawValue)", channelsFirst(made, pixels: height * width))
        }
    }

    @Test("the schedule and the steps of the sampler", .enabled(if: AutoDIRFixtures.folder.has("schedule.safetensors")))
    func schedule() throws {
        let recorded = try AutoDIRFixtures.recorded("schedule.safetensors")
        let schedule = try AutoDIRFixtures.configuration().schedule
        func expect(_ found: [Double], _ name: String, share: Double) throws {
            let expected = try #require(recorded[name]).floats()
            let largest = Double(expected.map(abs).max() ?? 0)
            let difference = zip(found, expected).map { abs($0 - Double($1)) }.max() ?? 0
            #expect(found.count == expected.count && difference <= share * largest, "\(name): \(difference)")
        }
        try expect(schedule.signals, "alphas_cumprod", share: 3e-5)
        try expect(schedule.sigmas.map { log($0) }, "log_sigmas", share: 3e-5)
        for name in recorded.names where name.hasSuffix(".sigmas") {
            let prefix = name.dropLast("sigmas".count)
            let count = try #require(Int(prefix.dropFirst("steps".count).dropLast()))
            let sigmas = schedule.spacedSigmas(count)
            try expect(sigmas, name, share: 2e-6)
            try expect(sigmas.dropLast().map { schedule.time(ofSigma: $0) }, "\(prefix)times", share: 2e-6)
            let steps = zip(sigmas, sigmas.dropFirst()).map { LatentSamplerPlan.ancestral(from: $0, to: $1) }
            try expect(steps.map(\.down), "\(prefix)sigma_down", share: 3e-5)
            try expect(steps.map(\.up), "\(prefix)sigma_up", share: 3e-5)
        }
    }
}

/// Words, in the vocabulary that both forms of Stable Diffusion share.
@Suite("Tokens of latent diffusion", .enabled(if: LatentFixtures.folder.has("tokens.json") && AutoDIRFixtures.isThere))
struct LatentTokenTests {
    private struct Row: Decodable {
        let text: String
        let sd1_ids: [Int32]
        let sd2_ids: [Int32]
    }

    /// What those programs' repair does beyond the rules here; `TextCleaning` repairs nothing.
    private static let unlike = ["sd1": Set<String>(), "sd2": ["flüssig ﬁne ＦＵＬＬ", "“quoted” ‘single’ – dash", "schÃ¶n mojibake"]]

    @Test("texts have the recorded ids, with the end's padding and with zeros")
    func ids() throws {
        let rows = try JSONDecoder().decode([Row].self, from: Data(contentsOf: LatentFixtures.folder.url("tokens.json")))
        let tokenizer = try AutoDIRFixtures.tokenizer()
        #expect(rows.count > 20)
        for row in rows {
            let first = tokenizer.paddedTokens(for: row.text, contextLength: row.sd1_ids.count).ids
            if Self.unlike["sd1"]?.contains(row.text) != true { #expect(first == row.sd1_ids, "\(row.text)") }
            let second = tokenizer.tokens(for: row.text, contextLength: row.sd2_ids.count)
            if Self.unlike["sd2"]?.contains(row.text) != true { #expect(second == row.sd2_ids, "\(row.text)") }
        }
    }
}

/// Products of bfloat16, whatever the processor has for them.
@Suite("AutoDIR in bf16", .enabled(if: AutoDIRFixtures.isThere))
struct AutoDIRPrecisionTests {
    @Test("the networks say about the same")
    func precision() throws {
        let recorded = try AutoDIRFixtures.recorded("run_auto.safetensors")
        let workspace = Workspace(threads: 2)
        let networks = try [Precision.fp32, .bf16].map { try AutoDIRFixtures.networks(precision: $0) }
        let (pictures, height, width) = try recorded.maps("round0.input")
        func close(_ name: String, _ make: (AutoDIRNetworks) -> [Float]) {
            let (exact, rounded) = (make(networks[0]), make(networks[1]))
            let largest = exact.map(abs).max() ?? 1
            let difference = zip(exact, rounded).map { abs($0 - $1) }.max() ?? 0
            #expect(difference > 0 && difference < 0.1 * largest, "\(name): \(difference) of \(largest)")
        }
        close("encode") { $0.autoencoder.encode(pictures, height: height, width: width, in: workspace)[0].mean }
        let latent = try recorded.maps("round0.latent")
        close("decode") {
            $0.autoencoder.decode(latent.samples, height: latent.height, width: latent.width, in: workspace)[0]
        }
        let picture = try recorded.maps("round0.image_latent").samples[0]
        let state = try recorded.maps("round0.noise_start").samples[0]
        let context = try recorded.rows("round0.context")[0]
        close("evaluation") { networks in
            let sample = LatentUNet.Sample(
                latent: LatentSamplerTests.joined(state, picture), time: 500,
                context: networks.network.context(context, in: workspace))
            return networks.network([sample], height: latent.height, width: latent.width, in: workspace)[0]
        }
    }
}
