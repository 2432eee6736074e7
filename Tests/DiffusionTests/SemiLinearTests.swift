import Diffusion
import Foundation
import Testing

/// The semi-linear solvers on data whose answer is known in closed form: each value of x_0 - mu is normal. Then so is the
/// state, and what a network can at best say of it is linear in it.
@Suite("the semi-linear solvers")
struct SemiLinearTests {
    /// x_0 - mu is normal with this mean and deviation.
    struct GaussianData {
        let mean = 0.05
        let deviation = 0.1
        let process: MeanRevertingSDE

        /// Of x_t - mu.
        func variance(at t: Int) -> Double {
            pow(process.meanWeight[t] * deviation, 2) + pow(process.sigmaBar[t], 2)
        }

        /// The best prediction from x_t - mu: the mean of what is asked for, given the state.
        func prediction(_ prediction: DiffusionConfiguration.Prediction, of state: Double, at t: Int) -> Double {
            let surprise = (state - process.meanWeight[t] * mean) / variance(at: t)
            switch prediction {
            case .noise: return process.sigmaBar[t] * surprise
            case .clean: return mean + process.meanWeight[t] * deviation * deviation * surprise
            }
        }

        /// Where the probability-flow ODE takes x_T - mu: it keeps how many deviations the state is from its mean.
        func flowEnd(from state: Double) -> Double {
            let last = process.stepCount
            return mean + (state - process.meanWeight[last] * mean) * deviation / variance(at: last).squareRoot()
        }

        /// The deviation of x_0 that is left where x_T is known: the reverse SDE ends in p(x_0 | x_T).
        var deviationFromStart: Double {
            let last = process.stepCount
            let covariance = process.meanWeight[last] * deviation * deviation
            return (deviation * deviation - covariance * covariance / variance(at: last)).squareRoot()
        }
    }

    static let mu = Float(0.5)

    /// Runs a plan on as many values as it has steps, and one more. All begin at `start` deviations; the value at k + 1
    /// gets a noise of 1 at the step k and no other, the value at 0 gets none.
    private func run(_ plan: SamplerPlan, _ data: GaussianData, start: Float = 0.7) -> [Double] {
        let mu = [Float](repeating: Self.mu, count: plan.steps.count + 1)
        var state = plan.startState(mu: mu, noise: [Float](repeating: start, count: mu.count))
        var kept = [Float](repeating: 0, count: mu.count)
        for (index, step) in plan.steps.enumerated() {
            let output = state.map { value in
                let known = data.prediction(plan.prediction, of: Double(value) - Double(Self.mu), at: step.time)
                return Float(plan.prediction == .noise ? known : known + Double(Self.mu))
            }
            let noise = mu.indices.map { $0 == index + 1 ? Float(1) : 0 }
            step.advance(&state, mu: mu, output: output, noise: noise, keeping: &kept)
        }
        return state.map { Double($0) - Double(Self.mu) }
    }

    /// The error of a run in so many steps: of the end for the ODE; for the SDE, whose mean end is right in any number of
    /// steps, of the end's deviation.
    private func error(
        _ sampler: SamplerKind, _ prediction: DiffusionConfiguration.Prediction, _ order: SamplerPlan.Order, steps: Int
    ) throws -> Double {
        var configuration = DiffusionConfiguration()
        configuration.stepCount = 1024
        let data = GaussianData(process: try MeanRevertingSDE(configuration))
        let plan = try SamplerPlan(configuration, sampler: sampler, prediction: prediction, steps: steps, order: order)
        let ends = run(plan, data)
        if sampler == .semiLinearODE { return abs(ends[0] - data.flowEnd(from: 0.7 * data.process.lambda)) }
        let variance = ends.dropFirst().map { pow($0 - ends[0], 2) }.reduce(0, +)
        return abs(variance.squareRoot() - data.deviationFromStart)
    }

