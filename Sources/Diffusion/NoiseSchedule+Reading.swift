package import Checkpoints

extension NoiseSchedule {
    /// The schedule that a bundle means, by the keys of the official option files: `linear_start`, `linear_end`, `timesteps`.
    ///
    /// - Parameter fewest: steps of the training that there have to be: more than any sampler visits.
    /// - Throws: the first value that can't be, with its place.
    package init(_ reader: ConfigurationReader, atLeast fewest: Int) throws(ConfigurationError) {
        let official = Self.officialBetas
        let first = try reader.number("linear_start", above: 0, upTo: 0.5, default: official.lowerBound)
        let last = try reader.number("linear_end", above: 0, upTo: 0.5, default: official.upperBound)
        guard first <= last else { throw reader.fault("linear_end", "expected at least linear_start, \(first)") }
        self.init(
            betas: first...last, steps: try reader.size("timesteps", fewest...10_000, default: Self.officialSteps))
    }
}
