/// How latents are sampled.
package enum LatentSamplerKind: String, Sendable, CaseIterable {
    /// Euler's steps with fresh noise (k-diffusion): InstructPix2Pix' and AutoDIR's own.
    case eulerAncestral = "euler-a"
    /// Without.
    case euler
    /// DPM-Solver++ of second order (Lu et al., 2022): fewer steps for the same result.
    case dpmSolver = "dpm-2m"
    /// Song et al., ICLR 2021, without fresh noise.
    case ddim
    /// The same with as much fresh noise as DDPM has (eta = 1).
    case ddimWithNoise = "ddim-sde"
    /// Ho et al., 2020: the chain that networks are trained for, over some of its times, with fresh noise.
    case ddpm
}
