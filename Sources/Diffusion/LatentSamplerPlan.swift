import Glibc

/// The steps of a sampler of latent diffusion, worked out before the first one.
package struct LatentSamplerPlan: Sendable, Equatable {
    /// What the network was trained to predict.
    package enum Prediction: String, Sendable, CaseIterable {
        /// The noise e.
        case noise
        /// v = sqrt(a) e - sqrt(1 - a) z_0.
        case velocity
    }

    /// What the first state is: noise of this deviation.
    package let startDeviation: Float
    package let steps: [LatentSamplerStep]

    /// Whether some step draws on the clean estimate of the one before.
    package var keepsEstimates: Bool { steps.contains { $0.previous != 0 } }

    /// The numbers of steps that may be asked for.
    package static let allowedStepCounts = 1...200

    /// - Throws: `invalidConfiguration` for a number of steps that the sampler can't take.
    package init(
        _ kind: LatentSamplerKind, steps: Int, schedule: NoiseSchedule, prediction: Prediction
    ) throws(SamplerError) {
        guard Self.allowedStepCounts.contains(steps) else {
            throw .invalidConfiguration("\(steps) steps, expected \(Self.allowedStepCounts)")
        }
        switch kind {
        case .ddim, .ddimWithNoise:
            self = try .ddim(
                times: schedule.leadingTimes(steps), eta: kind == .ddim ? 0 : 1, schedule: schedule, prediction: prediction)
        case .ddpm: self = try .ddpm(times: schedule.evenTimes(steps), schedule: schedule, prediction: prediction)
        case .eulerAncestral: self = .euler(steps, isAncestral: true, schedule: schedule, prediction: prediction)
        case .euler: self = .euler(steps, isAncestral: false, schedule: schedule, prediction: prediction)
        case .dpmSolver: self = .dpmSolver(steps, schedule: schedule, prediction: prediction)
        }
    }

    init(startDeviation: Double, steps: [LatentSamplerStep]) {
        self.startDeviation = Float(startDeviation)
        self.steps = steps
    }
}

// MARK: - Samplers of whole times, whose state is z_t

extension LatentSamplerPlan {
    /// DDIM at rising times. The last step ends at the table's first entry, not without noise.
    ///
    /// - Parameter eta: 0 for no fresh noise, 1 for as much as DDPM has.
    package static func ddim(
        times: [Int], eta: Double, schedule: NoiseSchedule, prediction: Prediction
    ) -> LatentSamplerPlan {
        let steps = times.indices.reversed().map { index in
            let now = schedule.signals[times[index]]
            let next = index == 0 ? schedule.signals[0] : schedule.signals[times[index - 1]]
            let deviation = Self.ddimDeviation(from: now, to: next, eta: eta)
            let direction = max(0, 1 - next - deviation * deviation).squareRoot()
            // e = (z - sqrt(a) z_0) / sqrt(1 - a)
            let noise = direction / (1 - now).squareRoot()
            return LatentSamplerStep(
                time: Double(times[index]), signal: now, prediction: prediction, state: noise,
                clean: next.squareRoot() - noise * now.squareRoot(), deviation: deviation)
        }
        return LatentSamplerPlan(startDeviation: 1, steps: Array(steps))
    }

    package static func ddimDeviation(from now: Double, to next: Double, eta: Double) -> Double {
        eta * (max(0, (1 - next) / (1 - now)).squareRoot()) * max(0, 1 - now / next).squareRoot()
    }

    /// DDPM (Ho et al., 2020) over some of its steps, at rising times.
    package static func ddpm(times: [Int], schedule: NoiseSchedule, prediction: Prediction) -> LatentSamplerPlan {
        let steps = times.indices.reversed().map { index in
            let coefficients = DDPMCoefficients(times: times, index: index, schedule: schedule)
            return LatentSamplerStep(
                time: Double(times[index]), signal: schedule.signals[times[index]], prediction: prediction,
                state: coefficients.state, clean: coefficients.clean,
                deviation: index == 0 ? 0 : exp(coefficients.logVariance / 2))
        }
        return LatentSamplerPlan(startDeviation: 1, steps: Array(steps))
    }

    /// The posterior of a step of a chain that visits only some times.
    package struct DDPMCoefficients: Sendable, Equatable {
        package let beta: Double
        /// Of the mean: on z and on z_0.
        package let state: Double
        package let clean: Double
        package let logVariance: Double

        package init(times: [Int], index: Int, schedule: NoiseSchedule) {
            let now = schedule.signals[times[index]]
            let before = index == 0 ? 1 : schedule.signals[times[index - 1]]
            beta = 1 - now / before
            clean = beta * before.squareRoot() / (1 - now)
            state = (1 - before) * (1 - beta).squareRoot() / (1 - now)
            logVariance = log(max(beta * (1 - before) / (1 - now), 1e-20))
        }
    }
}

// MARK: - k-diffusion's samplers, whose state is z_0 plus noise of a deviation

extension LatentSamplerPlan {
    /// Where a step of fresh noise stops before it adds some: the deviations there and of what is added.
    package static func ancestral(from sigma: Double, to next: Double) -> (down: Double, up: Double) {
        let variance = next * next * (sigma * sigma - next * next) / (sigma * sigma)
        let up = min(next, max(0, variance).squareRoot())
        return (max(0, next * next - up * up).squareRoot(), up)
    }

    private static func euler(
        _ count: Int, isAncestral: Bool, schedule: NoiseSchedule, prediction: Prediction
    ) -> LatentSamplerPlan {
        let sigmas = schedule.spacedSigmas(count)
        let steps = (0..<count).map { index in
            let (sigma, next) = (sigmas[index], sigmas[index + 1])
            let (down, up) = isAncestral ? Self.ancestral(from: sigma, to: next) : (next, 0)
            return LatentSamplerStep(
                sigma: sigma, time: schedule.time(ofSigma: sigma), prediction: prediction, state: down / sigma,
                clean: 1 - down / sigma, deviation: up)
        }
        return LatentSamplerPlan(startDeviation: sigmas[0], steps: steps)
    }

    private static func dpmSolver(
        _ count: Int, schedule: NoiseSchedule, prediction: Prediction
    ) -> LatentSamplerPlan {
        let sigmas = schedule.spacedSigmas(count)
        let steps = (0..<count).map { index in
            let (sigma, next) = (sigmas[index], sigmas[index + 1])
            let clean = 1 - next / sigma
            // The change of the estimate over the step before, continued; the first and the last step are of first order.
            let share = index == 0 || next == 0
                ? 0 : log(sigma / next) / (2 * log(sigmas[index - 1] / sigma))
            return LatentSamplerStep(
                sigma: sigma, time: schedule.time(ofSigma: sigma), prediction: prediction, state: next / sigma,
                clean: clean * (1 + share), previous: -clean * share, deviation: 0)
        }
        return LatentSamplerPlan(startDeviation: sigmas[0], steps: steps)
    }
}
