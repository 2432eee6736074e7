/// The samplers that a request may name.
package enum SamplerKind: String, Sendable, CaseIterable {
    /// The posterior step of IR-SDE, between any two steps (the official default).
    case posterior
    /// Euler-Maruyama on the reverse SDE.
    case sde
    /// Euler on the probability-flow ODE.
    case ode
}
