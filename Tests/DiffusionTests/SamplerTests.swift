import Diffusion
import Testing

@Suite("the sampler")
struct SamplerTests {
    /// Networks that know the answer: x_0 is the sample's clean picture.
    static func perfect(
        _ plan: SamplerPlan, _ configuration: DiffusionConfiguration, clean: [Float]
    ) throws -> (_ state: [Float], _ mu: [Float], _ step: SamplerStep) -> [Float] {
        switch plan.prediction {
        case .clean:
            return { _, _, _ in clean }
        case .noise:
            let scaled = plan.steps[0].networkTime / Float(plan.steps[0].time)
            let process = try MeanRevertingSDE(
                configuration, stepCount: Int((Float(configuration.stepCount) / scaled).rounded()))
            return { state, mu, step in
                let factors = process.noiseEstimate(at: step.time)
                return state.indices.map { index in
                    let (y, y0) = (Double(state[index] - mu[index]), Double(clean[index] - mu[index]))
                    return Float(factors.state * y + factors.clean * y0)
                }
            }
        }
    }

    /// Runs a plan, drawing noise from a seeded source; returns the final state.
    static func run(
        _ plan: SamplerPlan, mu: [Float], seed: UInt64 = 7, firstPixel: Int = 0,
        network: (_ state: [Float], _ mu: [Float], _ step: SamplerStep) -> [Float]
    ) -> [Float] {
        let source = NoiseSource(seed: seed)
        func noise(_ draw: UInt32) -> [Float] {
            var values = [Float](repeating: 0, count: mu.count)
            values.withUnsafeMutableBufferPointer {
                source.fill($0, draw: draw, region: .init(x: firstPixel, width: mu.count / 3, height: 1))
            }
            return values
        }
        var state = plan.startState(mu: mu, noise: noise(NoiseSource.startDraw))
        var kept = [Float](repeating: 0, count: plan.keepsEstimates ? mu.count : 0)
        for (index, step) in plan.steps.enumerated() {
            let drawn = step.usesNoise ? noise(NoiseSource.draw(ofStep: index)) : nil
            step.advance(&state, mu: mu, output: network(state, mu, step), noise: drawn, keeping: &kept)
        }
        return state
    }

    static let mu: [Float] = (0..<96).map { Float($0 % 13) / 12 }
    static let clean: [Float] = (0..<96).map { Float($0 * 7 % 17) / 16 }

    @Test(
        "whoever visits times reaches the clean picture that the network knows, in any number of steps",
        arguments: DiffusionConfiguration.Prediction.allCases, [1, 2, 3, 4, 7, 33, 99, 100])
    func visitingTimes(prediction: DiffusionConfiguration.Prediction, steps: Int) throws {
        let configuration = DiffusionConfiguration()
        for sampler in SamplerKind.allCases where sampler.visitsTimes {
            let plan = try SamplerPlan(configuration, sampler: sampler, prediction: prediction, steps: steps)
            #expect(plan.steps.count == steps)
            let network = try Self.perfect(plan, configuration, clean: Self.clean)
            let final = Self.run(plan, mu: Self.mu, network: network)
            #expect(greatestDifference(final, Self.clean) < (prediction == .clean ? 1e-7 : 1e-4), "\(sampler)")
        }
    }

    @Test(
        "sde and ode come close to the clean picture that the network knows",
        arguments: [SamplerKind.sde, .ode], DiffusionConfiguration.Prediction.allCases)
    func euler(sampler: SamplerKind, prediction: DiffusionConfiguration.Prediction) throws {
        let configuration = DiffusionConfiguration()
        var errors: [Double] = []
        for steps in [10, 100] {
            let plan = try SamplerPlan(configuration, sampler: sampler, prediction: prediction, steps: steps)
            let network = try Self.perfect(plan, configuration, clean: Self.clean)
            errors.append(greatestDifference(Self.run(plan, mu: Self.mu, network: network), Self.clean))
        }
        #expect(errors[1] < 0.05, "\(errors)")
        #expect(errors[1] < errors[0], "\(errors)")
    }

