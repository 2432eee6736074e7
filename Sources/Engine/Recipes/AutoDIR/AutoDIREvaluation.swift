import Autoencoder
package import Bundles
import Checkpoints
import Compute
import LatentUNet

/// Only the network that is measured is read of the bundle's file.
extension NetworkEvaluation {
    /// Of the network that diffuses: one evaluation of the latents of pictures, at one time.
    static func diffusion(of bundle: Bundles.Bundle, engine: EngineConfiguration) throws -> NetworkEvaluation {
        let (network, configuration, precision) = try part(of: bundle, engine: engine) {
            parameters, configuration throws(CheckpointError) in
            try LatentUNet(parameters.scope("model").scope("diffusion_model"), configuration: configuration.network)
        }
        let context = network.context(
            numbers(configuration.towers.text.contextLength * configuration.network.contextWidth), in: Workspace(threads: 1))
        return NetworkEvaluation(precision: precision) { size, batch, workspace in
            let side = configuration.latentSide(size)
            let sample = LatentUNet.Sample(
                latent: numbers(side * side * configuration.network.inputChannels), time: 500, context: context)
            _ = network(Array(repeating: sample, count: batch), height: side, width: side, in: workspace)
        }
    }

    /// Of the autoencoder's decoder: latents to pictures.
    ///
    /// - Throws: `BundleError` for a bundle without one, or whose tensors don't fit.
    package static func decoder(of bundle: Bundles.Bundle, engine: EngineConfiguration) throws -> NetworkEvaluation {
        let (network, configuration, precision) = try part(of: bundle, engine: engine) {
            parameters, configuration throws(CheckpointError) in
            try LatentDecoder(parameters.scope("first_stage_model"), configuration: configuration.autoencoder)
        }
        return NetworkEvaluation(precision: precision) { size, batch, workspace in
            let side = configuration.latentSide(size)
            let latent = numbers(side * side * configuration.autoencoder.latentChannels)
            _ = network.decode(Array(repeating: latent, count: batch), height: side, width: side, in: workspace)
        }
    }

    private static func part<Network>(
        of bundle: Bundles.Bundle, engine: EngineConfiguration,
        _ build: (ParameterReader, AutoDIRConfiguration) throws(CheckpointError) -> Network
    ) throws -> (Network, AutoDIRConfiguration, Precision) {
        let (configuration, precision) = try reading { () throws(ConfigurationError) in
            (
                try AutoDIRConfiguration(bundle.configuration),
                engine.precision(among: try bundle.configuration.object("model").precisions())
            )
        }
        let network = try bundle.network(
            from: bundle.section("model"), precision: precision, choosing: AutoDIRNetworks.chosenWeights(bundle)
        ) { parameters throws(CheckpointError) in try build(parameters, configuration) }
        return (network, configuration, precision)
    }
}

extension AutoDIRConfiguration {
    /// Of the latent of a picture of this side, which is rounded up to whole units of the networks.
    fileprivate func latentSide(_ pixels: Int) -> Int {
        SignedPicture.rounded(pixels, to: alignment) / autoencoder.factor
    }
}
