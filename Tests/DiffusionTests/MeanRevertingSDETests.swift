import Checkpoints
import Diffusion
import Foundation
import Testing

@Suite("the mean-reverting SDE")
struct MeanRevertingSDETests {
    static let schedules = DiffusionConfiguration.Schedule.allCases

    @Test("tables start at the clean picture and end with eps of it left", arguments: schedules, [1, 4, 100, 1000])
    func ends(schedule: DiffusionConfiguration.Schedule, stepCount: Int) throws {
        var configuration = DiffusionConfiguration()
        configuration.schedule = schedule
        let process = try MeanRevertingSDE(configuration, stepCount: stepCount)
        #expect(process.theta.count == stepCount + 1 && process.sigmaBar.count == stepCount + 1)
        #expect(process.meanWeight[0] == 1 && process.sigmaBar[0] == 0)
        #expect(abs(process.meanWeight[stepCount] - configuration.epsilon) < 1e-12)
        #expect(process.timeScale == 100 / Double(stepCount))
        #expect(zip(process.meanWeight, process.meanWeight.dropFirst()).allSatisfy { $0 > $1 })
    }

    @Test("a posterior step of any length keeps mean and deviation on the process", arguments: schedules)
    func posteriorIsConsistent(schedule: DiffusionConfiguration.Schedule) throws {
        var configuration = DiffusionConfiguration()
        configuration.schedule = schedule
        let process = try MeanRevertingSDE(configuration)
        for t in 1...process.stepCount {
            for s in 0..<t {
                // x_t = mu + m_t (x_0 - mu) + sigma_bar_t n must lead to m_s and sigma_bar_s.
                let step = process.posterior(from: t, to: s)
                let mean = step.state * process.meanWeight[t] + step.clean
                let variance = pow(step.state * process.sigmaBar[t], 2) + step.deviation * step.deviation
                #expect(abs(mean - process.meanWeight[s]) < 1e-12)
                #expect(abs(variance.squareRoot() - process.sigmaBar[s]) < 1e-9)
            }
        }
    }

    @Test("the step to 0 is the clean estimate, exactly")
    func lastStep() throws {
        let process = try MeanRevertingSDE(DiffusionConfiguration())
        for t in 1...process.stepCount {
            let step = process.posterior(from: t, to: 0)
            #expect(step.state == 0 && step.clean == 1 && step.deviation < 1e-10)
        }
    }

    @Test("T is taken at its limits and refused one past them")
    func stepCountOutOfRange() {
        var configuration = DiffusionConfiguration()
        for (count, isValid) in [(0, false), (1, true), (10_000, true), (10_001, false), (.min, false), (.max, false)] {
            configuration.stepCount = count
            #expect((configuration.fault == nil) == isValid)
            #expect(((try? MeanRevertingSDE(configuration)) != nil) == isValid)
        }
    }

    @Test("eps, max_sigma and sample_T out of range are refused")
    func valuesOutOfRange() {
        for epsilon in [0, 1, -0.1, .nan, .infinity] {
            var configuration = DiffusionConfiguration()
            configuration.epsilon = epsilon
            #expect(throws: SamplerError.self) { try MeanRevertingSDE(configuration) }
        }
        for sigma in [0, 255.1, -1, .nan, .infinity] {
            var configuration = DiffusionConfiguration()
            configuration.maximumSigma = sigma
            #expect(throws: SamplerError.self) { try MeanRevertingSDE(configuration) }
        }
        for count in [0, -2, 10_001, .max, .min] {
            #expect(throws: SamplerError.self) {
                try MeanRevertingSDE(DiffusionConfiguration(), stepCount: count)
            }
        }
    }

    @Test("the bundle's keys are read, what is absent is official")
    func decoding() throws {
        func decode(_ text: String) throws -> DiffusionConfiguration {
            let reader = try ConfigurationReader(json: Array(text.utf8))
            let configuration = try DiffusionConfiguration(reader)
            try reader.finish()
            return configuration
        }
        #expect(try decode("{}") == DiffusionConfiguration())
        let read = try decode(#"{"T": 50, "schedule": "linear", "eps": 0.01, "max_sigma": 70, "sample_T": 8, "note": "x"}"#)
        #expect(read.stepCount == 50 && read.schedule == .linear && read.epsilon == 0.01)
        #expect(read.maximumSigma == 70 && read.sampleStepCount == 8)
        #expect(try decode(#"{"sample_T": -1}"#) == DiffusionConfiguration())
        #expect(throws: ConfigurationError.self) { try decode(#"{"schedule": "square"}"#) }
        #expect(throws: ConfigurationError("the key \"t\" is not known")) { try decode(#"{"t": 50}"#) }
    }
}

@Suite("Parity: the SDE's tables", .enabled(if: SamplerFixtures.has("irsde_tables.safetensors")))
struct MeanRevertingSDEParityTests {
    static let file = "irsde_tables.safetensors"

