import Autoencoder
import Checkpoints
import Compute
import Diffusion
import Foundation
import Images
import LatentUNet
import TestSupport
import Testing

/// The recorded run that draws a guidance picture from words.
@Suite("Guidance run parity", .enabled(if: TextualFixtures.isThere))
struct GuidanceRunParityTests {
    private static func recorded() throws -> StateDict { try TextualFixtures.recorded("run.safetensors") }

    private func check(
        _ values: [Float], _ name: String, _ recorded: StateDict, share: Double? = nil, _ note: String = ""
    ) throws {
        try TextualFixtures.check(values, name, in: "run", recorded, share: share, note)
    }

    static func plan() throws -> LatentSamplerPlan {
        let scheduler = try TextualFixtures.section("scheduler")
        let schedule = NoiseSchedule(
            betas: try scheduler.number("beta_start", above: 0, upTo: 1)...scheduler.number("beta_end", above: 0, upTo: 1),
            steps: try scheduler.size("num_train_timesteps", 2...10_000))
        let steps = try TextualFixtures.section("guidance").size("steps", 1...200)
        return try LatentSamplerPlan(.ddim, steps: steps, schedule: schedule, prediction: .noise)
    }

    @Test("times and what is left of the signal are the official ones")
    func schedule() throws {
        let recorded = try Self.recorded()
        let plan = try Self.plan()
        #expect(plan.steps.map(\.time) == recorded["timesteps"]?.floats())
        let hundred = try LatentSamplerPlan(.ddim, steps: 100, schedule: NoiseSchedule(), prediction: .noise)
        #expect(hundred.steps.map(\.time) == recorded["timesteps_100"]?.floats())
        try check(NoiseSchedule().signals.map(Float.init), "alphas_cumprod", recorded)
        // Also where the steps don't divide those of the training.
        let seven = try LatentSamplerPlan(.ddim, steps: 7, schedule: NoiseSchedule(), prediction: .noise)
        #expect(seven.steps.map(\.time) == [853, 711, 569, 427, 285, 143, 1] && seven.startDeviation == 1)
    }

    private struct Run {
        let network: LatentUNet
        let workspace: Workspace
        let contexts: [TextContext]
        let guidance: Guidance
        let height: Int
        let width: Int

        init(_ recorded: StateDict, _ network: LatentUNet, _ workspace: Workspace) throws {
            (self.network, self.workspace) = (network, workspace)
            contexts = try ["context", "uncond"].map { network.context(try recorded.rows($0)[0], in: workspace) }
            guidance = Guidance(text: try TextualFixtures.section("guidance").number("scale", above: 0, upTo: 99))
            let noise = try recorded.maps("noise")
            (height, width) = (noise.height, noise.width)
        }

        /// What the network says with the words, and with the empty text.
        func answers(_ state: [Float], time: Float) -> [[Float]] {
            network(
                contexts.map { .init(latent: state, time: time, context: $0) }, height: height, width: width, in: workspace)
        }

        /// Each state, first and last included, and all answers.
        func sample(_ start: [Float], _ plan: LatentSamplerPlan) -> (states: [[Float]], answers: [[[Float]]]) {
            var state = start.map { $0 * plan.startDeviation }
            var (states, all, kept) = ([state], [[[Float]]](), [Float]())
            let factors = guidance.evaluations.map(\.factor)
            for step in plan.steps {
                let said = answers(state, time: step.time)
                step.advance(&state, answer: Guidance.combined(said, factors: factors), noise: nil, keeping: &kept)
                states.append(state)
                all.append(said)
            }
            return (states, all)
        }
    }

    @Test("each evaluation and each step from recorded latents", arguments: Workspace.kernelSetNames)
    func steps(kernels: String) throws {
        let recorded = try Self.recorded(), workspace = Workspace(threads: 2, kernels: kernels)
        let run = try Run(recorded, TextualFixtures.network(), workspace)
        let plan = try Self.plan()
        let latents = try recorded.maps("latents").samples
        let expected = try ["eps_text", "eps_uncond"].map { try recorded.maps($0).samples }
        for (index, step) in plan.steps.enumerated() {
            let answers = run.answers(latents[index], time: step.time)
            for (part, answer) in answers.enumerated() {
                TextualFixtures.expectClose(answer, expected[part][index], share: 1e-5, "step \(index) answer \(part)")
            }
            var (state, kept) = (latents[index], [Float]())
            let answer = Guidance.combined(answers, factors: run.guidance.evaluations.map(\.factor))
            step.advance(&state, answer: answer, noise: nil, keeping: &kept)
            TextualFixtures.expectClose(state, latents[index + 1], share: 5e-5, "step \(index)")
        }
    }

