import Autoencoder
import CLIP
import Checkpoints
import Compute
import Diffusion
import Foundation
import LatentUNet
import TestSupport
import Testing

/// The schedule of latent diffusion, its samplers' coefficients, and recorded runs replayed with their noise.
@Suite("Latent samplers", .enabled(if: LatentFixtures.folder.has("config.json", "schedule.safetensors")))
struct LatentSamplerTests {
    static func schedule() throws -> NoiseSchedule {
        let section = try LatentFixtures.section("schedule")
        return NoiseSchedule(
            betas: try section.number("linear_start", above: 0, upTo: 1)...section.number("linear_end", above: 0, upTo: 1),
            steps: try section.size("timesteps", 2...10_000))
    }

    /// Numbers of steps that something is recorded for.
    private func counts(_ recorded: StateDict, _ start: String, _ end: String = "") -> [Int] {
        recorded.names.compactMap { name in
            guard name.hasPrefix(start), name.hasSuffix(end) else { return nil }
            return Int(name.dropFirst(start.count).dropLast(end.count))
        }
    }

    private func expect(_ found: [Double], _ expected: StoredTensor?, relative: Double = 0, absolute: Double = 0, _ what: String) throws {
        let expected = try #require(expected).floats().map { Double($0) }
        #expect(found.count == expected.count, "\(what)")
        let wrong = zip(found, expected).filter { abs($0 - $1) > max(absolute, relative * abs($1)) }
        #expect(wrong.isEmpty, "\(what): \(wrong.prefix(3))")
    }

    @Test("tables and the times of each sampler are the official ones")
    func tables() throws {
        let (schedule, recorded) = (try Self.schedule(), try LatentFixtures.recorded("schedule.safetensors"))
        try expect(schedule.signals, recorded["alphas_cumprod"], relative: 3e-5, "signals")
        try expect(schedule.sigmas, recorded["k.sigmas"], relative: 1e-4, "sigmas")
        for count in counts(recorded, "k.get_sigmas.") {
            let sigmas = schedule.spacedSigmas(count)
            try expect(sigmas, recorded["k.get_sigmas.\(count)"], relative: 1e-4, "sigmas of \(count)")
            try expect(
                sigmas.dropLast().map { schedule.time(ofSigma: $0) }, recorded["k.sigma_to_t.\(count)"], absolute: 2e-3,
                "times of \(count)")
            let ancestral = zip(sigmas, sigmas.dropFirst()).flatMap { sigma, next in
                let (down, up) = LatentSamplerPlan.ancestral(from: sigma, to: next)
                return [down, up]
            }
            try expect(ancestral, recorded["k.ancestral.\(count)"], relative: 1e-4, absolute: 3e-4, "ancestral \(count)")
        }
        let odd = try #require(recorded["k.odd_sigmas"]).floats().map { schedule.time(ofSigma: Double($0)) }
        try expect(odd, recorded["k.odd_t"], absolute: 2e-3, "odd times")
        let times = try #require(recorded["k.t_to_sigma_in"]).floats().map { schedule.sigma(at: Double($0)) }
        try expect(times, recorded["k.t_to_sigma"], relative: 1e-4, "sigmas between steps")
    }

