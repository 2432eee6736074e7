import Checkpoints
import Compute
import Diffusion
import Engine
import Foundation
import Images
import TestSupport
import Testing

/// Recorded runs of AutoDIR: each round from what it began with, and whole ones through the engine, with their noise.
@Suite("AutoDIR parity: runs", .enabled(if: AutoDIRFixtures.isThere))
struct AutoDIRRunTests {
    private struct Run {
        let name: String
        let recorded: StateDict
        let section: ConfigurationReader

        init(_ name: String) throws {
            self.name = name
            recorded = try AutoDIRFixtures.recorded(name + ".safetensors")
            section = try AutoDIRFixtures.folder.configuration().object(name)
        }

        var steps: Int { get throws { try section.size("steps", 1...1_000) } }
        var guidance: Guidance {
            get throws {
                Guidance(
                    text: try section.number("cfg_text", above: -1, upTo: 99),
                    picture: try section.number("cfg_image", above: -1, upTo: 99))
            }
        }
    }

    @Test("each round, from its recorded input", arguments: ["run_auto", "run_custom"], Workspace.kernelSetNames)
    func rounds(name: String, kernels: String) throws {
        let run = try Run(name)
        let workspace = Workspace(threads: 2, kernels: kernels)
        let networks = try AutoDIRFixtures.networks()
        let count = run.recorded.names.count { $0.hasSuffix(".noise_start") }
        for round in 0..<count { try check(run, round, networks, in: workspace) }
        #expect(count > 0)
    }

    private func check(_ run: Run, _ round: Int, _ networks: AutoDIRNetworks, in workspace: Workspace) throws {
        let recorded = run.recorded
        let checker = StageChecker(file: run.name, recorded: recorded, share: 3e-5)
        let (pictures, height, width) = try recorded.maps("round\(round).input")
        let mode = networks.autoencoder.encode(pictures, height: height, width: width, in: workspace)[0].mean
        let (latentHeight, latentWidth) = (
            networks.autoencoder.latentExtent(height), networks.autoencoder.latentExtent(width))
        let pixels = latentHeight * latentWidth
        checker.check("round\(round).image_latent", channelsFirst([mode], pixels: pixels))
        let context = networks.network.context(try recorded.rows("round\(round).context")[0], in: workspace)
        let empty = networks.network.context(try recorded.rows("null_context")[0], in: workspace)
        let plan = try LatentSamplerPlan(
            .eulerAncestral, steps: run.steps, schedule: networks.configuration.schedule, prediction: .noise)
        let guidance = try run.guidance
        var state = try recorded.maps("round\(round).noise_start").samples[0].map { $0 * plan.startDeviation }
        let noises = try recorded.maps("round\(round).noise").samples
        var (states, estimates, kept): ([[Float]], [[Float]], [Float]) = ([], [], [])
        for (index, step) in plan.steps.enumerated() {
            states.append(state)
            let input = state.map { $0 * step.inputScale }
            let answers = networks.network(
                guidance.evaluations.map { evaluation in
                    let picture = evaluation.conditions == .none ? [Float](repeating: 0, count: mode.count) : mode
                    return .init(
                        latent: LatentSamplerTests.joined(input, picture), time: step.time,
                        context: evaluation.conditions == .both ? context : empty)
                }, height: latentHeight, width: latentWidth, in: workspace)
            if index == 0, answers.count == 3 {
                checker.check("round\(round).unet_output_first", channelsFirst(answers, pixels: pixels))
            }
            let answer = Guidance.combined(answers, factors: guidance.evaluations.map(\.factor))
            estimates.append(step.estimate(state, answer: answer))
            step.advance(&state, answer: answer, noise: step.usesNoise ? noises[index] : nil, keeping: &kept)
        }
        checker.check("round\(round).states", channelsFirst(states, pixels: pixels))
        checker.check("round\(round).denoised", channelsFirst(estimates, pixels: pixels))
        checker.check("round\(round).times", plan.steps.map(\.time))
        checker.check("round\(round).latent", channelsFirst([state], pixels: pixels))
        let decoded = networks.autoencoder.decode(
            [state.map { $0 / networks.configuration.latentScale }], height: latentHeight, width: latentWidth,
            in: workspace)[0]
        checker.check("round\(round).decoded", channelsFirst([decoded], pixels: height * width))
        var joined: [Float] = []
        for pixel in 0..<height * width {
            joined += pictures[0][3 * pixel..<3 * pixel + 3]
            joined += decoded[3 * pixel..<3 * pixel + 3]
        }
        let corrected = networks.correction([joined], height: height, width: width, in: workspace)[0]
        let loose = StageChecker(file: run.name, recorded: recorded, share: 8e-5)
        loose.check("round\(round).corrected", channelsFirst([corrected], pixels: height * width))
        guard recorded["round\(round).adain_corrected"] != nil else { return }
        let source = SignedPicture(width: width, height: height, values: pictures[0])
        for (name, values) in [("decoded", decoded), ("corrected", corrected)] {
            let made = ColourCorrection.adain.corrected(
                SignedPicture(width: width, height: height, values: values), like: source)
            loose.check("round\(round).adain_\(name)", channelsFirst([made.values], pixels: height * width))
        }
    }

