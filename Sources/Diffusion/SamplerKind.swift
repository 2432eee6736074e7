/// The samplers that a request may name.
package enum SamplerKind: String, Sendable, CaseIterable {
    /// The posterior step of IR-SDE, between any two steps (the official default).
    case posterior
    /// Euler-Maruyama on the reverse SDE.
    case sde
    /// Euler on the probability-flow ODE.
    case ode
    /// A semi-linear solver of the probability-flow ODE (MR Sampler, Li et al., ICLR 2025, arXiv 2502.07856).
    case semiLinearODE = "mr-ode"
    /// A semi-linear solver of the reverse SDE.
    case semiLinearSDE = "mr-sde"

    /// Whether its steps lead between times of one table. `sde` and `ode` have tables rebuilt for their number of steps.
    package var visitsTimes: Bool {
        switch self {
        case .posterior, .semiLinearODE, .semiLinearSDE: true
        case .sde, .ode: false
        }
    }

    /// Whether a step may draw on the clean estimate of the step before.
    package var isSemiLinear: Bool { self == .semiLinearODE || self == .semiLinearSDE }
}
