import Diffusion
import Foundation
import Testing

/// A recorded run of the official sampler, replayed with its own noise.
///
/// With a network (state, time) -> output it is checked whole by `check(predict:)`; without one, what was recorded of
/// single steps still is, by `checkRecordedSteps()`. Pictures are NCHW, one sample.
struct RunReplay {
    static let names = ["irsde_run_posterior", "irsde_run_posterior_sample20", "irsde_run_sde", "irsde_run_ode"]

    let file: String
    let tensors: FixtureTensors
    let plan: SamplerPlan
    let mu: [Float]
    /// 1, channels, height, width.
    let shape: [Int]
    /// What the network was given besides; nil where the run has none.
    let degradationContext: [Float]?
    let contentContext: [Float]?

    /// - Parameter name: irsde_run_SAMPLER or irsde_run_SAMPLER_sampleN, without `.safetensors`.
    init(_ name: String) throws {
        file = name + ".safetensors"
        tensors = try FixtureTensors(file)
        let sampler = try #require(SamplerKind(rawValue: String(name.split(separator: "_")[2])))
        let count = try tensors["model_times"].count
        var configuration = try SamplerFixtures.configuration()
        configuration.sampleStepCount = count
        plan = try SamplerPlan(configuration, sampler: sampler, prediction: .noise, steps: count)
        mu = try tensors["input.mu"]
        shape = try #require(tensors.shapes["input.mu"])
        degradationContext = tensors.values["input.text_context"]
        contentContext = tensors.values["input.image_context"]
    }

    /// The tolerance on `final`, from the fixtures' README: coefficients in double differ from official ones in a whole
    /// posterior run of T steps.
    var tolerance: Double { file == "irsde_run_posterior.safetensors" ? 1e-3 : 1e-4 }

    /// Runs the whole plan with a network and compares every recorded state, output, time and the final picture.
    func check(predict: (_ state: [Float], _ mu: [Float], _ time: Float) throws -> [Float]) throws {
        let times = try tensors["model_times"]
        var state = plan.startState(mu: mu, noise: try tensors["initial_noise"])
        var none: [Float] = []
        for (index, step) in plan.steps.enumerated() {
            #expect(step.networkTime == times[index])
            let output = try predict(state, mu, step.networkTime)
            try compare(state, "state_t", step.time)
            try compare(output, "model_output_t", step.time)
            step.advance(&state, mu: mu, output: output, noise: noise(ofStep: index), keeping: &none)
        }
        let difference = greatestDifference(state, try tensors["final"])
        #expect(difference < tolerance, "\(file): final differs by \(difference)")
    }

    /// Checks the first state, the times and, where the last step's state and output were recorded, that step.
    func checkRecordedSteps() throws {
        #expect(try plan.steps.map(\.networkTime) == tensors["model_times"])
        let first = plan.steps[0].time
        try compare(plan.startState(mu: mu, noise: try tensors["initial_noise"]), "state_t", first)
        let last = plan.steps.count - 1
        guard var state = recorded("state_t", 1), let output = recorded("model_output_t", 1) else { return }
        var none: [Float] = []
        plan.steps[last].advance(&state, mu: mu, output: output, noise: noise(ofStep: last), keeping: &none)
        let limit = try SamplerFixtures.tolerance(file, "final")
        let difference = greatestDifference(state, try tensors["final"])
        #expect(difference < limit, "\(file): the last step differs by \(difference)")
    }

    private func recorded(_ prefix: String, _ time: Int) -> [Float]? {
        let digits = String(time)
        return tensors.values[prefix + String(repeating: "0", count: max(0, 3 - digits.count)) + digits]
    }

    private func compare(_ found: [Float], _ prefix: String, _ time: Int) throws {
        guard let expected = recorded(prefix, time) else { return }
        let difference = greatestDifference(found, expected)
        #expect(difference < tolerance, "\(file): \(prefix)\(time) differs by \(difference)")
    }

    private func noise(ofStep index: Int) -> [Float]? {
        guard let all = tensors.values["step_noises"] else { return nil }
        return Array(all[index * mu.count..<(index + 1) * mu.count])
    }
}
