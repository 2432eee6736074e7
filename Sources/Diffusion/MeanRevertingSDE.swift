import Glibc

/// The diffusion of IR-SDE (Luo et al., ICML 2023, arXiv 2301.11699): dx = theta_t (mu - x) dt + sigma_t dw drives a
/// clean picture x_0 towards the degraded one mu, sigma_t^2 = 2 lambda^2 theta_t.
///
/// Its tables are in double: in single precision the posterior's coefficients cancel badly at small t. Tables of times
/// have one entry for each t = 0...`stepCount`; times outside trap.
package struct MeanRevertingSDE: Sendable, Equatable {
    /// Steps in the tables: T, or the number that they were rebuilt for.
    package let stepCount: Int
    /// What a time of these tables is multiplied with to give the time that the network was trained with.
    package let timeScale: Double
    /// lambda: the deviation of the noise at the end, pictures being 0...1.
    package let lambda: Double
    /// The length of one step.
    package let dt: Double
    /// Speed of mean reversion.
    package let theta: [Double]
    /// Deviation of the noise that flows in: sigma_t = lambda sqrt(2 theta_t).
    package let sigma: [Double]
    /// c_t: theta summed over 1...t.
    package let cumulative: [Double]
    /// m_t = exp(-c_t dt): what is left of x_0 - mu in the state.
    package let meanWeight: [Double]
    /// Deviation of the state: sigma_bar_t = lambda sqrt(1 - m_t^2).
    package let sigmaBar: [Double]

    /// - Parameter stepCount: the number of steps to build the tables for; nil for the configuration's.
    /// - Throws: `SamplerError.invalidConfiguration`.
    package init(
        _ configuration: DiffusionConfiguration, stepCount rebuilt: Int? = nil
    ) throws(SamplerError) {
        var configuration = configuration
        configuration.sampleStepCount = rebuilt ?? configuration.sampleStepCount
        if let fault = configuration.fault { throw fault }

        let stepCount = configuration.tableStepCount
        let theta = Self.theta(schedule: configuration.schedule, stepCount: stepCount)
        var cumulative = [0.0]
        for speed in theta.dropFirst() { cumulative.append(cumulative[cumulative.count - 1] + speed) }
        let dt = -log(configuration.epsilon) / cumulative[stepCount]
        let lambda = configuration.maximumSigma / 255

        self.stepCount = stepCount
        self.timeScale = Double(configuration.stepCount) / Double(stepCount)
        self.lambda = lambda
        self.dt = dt
        self.theta = theta
        self.sigma = theta.map { lambda * (2 * $0).squareRoot() }
        self.cumulative = cumulative
        self.meanWeight = cumulative.map { exp(-$0 * dt) }
        self.sigmaBar = cumulative.map { lambda * (-expm1(-2 * $0 * dt)).squareRoot() }
    }

    private static func theta(schedule: DiffusionConfiguration.Schedule, stepCount: Int) -> [Double] {
        let count = Double(stepCount)
        switch schedule {
        case .constant:
            return [Double](repeating: 1, count: stepCount + 1)
        case .linear:
            let scale = 1000 / (count + 1)
            return (0...stepCount).map { scale * (0.0001 + (0.02 - 0.0001) * Double($0) / count) }
        case .cosine:
            func remaining(_ index: Int) -> Double {
                let cosine = cos((Double(index) / (count + 2) + 0.008) / 1.008 * .pi / 2)
                return cosine * cosine
            }
            return (0...stepCount).map { 1 - remaining($0 + 1) / remaining(0) }
        }
    }
}

// MARK: - One step

extension MeanRevertingSDE {
    /// The normal distribution of an earlier state, given the present one and the clean picture: mean
    /// mu + `state` (x_t - mu) + `clean` (x_0 - mu).
    package struct Posterior: Sendable, Equatable {
        package var state: Double
        package var clean: Double
        package var deviation: Double
    }

    /// p(x_s | x_t, x_0) for any s < t; s = t - 1 is the official step.
    package func posterior(from t: Int, to s: Int) -> Posterior {
        precondition(s >= 0 && s < t && t <= stepCount, "a step leads from \(t) to \(s)")
        let ratio = meanWeight[t] / meanWeight[s]
        // 1 - m^2 and 1 - a^2 without cancellation; at s = 0 they agree to the bit, so x_0 gets exactly 1.
        let atStart = -expm1(-2 * cumulative[t] * dt)
        let atEnd = -expm1(-2 * cumulative[s] * dt)
        let between = -expm1(-2 * (cumulative[t] - cumulative[s]) * dt)
        // The official floor under the variance: nothing that a picture could show.
        let variance = max(lambda * lambda * between * atEnd / atStart, 1e-20 * dt)
        return Posterior(
            state: ratio * atEnd / atStart, clean: meanWeight[s] * between / atStart,
            deviation: variance.squareRoot())
    }

    /// The clean picture that a state and its noise imply: mu + `state` (x_t - mu) + `noise` noise.
    package func cleanEstimate(at t: Int) -> (state: Double, noise: Double) {
        (1 / meanWeight[t], -sigmaBar[t] / meanWeight[t])
    }

    /// The noise that a state and the clean picture imply: `state` (x_t - mu) + `clean` (x_0 - mu); t at least 1.
    package func noiseEstimate(at t: Int) -> (state: Double, clean: Double) {
        (1 / sigmaBar[t], -meanWeight[t] / sigmaBar[t])
    }

    /// The reverse drift over one step, theta_t (mu - x) dt - share sigma_t^2 score dt with score = -noise / sigma_bar_t,
    /// as factors on x - mu and on the noise; t at least 1.
    ///
    /// - Parameter share: 1 for the reverse SDE, 1/2 for the probability-flow ODE.
    package func reverseDrift(at t: Int, share: Double) -> (state: Double, noise: Double) {
        (-theta[t] * dt, share * sigma[t] * sigma[t] * dt / sigmaBar[t])
    }
}
