package import Checkpoints
package import Compute
import Glibc
import Layers

/// Pictures as latents and back (Rombach et al., CVPR 2022; README). It scales nothing: latents are as the encoder has them.
package struct Autoencoder: Sendable {
    package let configuration: AutoencoderConfiguration
    private let encoder: Encoder  // encoder
    private let moments: Linear  // quant_conv
    package let decoder: LatentDecoder  // post_quant_conv, decoder

    /// - Throws: `CheckpointError` that names every missing, surplus and mis-shaped tensor.
    package init(_ parameters: ParameterReader, configuration: AutoencoderConfiguration) throws(CheckpointError) {
        let parameters = parameters.inHalves
        self.configuration = configuration
        let (latent, inner) = (configuration.latentChannels, configuration.innerChannels)
        (encoder, decoder) = try parameters.both(
            { () throws(CheckpointError) in
                try Encoder(parameters.scope("encoder"), configuration: configuration)
            },
            { () throws(CheckpointError) in
                try LatentDecoder(partOf: parameters, configuration: configuration)
            })
        moments = try parameters.pointwise("quant_conv", inputs: 2 * inner, outputs: 2 * latent, bias: true)
        parameters.ignore(prefix: "loss.")
        try parameters.finish()
    }

    /// Told each stage's name and result as it is computed, for comparison with recorded numbers.
    package typealias Observer = (_ stage: String, _ result: Tensor) -> Void

    /// What the encoder says of a latent: a normal distribution for each number.
    package struct Posterior: Sendable {
        /// height x width x channels, interleaved; its mode as well.
        package let mean: [Float]
        /// The logarithm of the variance, within -30...20.
        package let logVariance: [Float]

        /// - Parameter moments: pixel by pixel the means of all channels, then the logarithms.
        package init(moments: [Float], channels: Int) {
            let pixels = moments.count / (2 * channels)
            mean = (0..<pixels * channels).map { moments[$0 / channels * 2 * channels + $0 % channels] }
            logVariance = (0..<pixels * channels).map { index in
                min(20, max(-30, moments[index / channels * 2 * channels + channels + index % channels]))
            }
        }

        package var deviation: [Float] { logVariance.map { exp(0.5 * $0) } }

        /// - Parameter noise: as many normal numbers.
        package func sample(_ noise: [Float]) -> [Float] {
            zip(mean, zip(deviation, noise)).map { $0 + $1.0 * $1.1 }
        }
    }

    /// Rows (columns) of the latent of a picture with so many.
    package func latentExtent(_ pixels: Int) -> Int { pixels / configuration.factor }

    /// - Parameters:
    ///   - pictures: at least one; height x width x 3, interleaved, nominally -1...1.
    ///   - height: at least the factor; likewise `width`.
    package func encode(
        _ pictures: [[Float]], height: Int, width: Int, observe: Observer? = nil, in workspace: Workspace
    ) -> [Posterior] {
        precondition(min(height, width) >= configuration.factor)
        let input = Tensor(
            pictures.flatMap(\.self), batch: pictures.count, height: height, width: width,
            channels: AutoencoderConfiguration.pictureChannels, pool: workspace.pool)
        let result = moments(encoder(input, observe: observe, in: workspace), in: workspace)
        observe?("moments", result)
        let values = result.values
        return pictures.indices.map { index in
            Posterior(
                moments: Array(values[index * result.sampleCount..<(index + 1) * result.sampleCount]),
                channels: configuration.latentChannels)
        }
    }

    /// - Parameters:
    ///   - latents: at least one; height x width x channels, interleaved, as the encoder has them.
    ///   - height: of a latent.
    /// - Returns: pictures, height and width times the factor, interleaved; nothing is clamped.
    package func decode(
        _ latents: [[Float]], height: Int, width: Int, observe: Observer? = nil, in workspace: Workspace
    ) -> [[Float]] {
        decoder.decode(latents, height: height, width: width, observe: observe, in: workspace)
    }
}
