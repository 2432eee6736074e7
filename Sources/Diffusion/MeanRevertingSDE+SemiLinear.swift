import Glibc

// With y = x - mu this is a variance-preserving diffusion: y_t has signal m_t and noise sigma_bar_t. Over the log-SNR
// l = ln(m / sigma_bar) its reverse equations are linear in y but for the clean estimate, and their linear part has a
// closed form (DPM-Solver++, Lu et al., 2022; for IR-SDE MR Sampler, Li et al., ICLR 2025, arXiv 2502.07856).
extension MeanRevertingSDE {
    /// ln(m_t / sigma_bar_t); infinite at t = 0.
    package func logSNR(at t: Int) -> Double { log(meanWeight[t] / sigmaBar[t]) }

    /// The probability-flow ODE's way from t to any s < t, where the clean estimate stays what it is: factors on
    /// x_t - mu and on x_0 - mu. The reverse SDE's is `posterior(from:to:)`.
    package func flow(from t: Int, to s: Int) -> (state: Double, clean: Double) {
        precondition(s >= 0 && s < t && t <= stepCount, "a step leads from \(t) to \(s)")
        return (sigmaBar[s] / sigmaBar[t], meanWeight[s] * -expm1(logSNR(at: t) - logSNR(at: s)))
    }

    /// What of the clean estimate's change over the step before is added to it for second order over a step from t to s:
    /// half the ratio of both steps in log-SNR. Nothing where s is 0: the last step goes straight to the clean estimate.
    package func extrapolation(after previous: Int, from t: Int, to s: Int) -> Double {
        precondition(t >= 1 && t < previous && previous <= stepCount, "a step to \(t) came from \(previous)")
        guard s > 0 else { return 0 }
        return (logSNR(at: s) - logSNR(at: t)) / (2 * (logSNR(at: t) - logSNR(at: previous)))
    }
}
