import Glibc

/// The schedule of latent diffusion (Rombach et al., 2022): z_t = sqrt(a_t) z_0 + sqrt(1 - a_t) e for t = 0 ... 999, whose betas
/// are the squares of evenly spaced numbers. All tables are in double.
package struct NoiseSchedule: Sendable, Equatable {
    /// a_t: what is left of the signal's variance.
    package let signals: [Double]
    /// Standard deviations of the noise where the signal is not shrunk: sqrt((1 - a_t) / a_t). They rise.
    package let sigmas: [Double]
    private let logSigmas: [Double]

    /// The official numbers.
    package static let officialBetas = 0.00085...0.0120
    package static let officialSteps = 1_000

    /// - Parameters:
    ///   - betas: of the first step and of the last, above 0 and below 1.
    ///   - steps: that the network was trained with, at least 2.
    package init(betas: ClosedRange<Double> = officialBetas, steps: Int = officialSteps) {
        precondition(steps >= 2 && betas.lowerBound > 0 && betas.upperBound < 1)
        let (first, last) = (betas.lowerBound.squareRoot(), betas.upperBound.squareRoot())
        var signal = 1.0
        signals = (0..<steps).map { index in
            let root = first + Double(index) * (last - first) / Double(steps - 1)
            signal *= 1 - root * root
            return signal
        }
        sigmas = signals.map { ((1 - $0) / $0).squareRoot() }
        logSigmas = sigmas.map { log($0) }
    }

    package var steps: Int { signals.count }

    // MARK: Times between steps

    /// The deviation at a time that may be between two steps: its logarithm is interpolated.
    package func sigma(at time: Double) -> Double {
        let time = min(max(time, 0), Double(steps - 1))
        let (low, high) = (Int(time.rounded(.down)), Int(time.rounded(.up)))
        let weight = time - Double(low)
        return exp((1 - weight) * logSigmas[low] + weight * logSigmas[high])
    }

    /// The time of a deviation, between two steps in general: the inverse of `sigma(at:)`. Outside the table its ends.
    package func time(ofSigma sigma: Double) -> Double {
        let wanted = log(sigma)
        // The last entry that isn't above; they rise.
        let beyond = logSigmas.firstIndex { $0 > wanted } ?? steps
        let low = min(max(0, beyond - 1), steps - 2)
        let weight = (logSigmas[low] - wanted) / (logSigmas[low] - logSigmas[low + 1])
        let clamped = min(1, max(0, weight))
        return (1 - clamped) * Double(low) + clamped * Double(low + 1)
    }

    /// Falling deviations of n steps: at evenly spaced times from the last step to the first, then 0.
    ///
    /// - Parameter count: at least 1.
    package func spacedSigmas(_ count: Int) -> [Double] {
        let last = Double(steps - 1)
        let times = (0..<count).map { count == 1 ? last : last - last * Double($0) / Double(count - 1) }
        return times.map { sigma(at: $0) } + [0]
    }

    // MARK: Whole times

    /// The rising times of DDIM (Song et al., ICLR 2021) in about n steps, as Latent Diffusion spaces them: multiples of a
    /// stride, plus one. Where n doesn't divide the steps there are more than n.
    ///
    /// - Throws: where the last one would lie beyond the table.
    package func spacedTimes(_ count: Int) throws(SamplerError) -> [Int] {
        let stride = steps / max(1, count)
        guard count >= 1, stride >= 1 else {
            throw .invalidConfiguration("\(count) steps of DDIM, expected 1 to \(steps)")
        }
        return try withinTable(Swift.stride(from: 1, through: steps, by: stride).map { $0 }, for: count)
    }

    /// The rising times of exactly n steps as diffusers spaces them.
    package func leadingTimes(_ count: Int) throws(SamplerError) -> [Int] {
        guard (1...steps).contains(count) else {
            throw .invalidConfiguration("\(count) steps of DDIM, expected 1 to \(steps)")
        }
        return try withinTable((0..<count).map { 1 + $0 * (steps / count) }, for: count)
    }

    /// - Throws: where the last of rising times lies beyond the table.
    private func withinTable(_ times: [Int], for count: Int) throws(SamplerError) -> [Int] {
        guard let last = times.last, last < steps else {
            throw .invalidConfiguration("\(count) steps of DDIM lead to the time \(steps), beyond the table")
        }
        return times
    }

    /// The rising times of n steps that reach from the first to the last, for a chain of DDPM of fewer steps.
    package func evenTimes(_ count: Int) throws(SamplerError) -> [Int] {
        guard (1...steps).contains(count) else {
            throw .invalidConfiguration("\(count) steps of DDPM, expected 1 to \(steps)")
        }
        guard count > 1 else { return [0] }
        let stride = Double(steps - 1) / Double(count - 1)
        var time = 0.0
        return (0..<count).map { _ in
            defer { time += stride }
            return Int(time.rounded(.toNearestOrEven))
        }
    }
}
