/// Why a sampler can't be planned.
package enum SamplerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A setting of the diffusion is out of range; the text names it.
    case invalidConfiguration(String)
    case stepsOutOfRange(Int, allowed: ClosedRange<Int>, sampler: SamplerKind)
    /// Times must fall strictly from at most T to at least 1.
    case invalidTimes([Int], last: Int)
    /// `sde` and `ode` visit every time of tables of their own.
    case timesNotTaken(SamplerKind)

    package var description: String {
        switch self {
        case .invalidConfiguration(let fault):
            "diffusion settings: \(fault)"
        case .stepsOutOfRange(let steps, let allowed, let sampler):
            "the sampler \(sampler.rawValue) takes \(allowed.lowerBound) to \(allowed.upperBound) steps, not \(steps)"
        case .invalidTimes(let times, let last):
            "the times of the steps must fall strictly from at most \(last) to at least 1, not \(times.prefix(20))"
        case .timesNotTaken(let sampler):
            "the sampler \(sampler.rawValue) takes no times of its own"
        }
    }
}