    @Test("DDIM's and DDPM's coefficients are the official ones")
    func coefficients() throws {
        let (schedule, recorded) = (try Self.schedule(), try LatentFixtures.recorded("schedule.safetensors"))
        for count in counts(recorded, "ddim.timesteps.") {
            let times = try schedule.spacedTimes(count)
            #expect(times == recorded["ddim.timesteps.\(count)"]?.floats().map { Int($0) })
            let now = times.map { schedule.signals[$0] }
            let before = [schedule.signals[0]] + now.dropLast()
            try expect(now, recorded["ddim.alphas.\(count)"], relative: 3e-5, "alphas")
            try expect(before, recorded["ddim.alphas_prev.\(count)"], relative: 3e-5, "alphas before")
            for eta in [0, 1] {
                let deviations = zip(now, before).map {
                    LatentSamplerPlan.ddimDeviation(from: $0, to: $1, eta: Double(eta))
                }
                try expect(
                    deviations, recorded["ddim.sigmas.\(count).eta\(eta)"], relative: 3e-5, absolute: 1e-6, "eta \(eta)")
            }
        }
        for count in counts(recorded, "spaced.timesteps.") {
            let times = try schedule.evenTimes(count)
            #expect(times == recorded["spaced.timesteps.\(count)"]?.floats().map { Int($0) })
            try expect(
                times.indices.map {
                    LatentSamplerPlan.DDPMCoefficients(times: times, index: $0, schedule: schedule).beta
                }, recorded["spaced.betas.\(count)"], relative: 3e-5, "betas of \(count)")
        }
        #expect(try schedule.evenTimes(7) == [0, 166, 333, 500, 666, 832, 999])
    }

    @Test("numbers of steps that lead beyond the table are refused, and others counted as officially")
    func impossibleCounts() throws {
        let schedule = NoiseSchedule()
        let impossible = Set([3, 9, 27, 36, 37]).union(101...111).union(251...333).union(501...1_000)
        for count in 1...1_000 {
            let isRefused = (try? schedule.spacedTimes(count)) == nil
            #expect(isRefused == impossible.contains(count), "\(count) steps")
        }
        for (count, steps) in [(7, 8), (15, 16), (60, 63), (50, 50)] {
            #expect(try schedule.spacedTimes(count).count == steps)
            #expect(try schedule.leadingTimes(count).count == count)
        }
        #expect(try schedule.leadingTimes(50) == schedule.spacedTimes(50))
    }

    /// A run of the second form's network, as recorded.
    private func replay(
        _ file: String, plan: LatentSamplerPlan, guidance: Double, kernels: String, noiseIsDropped: Bool = false
    ) throws {
        let recorded = try LatentFixtures.recorded(file)
        let network = try LatentUNetParityTests.network("sd2")
        let workspace = Workspace(threads: 2, kernels: kernels)
        let checker = try LatentFixtures.checker(file, share: 1e-4)
        let start = try recorded.maps("x_T")
        let pixels = start.height * start.width
        var state = start.samples[0].map { $0 * plan.startDeviation }
        checker.check("x_T", channelsFirst([state], pixels: pixels))
        let noises = try recorded.rows("step_noises").map { row in
            (0..<row.count).map { row[$0 % (row.count / pixels) * pixels + $0 / (row.count / pixels)] }
        }
        let states = try recorded.maps("states").samples, estimates = try recorded.maps("pred_x0").samples
        let conditional = network.context(try recorded.rows("context.cond")[0], in: workspace)
        let other = try recorded["context.uncond"].map { _ in
            network.context(try recorded.rows("context.uncond")[0], in: workspace)
        }
        var kept: [Float] = []
        for (index, step) in plan.steps.enumerated() {
            expectClose(state, states[index], share: 1e-4, "\(file) state \(index)")
            let input = state.map { $0 * step.inputScale }
            let contexts = [conditional] + (other.map { [$0] } ?? [])
            let answers = network(
                contexts.map { .init(latent: input, time: step.time, context: $0) }, height: start.height,
                width: start.width, in: workspace)
            let evaluations = Guidance(text: guidance).evaluations
            let conditions: [Guidance.Conditions] = answers.count == 1 ? [.both] : [.both, .picture]
            #expect(evaluations.map(\.conditions) == conditions)
            let answer = Guidance.combined(answers, factors: evaluations.map(\.factor))
            expectClose(step.estimate(state, answer: answer), estimates[index], share: 1e-4, "\(file) estimate \(index)")
            step.advance(&state, answer: answer, noise: step.usesNoise ? noises[index] : nil, keeping: &kept)
        }
        checker.check("final", channelsFirst([state], pixels: pixels))
    }

