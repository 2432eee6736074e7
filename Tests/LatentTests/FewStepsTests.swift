import Diffusion
import Foundation
import TestSupport
import Testing

/// Samplers in few steps, on numbers whose best network is known in closed form: mixtures of normal distributions, steered by the
/// guidance that the words have.
@Suite("Latent samplers in few steps")
struct FewStepsTests {
    private struct Normal {
        let weight, mean, deviation: Double
    }

    private struct Mixtures {
        let conditional: [Normal]
        let unconditional: [Normal]
    }

    /// Narrow and far apart, wide, and one within another.
    private static let cases = [
        Mixtures(
            conditional: [.init(weight: 0.6, mean: 1.2, deviation: 0.3), .init(weight: 0.4, mean: 0.5, deviation: 0.25)],
            unconditional: [
                .init(weight: 0.3, mean: 1.2, deviation: 0.3), .init(weight: 0.2, mean: 0.5, deviation: 0.25),
                .init(weight: 0.5, mean: -1, deviation: 0.4),
            ]),
        Mixtures(
            conditional: [.init(weight: 0.6, mean: 0.6, deviation: 0.5), .init(weight: 0.4, mean: -0.2, deviation: 0.6)],
            unconditional: [
                .init(weight: 0.3, mean: 0.6, deviation: 0.5), .init(weight: 0.2, mean: -0.2, deviation: 0.6),
                .init(weight: 0.5, mean: -0.5, deviation: 0.9),
            ]),
        Mixtures(
            conditional: [.init(weight: 1, mean: 0.7, deviation: 0.4)],
            unconditional: [.init(weight: 1, mean: 0, deviation: 0.95)]),
    ]

    /// The noise in what is a number of a mixture and noise of a deviation.
    private static func noise(_ mixture: [Normal], in value: Double, sigma: Double) -> Double {
        var (sum, weights) = (0.0, 0.0)
        for part in mixture {
            let variance = part.deviation * part.deviation + sigma * sigma
            let offset = value - part.mean
            let weight = part.weight * exp(-offset * offset / (2 * variance)) / variance.squareRoot()
            sum += weight * offset * sigma / variance
            weights += weight
        }
        return sum / max(weights, .leastNormalMagnitude)
    }

    private static func sample(_ kind: LatentSamplerKind, steps: Int, _ starts: [Float], _ mixtures: Mixtures) throws -> [Float] {
        let schedule = NoiseSchedule()
        let guidance = Guidance(text: 5)
        let plan = try LatentSamplerPlan(kind, steps: steps, schedule: schedule, prediction: .noise)
        var state = starts.map { $0 * plan.startDeviation }
        var kept = plan.keepsEstimates ? [Float](repeating: 0, count: state.count) : []
        for step in plan.steps {
            let sigma = schedule.sigma(at: Double(step.time))
            let values = state.map { Double($0 * step.inputScale) * (1 + sigma * sigma).squareRoot() }
            let answers = guidance.evaluations.map { evaluation in
                let mixture = evaluation.conditions == .both ? mixtures.conditional : mixtures.unconditional
                return values.map { Float(noise(mixture, in: $0, sigma: sigma)) }
            }
            step.advance(
                &state, answer: Guidance.combined(answers, factors: guidance.evaluations.map(\.factor)), noise: nil,
                keeping: &kept)
        }
        return state
    }

    @Test("with strong guidance few steps of DDIM come nearest to where a hundred end, and the nearer the more they are")
    func nearest() throws {
        var random = SeededGenerator(seed: 3)
        // Sums of uniform numbers are normal enough.
        let starts = (0..<100).map { _ in (0..<12).reduce(Float(-6)) { sum, _ in sum + Float.random(in: 0..<1, using: &random) } }
        for (index, mixtures) in Self.cases.enumerated() {
            let end = try Self.sample(.ddim, steps: 100, starts, mixtures)
            func distance(_ kind: LatentSamplerKind, _ steps: Int) throws -> Float {
                let other = try Self.sample(kind, steps: steps, starts, mixtures)
                return zip(other, end).reduce(0) { $0 + abs($1.0 - $1.1) } / Float(starts.count)
            }
            let ten = try distance(.ddim, 10)
            #expect(try ten < 0.1 && ten < distance(.dpmSolver, 10), "case \(index): \(ten)")
            #expect(try distance(.ddim, 20) < ten && ten < distance(.ddim, 5), "case \(index)")
        }
    }

    @Test("DDIM adds fresh noise where that is asked for, as much as DDPM's posterior has between the same times")
    func freshNoise() throws {
        let schedule = NoiseSchedule()
        func plan(_ kind: LatentSamplerKind) throws -> LatentSamplerPlan {
            try LatentSamplerPlan(kind, steps: 20, schedule: schedule, prediction: .noise)
        }
        #expect(try plan(.ddim).steps.allSatisfy { $0.deviation == 0 })
        let (found, times) = (try plan(.ddimWithNoise).steps, try schedule.leadingTimes(20))
        #expect(found.count == times.count)
        // All but the last step, which ends at the table's first entry.
        for (step, index) in zip(found, times.indices.reversed().dropLast()) {
            let expected = exp(LatentSamplerPlan.DDPMCoefficients(times: times, index: index, schedule: schedule).logVariance / 2)
            #expect(abs(Double(step.deviation) - expected) < 1e-6 * expected)
        }
    }
}