    @Test("sample_T rebuilds posterior's tables, which reach it too, and the network is given times of T")
    func rebuilt() throws {
        var configuration = DiffusionConfiguration()
        configuration.sampleStepCount = 8
        let plan = try SamplerPlan(configuration, prediction: .noise)
        #expect(plan.steps.map(\.networkTime) == [100, 87.5, 75, 62.5, 50, 37.5, 25, 12.5])
        #expect(!plan.clampsCleanEstimate)
        let network = try Self.perfect(plan, configuration, clean: Self.clean)
        #expect(greatestDifference(Self.run(plan, mu: Self.mu, network: network), Self.clean) < 1e-4)

        #expect(SamplerPlan.allowedStepCounts(.posterior, configuration) == 1...8)
        let fewer = try SamplerPlan(configuration, prediction: .noise, steps: 4)
        #expect(fewer.steps.map(\.time) == [8, 6, 4, 2] && fewer.steps.map(\.networkTime) == [100, 75, 50, 25])
        #expect(fewer.clampsCleanEstimate)
        #expect(try SamplerPlan(configuration, prediction: .clean, times: [8, 1]).steps.map(\.networkTime) == [100, 12.5])
        #expect(throws: SamplerError.invalidTimes([9], last: 8)) {
            try SamplerPlan(configuration, prediction: .clean, times: [9])
        }
        configuration.sampleStepCount = 40
        #expect(try SamplerPlan(configuration, sampler: .sde, prediction: .clean).steps.count == 40)
    }

    @Test("n steps visit round-half-up(T k / n)")
    func times() throws {
        func times(_ steps: Int) throws -> [Int] {
            try SamplerPlan(DiffusionConfiguration(), prediction: .clean, steps: steps).steps.map(\.time)
        }
        #expect(try times(1) == [100])
        #expect(try times(4) == [100, 75, 50, 25])
        #expect(try times(3) == [100, 67, 33])
        #expect(try times(8) == [100, 88, 75, 63, 50, 38, 25, 13])
        #expect(try times(100) == Array((1...100).reversed()))
        for steps in 1...100 {
            let visited = try times(steps)
            #expect(visited.count == steps && Set(visited).count == steps && visited[0] == 100)
        }
    }

    @Test("the last posterior step and every ode step use no noise, all others do")
    func noiseUse() throws {
        let configuration = DiffusionConfiguration()
        let posterior = try SamplerPlan(configuration, prediction: .clean, steps: 10)
        #expect(posterior.steps.map(\.usesNoise) == Array(repeating: true, count: 9) + [false])
        let ode = try SamplerPlan(configuration, sampler: .ode, prediction: .noise)
        #expect(ode.steps.count == 20 && ode.steps.allSatisfy { !$0.usesNoise })
        let sde = try SamplerPlan(configuration, sampler: .sde, prediction: .noise)
        #expect(sde.steps.count == 20 && sde.steps.allSatisfy(\.usesNoise))
    }

    @Test("numbers of steps at the limits are taken, one past them refused")
    func limits() throws {
        let configuration = DiffusionConfiguration()
        for sampler in SamplerKind.allCases {
            let allowed = sampler.visitsTimes ? 1...100 : 10...100
            #expect(SamplerPlan.allowedStepCounts(sampler, configuration) == allowed)
            for steps in [allowed.lowerBound, allowed.upperBound] {
                #expect(throws: Never.self) {
                    try SamplerPlan(configuration, sampler: sampler, prediction: .clean, steps: steps)
                }
            }
            for steps in [allowed.lowerBound - 1, allowed.upperBound + 1, -1, .max, .min] {
                #expect(throws: SamplerError.stepsOutOfRange(steps, allowed: allowed, sampler: sampler)) {
                    try SamplerPlan(configuration, sampler: sampler, prediction: .clean, steps: steps)
                }
            }
        }
    }

    @Test("a bundle's own times are taken as they are, or refused")
    func ownTimes() throws {
        let configuration = DiffusionConfiguration()
        let plan = try SamplerPlan(configuration, prediction: .clean, times: [100, 60, 5])
        #expect(plan.steps.map(\.time) == [100, 60, 5])
        #expect(try SamplerPlan(configuration, prediction: .clean, times: [1]).steps.count == 1)
        for sampler in SamplerKind.allCases {
            for times in [[], [101], [0], [50, 50], [50, 60], [10, 0], [-1]] {
                let refusal = sampler.visitsTimes ? SamplerError.invalidTimes(times, last: 100) : .timesNotTaken(sampler)
                #expect(throws: refusal) {
                    try SamplerPlan(configuration, sampler: sampler, prediction: .clean, times: times)
                }
            }
        }
    }

    @Test("the clean estimate is clamped for clean networks, semi-linear solvers and few posterior steps only")
    func clamping() throws {
        let configuration = DiffusionConfiguration()
        func clamps(
            _ sampler: SamplerKind, _ prediction: DiffusionConfiguration.Prediction, _ steps: Int?
        ) throws -> Bool {
            try SamplerPlan(configuration, sampler: sampler, prediction: prediction, steps: steps).clampsCleanEstimate
        }
        for sampler in SamplerKind.allCases { #expect(try clamps(sampler, .clean, 50)) }
        #expect(try clamps(.posterior, .noise, 99) && clamps(.posterior, .noise, 1))
        #expect(try !clamps(.posterior, .noise, 100) && !clamps(.posterior, .noise, nil))
        #expect(try !clamps(.sde, .noise, 50) && !clamps(.ode, .noise, 50))
        #expect(try clamps(.semiLinearODE, .noise, 100) && clamps(.semiLinearSDE, .noise, 100))
    }

    @Test("a wild network can't drive few steps out of the picture's range, and a broken one stays seen")
    func wildNetwork() throws {
        for sampler in SamplerKind.allCases where sampler.visitsTimes {
            for prediction in DiffusionConfiguration.Prediction.allCases {
                let plan = try SamplerPlan(DiffusionConfiguration(), sampler: sampler, prediction: prediction, steps: 5)
                let final = Self.run(plan, mu: Self.mu) { state, _, _ in state.indices.map { $0 % 2 == 0 ? -900 : 900 } }
                #expect(final.allSatisfy { $0 >= 0 && $0 <= 1 })
                let broken = Self.run(plan, mu: Self.mu) { state, _, _ in state.map { _ in .nan } }
                #expect(broken.allSatisfy { $0.isNaN })
            }
        }
    }
}

@Suite("Parity: recorded runs", .enabled(if: SamplerFixtures.has("irsde_run_posterior.safetensors")))
struct SamplerParityTests {
    @Test("start, times and last step of a recorded run are reproduced", arguments: RunReplay.names)
    func recordedSteps(name: String) throws {
        try RunReplay(name).checkRecordedSteps()
    }
}