    /// cosine_T100 or cosine_T100_sample20: a schedule, T and perhaps the number that tables were rebuilt for.
    static func process(_ prefix: String) throws -> MeanRevertingSDE {
        let parts = prefix.split(separator: "_")
        var configuration = try SamplerFixtures.configuration()
        configuration.schedule = try #require(DiffusionConfiguration.Schedule(rawValue: String(parts[0])))
        configuration.stepCount = try #require(Int(parts[1].dropFirst(1)))
        if parts.count > 2 { configuration.sampleStepCount = Int(parts[2].dropFirst(6)) }
        return try MeanRevertingSDE(configuration)
    }

    @Test("every recorded table is reproduced")
    func tables() throws {
        let tensors = try FixtureTensors(Self.file)
        let names = tensors.values.keys.filter { !$0.hasPrefix("step_t") }.sorted()
        #expect(!names.isEmpty)
        for name in names {
            let parts = name.split(separator: ".").map(String.init)
            let process = try Self.process(parts[0])
            let posteriors = (1...process.stepCount).map { process.posterior(from: $0, to: $0 - 1) }
            let found: [Double] =
                switch parts[1] {
                case "thetas": process.theta
                case "sigmas": process.sigma
                case "thetas_cumsum": process.cumulative
                case "sigma_bars": process.sigmaBar
                case "mu_bar_weight": process.meanWeight
                case "dt": [process.dt]
                case "max_sigma": [process.lambda]
                case "sample_scale": [process.timeScale]
                case "optimum_coef_xt": posteriors.map(\.state)
                case "optimum_coef_x0": posteriors.map(\.clean)
                case "reverse_optimum_std": posteriors.map(\.deviation)
                default: []
                }
            try compare(found.map { Float($0) }, tensors, name)
        }
    }

    @Test("every recorded single step is reproduced")
    func singleSteps() throws {
        let tensors = try FixtureTensors(Self.file)
        let names = tensors.values.keys.filter { $0.hasPrefix("step_t") && !$0.contains(".input.") }.sorted()
        let prefix = try #require(names.first).split(separator: ".")[0]
        let t = try #require(Int(prefix.dropFirst(6)))
        var configuration = try SamplerFixtures.configuration()
        configuration.schedule = .cosine
        let process = try MeanRevertingSDE(configuration)
        let (m, bar) = (process.meanWeight[t], process.sigmaBar[t])
        let (sde, ode) = (process.reverseDrift(at: t, share: 1), process.reverseDrift(at: t, share: 0.5))
        let (clean, posterior) = (process.cleanEstimate(at: t), process.posterior(from: t, to: t - 1))
        let real = process.noiseEstimate(at: t)

        let inputs = try ["xt", "mu", "x0", "noise"].map { try tensors["\(prefix).input.\($0)"].map { Double($0) } }
        for name in names {
            let formula: (_ x: Double, _ mu: Double, _ x0: Double, _ noise: Double) -> Double
            switch name.split(separator: ".")[1] {
            case "drift": formula = { x, mu, _, _ in process.theta[t] * (mu - x) * process.dt }
            case "init_state_from_noise": formula = { x, mu, _, n in mu + clean.state * (x - mu) + clean.noise * n }
            case "mu_bar": formula = { _, mu, x0, _ in mu + m * (x0 - mu) }
            case "ode_reverse_drift": formula = { x, mu, _, n in ode.state * (x - mu) + ode.noise * n }
            case "sde_reverse_drift": formula = { x, mu, _, n in sde.state * (x - mu) + sde.noise * n }
            case "reverse_ode_step": formula = { x, mu, _, n in x - ode.state * (x - mu) - ode.noise * n }
            case "reverse_sde_step_mean": formula = { x, mu, _, n in x - sde.state * (x - mu) - sde.noise * n }
            case "real_noise": formula = { x, mu, x0, _ in real.state * (x - mu) + real.clean * (x0 - mu) }
            case "real_score": formula = { x, mu, x0, _ in -(real.state * (x - mu) + real.clean * (x0 - mu)) / bar }
            case "score_from_noise": formula = { _, _, _, n in -n / bar }
            case "reverse_optimum_step":
                formula = { x, mu, x0, _ in mu + posterior.state * (x - mu) + posterior.clean * (x0 - mu) }
            default: formula = { _, _, _, _ in .nan }
            }
            let found = inputs[0].indices.map { index in
                Float(formula(inputs[0][index], inputs[1][index], inputs[2][index], inputs[3][index]))
            }
            try compare(found, tensors, name)
        }
    }

    private func compare(_ found: [Float], _ tensors: FixtureTensors, _ name: String) throws {
        let expected = try tensors[name]
        try #require(found.count == expected.count, "\(name): \(found.count) values, not \(expected.count)")
        let difference = greatestDifference(found, expected)
        let limit = try SamplerFixtures.tolerance(Self.file, name)
        #expect(difference <= limit, "\(name) differs by \(difference)")
    }
}