    @Test(
        "on Gaussian data the error falls with the order of the solver",
        arguments: [SamplerKind.semiLinearODE, .semiLinearSDE], DiffusionConfiguration.Prediction.allCases)
    func convergence(sampler: SamplerKind, prediction: DiffusionConfiguration.Prediction) throws {
        for order in SamplerPlan.Order.allCases {
            let errors = try [64, 128, 256].map { try error(sampler, prediction, order, steps: $0) }
            for (more, fewer) in zip(errors, errors.dropFirst()) {
                let slope = log2(more / fewer)
                #expect(abs(slope - Double(order.rawValue)) < 0.2, "order \(order.rawValue): \(errors)")
            }
        }
        #expect(try error(sampler, prediction, .second, steps: 10) < error(sampler, prediction, .first, steps: 10) / 2)
    }

    @Test("a step from t to s is the exact solution where the clean estimate stays", arguments: MeanRevertingSDETests.schedules)
    func exactness(schedule: DiffusionConfiguration.Schedule) throws {
        var configuration = DiffusionConfiguration()
        configuration.schedule = schedule
        let process = try MeanRevertingSDE(configuration)
        for t in 1...process.stepCount {
            #expect(process.flow(from: t, to: 0) == (0, 1))
            for s in 1..<t {
                // Of y_t = m_t x + sigma_bar_t n the flow keeps x and n.
                let flow = process.flow(from: t, to: s)
                #expect(abs(flow.state * process.sigmaBar[t] - process.sigmaBar[s]) < 1e-12)
                #expect(abs(flow.state * process.meanWeight[t] + flow.clean - process.meanWeight[s]) < 1e-12)
            }
        }
    }

    @Test("mr-sde of first order is the posterior with a clamped estimate")
    func firstOrder() throws {
        for prediction in DiffusionConfiguration.Prediction.allCases {
            let posterior = try SamplerPlan(DiffusionConfiguration(), prediction: prediction, steps: 7)
            let solver = try SamplerPlan(
                DiffusionConfiguration(), sampler: .semiLinearSDE, prediction: prediction, steps: 7, order: .first)
            #expect(solver.steps == posterior.steps && !solver.keepsEstimates)
        }
    }

    @Test("the first and the last step are of first order; the ones between draw on the step before")
    func memory() throws {
        func uses(_ steps: Int) throws -> [Bool] {
            let plan = try SamplerPlan(
                DiffusionConfiguration(), sampler: .semiLinearODE, prediction: .noise, steps: steps)
            #expect(plan.keepsEstimates == (steps > 2))
            return plan.steps.map(\.usesEstimates)
        }
        #expect(try uses(1) == [false])
        #expect(try uses(2) == [false, false])
        #expect(try uses(3) == [true, true, false])
        #expect(try uses(5) == [true, true, true, true, false])
    }

    @Test("mr-ode draws no noise, mr-sde in all steps but the last one")
    func noiseUse() throws {
        for (sampler, draws) in [(SamplerKind.semiLinearODE, false), (.semiLinearSDE, true)] {
            let plan = try SamplerPlan(DiffusionConfiguration(), sampler: sampler, prediction: .clean, steps: 6)
            #expect(plan.steps.map(\.usesNoise) == Array(repeating: draws, count: 5) + [false])
        }
    }

    @Test("a step alone makes of a value what it makes among others")
    func company() throws {
        for sampler in [SamplerKind.semiLinearODE, .semiLinearSDE] {
            let plan = try SamplerPlan(DiffusionConfiguration(), sampler: sampler, prediction: .noise, steps: 6)
            let network = { (state: [Float], mu: [Float], _: SamplerStep) in
                zip(state, mu).map { ($0 - $1) * 3 }
            }
            let together = SamplerTests.run(plan, mu: SamplerTests.mu, network: network)
            let parts = stride(from: 0, to: SamplerTests.mu.count, by: 12).map { start in
                SamplerTests.run(
                    plan, mu: Array(SamplerTests.mu[start..<start + 12]), firstPixel: start / 3, network: network)
            }
            #expect(parts.flatMap { $0 } == together)
            #expect(SamplerTests.run(plan, mu: SamplerTests.mu, network: network) == together)
        }
    }
}
