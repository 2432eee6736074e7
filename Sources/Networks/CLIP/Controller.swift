import Checkpoints
import Compute
import Layers

/// DA-CLIP's controller (section 3.1 of the paper): a copy of the image encoder whose blocks each hand a densely
/// mapped copy of their output to the image encoder. Its own stream does not receive them.
struct Controller: Sendable {
    private let tower: VisionTransformer  // visual_control
    private let zeroModules: [Linear]  // visual_control.transformer.zero_modules

    init(
        _ parameters: ParameterReader, configuration: DegradationAwareCLIPConfiguration.Vision, activation: Activation,
        embeddingWidth: Int
    ) throws(CheckpointError) {
        let transformer = parameters.scope("transformer")
        tower = try VisionTransformer(
            parameters, blocks: transformer.scope("transformer").scope("resblocks"), configuration: configuration,
            activation: activation, embeddingWidth: embeddingWidth)
        zeroModules = try parameters.map(configuration.layers) { index throws(CheckpointError) in
            try transformer.scope("zero_modules").linear(
                "\(index)", inputs: configuration.width, outputs: configuration.width)
        }
    }

    /// The degradation embeddings alone.
    func embedding(_ images: Tensor, in workspace: Workspace) -> Tensor { tower(images, in: workspace) }

    /// - Returns: the degradation embeddings, and what each block of the image encoder is to add: block 0 receives
    ///   what the controller's last block gave.
    func callAsFunction(
        _ images: Tensor, observe: VisionTransformer.Observer?, in workspace: Workspace
    ) -> (embedding: Tensor, additions: [Tensor]) {
        var hidden: [Tensor] = []
        let embedding = tower(
            images,
            eachBlock: { index, tokens in
                hidden.append(zeroModules[index](tokens, in: workspace))
                observe?("zero_module\(index)", hidden[index])
            }, observe: observe, in: workspace)
        return (embedding, hidden.reversed())
    }
}