    @Test("a whole run from recorded noise, and from the seed's own numbers", arguments: Workspace.kernelSetNames)
    func whole(kernels: String) throws {
        let recorded = try Self.recorded(), workspace = Workspace(threads: 2, kernels: kernels)
        let run = try Run(recorded, TextualFixtures.network(), workspace)
        let decoder = try TextualFixtures.decoder()
        let seed = try TextualFixtures.section("guidance").size("seed", 0...Int(UInt32.max))
        let noise = try #require(recorded["noise"]).floats()
        var generator = TorchNormal(seed: UInt64(seed))
        let seeded = generator.numbers(noise.count)
        #expect(zip(seeded, noise).allSatisfy { abs($0 - $1) <= 1e-6 })
        let pixels = run.height * run.width
        let channels = noise.count / pixels
        for (name, start) in [("noise", noise), ("seed", seeded)] {
            let interleaved = (0..<start.count).map { start[$0 % channels * pixels + $0 / channels] }
            let (states, answers) = run.sample(interleaved, try Self.plan())
            try check(states.flatMap { channelsFirst([$0], pixels: pixels) }, "latents", recorded, name)
            try check(answers.flatMap { channelsFirst([$0[0]], pixels: pixels) }, "eps_text", recorded, name)
            try check(answers.flatMap { channelsFirst([$0[1]], pixels: pixels) }, "eps_uncond", recorded, name)
            let scale = Float(try TextualFixtures.section("vae").number("scale", above: 0, upTo: 9))
            let made = decoder.decode(
                [try #require(states.last).map { $0 / scale }], height: run.height, width: run.width, in: workspace)[0]
            try check(channelsFirst([made], pixels: made.count / 3), "decoded", recorded, name)
            try TextualFixtures.checkBytes(made.map { Picture.byte($0 / 2 + 0.5) }, "guidance_u8", in: "run", recorded)
        }
    }

    @Test("files in diffusers' layout make the same numbers, bit for bit, by the recorded names")
    func layouts() throws {
        let recorded = try Self.recorded(), workspace = Workspace(threads: 2)
        let latent = try recorded.maps("latents").samples
        let last = try #require(latent.last)
        let names = try JSONDecoder().decode(
            [String: String].self, from: Data(contentsOf: TextualFixtures.folder.url("diffusers_names.json")))
        let file = try TextualFixtures.recorded("latent_diffusion.safetensors")
        var (network, decoder): ([String: StoredTensor], [String: StoredTensor]) = ([:], [:])
        for (diffusers, single) in names {
            guard let tensor = file[single] else { continue }
            if single.hasPrefix("model.diffusion_model.") {
                network[diffusers] = tensor
            } else {
                // Linear there.
                decoder[diffusers] = single.contains(".attn_1.") && tensor.shape.count == 4
                    ? tensor.reshaped(Array(tensor.shape.prefix(2))) : tensor
            }
        }
        #expect(network.count + decoder.count == names.count - 1)
        let unetNames = DiffusersNames(try TextualFixtures.networkSizes())
        for (diffusers, single) in names where single.hasPrefix("model.diffusion_model.") {
            #expect(unetNames.name(ofDiffusers: diffusers).map { "model.diffusion_model." + $0 } == single)
        }
        let tensors = StateDict(network), pictures = StateDict(decoder)
        #expect(DiffusersNames.areThose(of: tensors) && LatentDecoder.areDiffusers(pictures))
        let first = try Run(recorded, TextualFixtures.network(), workspace)
        let second = try Run(recorded, TextualFixtures.network(unetNames.renamed(tensors)), workspace)
        #expect(first.answers(latent[0], time: 501) == second.answers(latent[0], time: 501))
        let sizes = try TextualFixtures.decoderSizes()
        let newer = try pictures.choosing { name, tensor in
            let pairs = [("query", "to_q"), ("key", "to_k"), ("value", "to_v"), ("proj_attn", "to_out.0")]
            let new = pairs.reduce(name) { name, pair in
                name.split(separator: ".").map { $0 == pair.0 ? pair.1 : String($0) }.joined(separator: ".")
            }
            return (new, tensor)
        }
        let made = try TextualFixtures.decoder().decode([last], height: first.height, width: first.width, in: workspace)
        for other in [pictures, newer] {
            let renamed = try LatentDecoder.renamed(other, configuration: sizes)
            let again = try TextualFixtures.decoder(renamed)
            #expect(again.decode([last], height: first.height, width: first.width, in: workspace) == made)
        }
    }

    @Test("the network's own projections of the context may be anything, or missing; the file's may not")
    func projections() throws {
        let recorded = try Self.recorded(), workspace = Workspace(threads: 2)
        let latent = try recorded.maps("latents").samples[0]
        let own = try TextualFixtures.diffusion("model.diffusion_model.")
        let without = try own.choosing { name, tensor in
            name.contains("attn2.to_k") || name.contains("attn2.to_v") ? nil : (name, tensor)
        }
        #expect(without.names.count < own.names.count)
        let first = try Run(recorded, TextualFixtures.network(own), workspace).answers(latent, time: 501)
        #expect(try Run(recorded, TextualFixtures.network(without), workspace).answers(latent, time: 501) == first)
        let plain = try LatentUNet(ParameterReader(own), configuration: TextualFixtures.networkSizes())
        #expect(try Run(recorded, plain, workspace).answers(latent, time: 501) != first)
        let mapper = try TextualFixtures.recorded("mapper.pt")
        let lost = "mid_block_attentions_0_transformer_blocks_0_attn2_to_v.weight"
        let parameters = ParameterReader(try mapper.choosing { name, tensor in name == lost ? nil : (name, tensor) })
        _ = try ContextProjections(parameters, configuration: TextualFixtures.networkSizes())
        for name in ["mapping_"] { parameters.ignore(prefix: name) }
        #expect(throws: CheckpointError.mismatch(.init(missing: [lost], surplus: [], misshaped: []))) { try parameters.finish() }
    }
}

/// The numbers that PyTorch draws.
@Suite("PyTorch's normal numbers", .enabled(if: TextualFixtures.folder.has("torch_randn.safetensors", "tolerances.json")))
struct TorchNormalTests {
    private static let file = "torch_randn"

    @Test("seeds give the recorded numbers: many, many and not in whole groups, and few")
    func recorded() throws {
        let recorded = try TextualFixtures.recorded("torch_randn.safetensors")
        let seeds = Set(recorded.names.compactMap { name in name.split(separator: ".").first.map(String.init) })
        #expect(!seeds.isEmpty)
        for name in seeds {
            let seed = try #require(UInt64(name.dropFirst("seed".count)))
            func compare(_ values: [Float], _ part: String) throws {
                let expected = try #require(recorded["\(name).\(part)"]).floats()
                let allowed = try TextualFixtures.absolute("\(name).\(part)", in: Self.file)
                let largest = zip(values, expected).map { abs(Double($0) - Double($1)) }.max() ?? .infinity
                #expect(values.count == expected.count && largest <= allowed, "\(name).\(part): \(largest)")
            }
            var generator = TorchNormal(seed: seed)
            let many = generator.numbers(4 * 64 * 64)
            let head = try #require(recorded["\(name).head"]).elementCount
            try compare(Array(many.prefix(head)), "head")
            try compare(Array(many.suffix(head)), "tail")
            let sum = many.reduce(0.0) { $0 + Double($1) }
            let expected = try #require(recorded["\(name).sum"]).withBytes { $0.loadUnaligned(as: Double.self) }
            #expect(abs(sum - expected) <= (try TextualFixtures.absolute("\(name).sum", in: Self.file)), "\(sum), \(expected)")
            for part in ["odd", "nine"] {
                var generator = TorchNormal(seed: seed)
                try compare(generator.numbers(#require(recorded["\(name).\(part)"]).elementCount), part)
            }
        }
    }

    @Test("at the edge between few and many, and with nothing to draw; a second call goes on")
    func edges() {
        for count in [0, 1, 15, 16, 17, 31, 32, 33] {
            var generator = TorchNormal(seed: 7)
            let numbers = generator.numbers(count)
            #expect(numbers.count == count && numbers.allSatisfy(\.isFinite) && Set(numbers).count == count)
            if count > 0 { #expect(generator.numbers(count) != numbers) }
        }
        var (low, high) = (TorchNormal(seed: 7), TorchNormal(seed: 7 + 1 << 32))
        #expect(low.numbers(16) == high.numbers(16))
    }
}