    private func expectClose(_ found: [Float], _ expected: [Float], share: Float, _ what: String) {
        let largest = expected.map(abs).max() ?? 0
        let difference = zip(found, expected).map { abs($0 - $1) }.max() ?? 0
        #expect(found.count == expected.count && difference <= share * largest, "\(what): \(difference) of \(largest)")
    }

    @Test("DDIM without noise, DDIM of velocities with noise, and a chain of DDPM", arguments: Workspace.kernelSetNames)
    func replays(kernels: String) throws {
        let schedule = try Self.schedule()
        let run = try LatentFixtures.section("sd2", "run")
        let guidance = try run.number("guidance", above: 0, upTo: 99)
        let times = try schedule.spacedTimes(run.size("ddim_steps", 1...999))
        try replay(
            "run_ddim_eps_eta0.safetensors",
            plan: .ddim(times: times, eta: 0, schedule: schedule, prediction: .noise), guidance: guidance, kernels: kernels)
        try replay(
            "run_ddim_v_eta1.safetensors",
            plan: .ddim(times: times, eta: 1, schedule: schedule, prediction: .velocity), guidance: guidance,
            kernels: kernels)
        try replay(
            "run_ddpm_spaced.safetensors",
            plan: .ddpm(
                times: schedule.evenTimes(run.size("ddpm_steps", 1...999)), schedule: schedule, prediction: .noise),
            guidance: 1, kernels: kernels)
    }