    /// At most one level, on at most 0.3% of the values.
    private func expect(_ picture: Picture, _ expected: StoredTensor?) throws {
        let expected = try #require(expected).withBytes { [UInt8]($0) }
        let differences = zip(picture.pixels, expected).map { abs(Int($0) - Int($1)) }
        #expect(expected.count == picture.pixels.count && differences.allSatisfy { $0 <= 1 })
        let different = differences.count { $0 > 0 }
        #expect(different * 1_000 <= 3 * expected.count, "\(different) of \(expected.count) values")
    }

    @Test("a whole automatic run through the engine: verdicts, their probabilities, and the bytes", arguments: 1...2)
    func automatic(workers: Int) async throws {
        let run = try Run("run_auto")
        let noise = try AutoDIRFixtures.noise(of: run.recorded, round: 0)
        let engine = try AutoDIRFixtures.engine(noise: { _ in noise }) { $0.workers = workers }
        var options = RestorationOptions()
        (options.steps, options.rounds, options.guidance) = (try run.steps, 7, try run.guidance)
        let result = try await engine.restore(AutoDIRFixtures.picture(run.recorded), options: options) { _ in }
        let listed = try run.section.objectList("rounds")
        let rounds = try #require(listed)
        let chosen = try rounds.map { try $0.text("chosen", upTo: 99) }
        #expect(result.verdicts.count == rounds.count)
        for (round, verdict) in result.verdicts.enumerated() {
            #expect(verdict.best.label == label(chosen[round]))
            let named = try rounds[round].texts("categories")
            let categories = try #require(named)
            let probabilities = try #require(run.recorded["round\(round).probabilities"]).floats()
            for (category, probability) in zip(categories, probabilities) {
                let found = verdict.entries.first { $0.label == label(category) }?.probability ?? -1
                #expect(abs(found - Double(probability)) < 2e-4, "\(category): \(found), not \(probability)")
            }
        }
        let made = chosen.last == "no" ? chosen.count - 1 : chosen.count
        #expect(result.degradations == chosen.prefix(made).map(label))
        let part = chosen[made - 1] == "low resolution" ? "decoded" : "corrected"
        try expect(result.picture, run.recorded["round\(made - 1).\(part)_uint8"])
    }

    private func label(_ category: String) -> String {
        Assessment.categories.firstIndex(of: category).map { AutoDIRFixtures.labels[$0] } ?? ""
    }

    @Test("a whole run with words of one's own through the engine, with colours corrected and without")
    func custom() async throws {
        let run = try Run("run_custom")
        let noise = try AutoDIRFixtures.noise(of: run.recorded, round: 0)
        let engine = try AutoDIRFixtures.engine(noise: { _ in noise })
        var options = RestorationOptions()
        (options.steps, options.guidance) = (try run.steps, try run.guidance)
        options.prompt = try run.section.text("prompt", upTo: 999)
        let picture = try AutoDIRFixtures.picture(run.recorded)
        for (colour, name) in [(ColourCorrection.none, "corrected_uint8"), (.adain, "adain_corrected_uint8")] {
            options.colour = colour
            let result = try await engine.restore(picture, options: options) { _ in }
            #expect(result.rounds.isEmpty && result.verdicts.isEmpty && !result.promptIsCut)
            try expect(result.picture, run.recorded["round0.\(name)"])
        }
    }
}
