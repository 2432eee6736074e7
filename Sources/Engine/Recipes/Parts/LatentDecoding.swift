import Autoencoder
import Compute
import Diffusion

/// A latent on its way to a picture.
final class DecodedTile: StageSample {
    let region: NoiseSource.Region
    fileprivate let latent: [Float]
    fileprivate(set) var values: [Float] = []

    init(_ latent: [Float], region: NoiseSource.Region) {
        self.latent = latent
        self.region = region
    }
}

struct DecodeStage: StageEvaluator {
    let decoder: LatentDecoder
    /// What latents were multiplied by for the diffusion.
    let scale: Float

    func advance(_ samples: [DecodedTile], in workspace: Workspace) {
        guard let region = samples.first?.region else { return }
        let pictures = decoder.decode(
            samples.map { $0.latent.map { $0 / scale } }, height: region.height, width: region.width, in: workspace)
        for (sample, picture) in zip(samples, pictures) { sample.values = picture }
    }
}
