package import Bundles
import CLIP
import Compute
import RestorationUNet

extension NetworkEvaluation {
    /// Of the restoration network, of one step.
    static func restoration(of bundle: Bundles.Bundle, engine: EngineConfiguration) throws -> NetworkEvaluation {
        let (network, precision) = try DegradationAwareNetworks.network(of: bundle, choosing: engine.precision(among:))
        let configuration = network.configuration
        let embedding = [Float](repeating: 0.1, count: configuration.contextWidth ?? 0)
        return NetworkEvaluation(precision: precision) { size, batch, workspace in
            let picture = numbers(size * size * ConditionalUNetConfiguration.pictureChannels)
            let sample = ConditionalUNet.Sample(
                state: picture, condition: picture, time: 50,
                degradation: configuration.usesDegradation ? embedding : nil,
                content: configuration.usesContent ? embedding : nil)
            _ = network(Array(repeating: sample, count: batch), height: size, width: size, in: workspace)
        }
    }

    /// Of DA-CLIP's image encoder with its controller, on prepared pictures of its own size.
    package static func encoder(of bundle: Bundles.Bundle, engine: EngineConfiguration) throws -> NetworkEvaluation {
        let networks = try DegradationAwareNetworks(bundle, choosing: engine.precision(among:))
        let encoder = networks.encoder
        return NetworkEvaluation(
            precision: networks.precisions.encoder, fixedSize: encoder.configuration.vision.imageSize
        ) { size, batch, workspace in
            let images = workspace.tensor(batch: batch, height: size, width: size, channels: 3)
            for (index, value) in numbers(images.count).enumerated() { images.base[index] = value }
            _ = encoder(images, in: workspace)
        }
    }
}