    @Test("the edit run, from bytes to bytes", arguments: Workspace.kernelSetNames)
    func edit(kernels: String) throws {
        let file = "run_edit_euler_ancestral.safetensors"
        let (recorded, workspace) = (try LatentFixtures.recorded(file), Workspace(threads: 2, kernels: kernels))
        let run = try LatentFixtures.section("sd1", "run")
        let network = try LatentUNetParityTests.network("sd1"), pictures = try AutoencoderParityTests.network()
        let tower = try TowerParityTests.textTower("sd1")
        let checker = try LatentFixtures.checker(file, share: 1e-4)
        let scale = try AutoencoderParityTests.scale()

        func context(_ ids: String, _ name: String) throws -> TextContext {
            let states = tower.states(try recorded.sequences(ids), in: workspace).values
            expectClose(states, try #require(recorded[name]).floats(), share: 2e-5, name)
            return network.context(states, in: workspace)
        }
        let contexts = (try context("edit_ids", "context.edit"), try context("null_ids", "context.null"))
        let bytes = try #require(recorded["picture"])
        let (height, width) = (bytes.shape[0], bytes.shape[1])
        let picture = bytes.floats().map { 2 * $0 / 255 - 1 }
        let mode = pictures.encode([picture], height: height, width: width, in: workspace)[0].mean
        let (latentHeight, latentWidth) = (pictures.latentExtent(height), pictures.latentExtent(width))
        let pixels = latentHeight * latentWidth
        checker.check("concat", channelsFirst([mode], pixels: pixels))

        let plan = try LatentSamplerPlan(
            .eulerAncestral, steps: run.size("steps", 1...200), schedule: Self.schedule(), prediction: .noise)
        checker.check("model_times", plan.steps.map(\.time), tolerance: 2e-3)
        let guidance = Guidance(
            text: try run.number("cfg_text", above: 0, upTo: 99), picture: try run.number("cfg_image", above: 0, upTo: 99))
        var state = try recorded.maps("initial_noise").samples[0].map { $0 * plan.startDeviation }
        let noises = try recorded.rows("step_noises").map { row in
            (0..<row.count).map { row[$0 % 4 * pixels + $0 / 4] }
        }
        let states = try recorded.maps("states").samples, estimates = try recorded.maps("denoised").samples
        var kept: [Float] = []
        for (index, step) in plan.steps.enumerated() {
            expectClose(state, states[index], share: 1e-4, "state \(index)")
            let answers = network(
                guidance.evaluations.map { evaluation in
                    let picture = evaluation.conditions == .none ? [Float](repeating: 0, count: mode.count) : mode
                    return LatentUNet.Sample(
                        latent: Self.joined(state.map { $0 * step.inputScale }, picture), time: step.time,
                        context: evaluation.conditions == .both ? contexts.0 : contexts.1)
                }, height: latentHeight, width: latentWidth, in: workspace)
            if index == 0 { checker.check("model_output_step0", channelsFirst(answers, pixels: pixels)) }
            let answer = Guidance.combined(answers, factors: guidance.evaluations.map(\.factor))
            expectClose(step.estimate(state, answer: answer), estimates[index], share: 1e-4, "estimate \(index)")
            step.advance(&state, answer: answer, noise: step.usesNoise ? noises[index] : nil, keeping: &kept)
        }
        checker.check("final_latent", channelsFirst([state], pixels: pixels))
        let made = pictures.decode(
            [state.map { $0 / scale }], height: latentHeight, width: latentWidth, in: workspace)[0]
        checker.check("decoded", channelsFirst([made], pixels: height * width))
        let expected = try #require(recorded["output_uint8"]).floats()
        let found = made.map { Float(Int(min(1, max(0, ($0 + 1) / 2)) * 255)) }
        let wrong = zip(found, expected).count { $0 != $1 }
        #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= 1 } && wrong * 1_000 <= expected.count, "\(wrong) bytes")
    }

    /// Both latents' channels side by side.
    static func joined(_ first: [Float], _ second: [Float]) -> [Float] {
        (0..<2 * first.count).map { index in
            let (pixel, channel) = index.quotientAndRemainder(dividingBy: 8)
            return channel < 4 ? first[pixel * 4 + channel] : second[pixel * 4 + channel - 4]
        }
    }

    @Test("guidance skips what doesn't count")
    func guidance() {
        #expect(Guidance().evaluations.map(\.conditions) == [.both])
        #expect(Guidance(text: 7.5, picture: 1).evaluations.map(\.conditions) == [.both, .picture])
        #expect(Guidance(text: 2, picture: 2).evaluations.map(\.conditions) == [.both, .none])
        #expect(Guidance(text: 7.5, picture: 1.5).evaluations.map(\.factor) == [7.5, -6, -0.5])
        #expect(Guidance(text: 0, picture: 1).evaluations.map(\.conditions) == [.picture])
        #expect(Guidance.combined([[1, 2]], factors: [1]) == [1, 2])
        #expect(Guidance.combined([[1, 2], [3, 4]], factors: [2, -1]) == [-1, 0])
    }

    @Test("DPM-Solver++ of second order is Euler's first step, then continues what changed")
    func secondOrder() throws {
        let schedule = NoiseSchedule()
        let first = try LatentSamplerPlan(.dpmSolver, steps: 5, schedule: schedule, prediction: .noise)
        let euler = try LatentSamplerPlan(.euler, steps: 5, schedule: schedule, prediction: .noise)
        #expect(first.steps[0] == euler.steps[0] && first.steps[4] == euler.steps[4])
        #expect(first.keepsEstimates && !euler.keepsEstimates)
        // A clean latent that the network knows is reached exactly by all, whatever their steps.
        for kind in [LatentSamplerKind.euler, .dpmSolver, .eulerAncestral] {
            let plan = try LatentSamplerPlan(kind, steps: 4, schedule: schedule, prediction: .noise)
            let clean: [Float] = [0.5, -1, 2]
            var state = clean.map { $0 + plan.startDeviation * 0.3 }
            var kept = plan.keepsEstimates ? [Float](repeating: 0, count: 3) : []
            for step in plan.steps {
                let sigma = ((1 / step.inputScale) * (1 / step.inputScale) - 1).squareRoot()
                let answer = zip(state, clean).map { ($0 - $1) / sigma }
                step.advance(&state, answer: answer, noise: step.usesNoise ? [0.1, -0.2, 0.3] : nil, keeping: &kept)
            }
            #expect(zip(state, clean).allSatisfy { abs($0 - $1) < 1e-4 }, "\(kind): \(state)")
        }
    }
}
