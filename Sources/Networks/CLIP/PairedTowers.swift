package import Checkpoints
import Compute
import Glibc
import Layers

/// A CLIP of both its towers in Hugging Face's layout: pictures and texts as vectors of one space (README, "A tower").
package struct PairedTowers: Sendable {
    package let configuration: PairedTowersConfiguration
    package let vision: VisionTransformer  // vision_model, visual_projection
    package let text: TextTransformer  // text_model, text_projection
    /// e^logit_scale: what cosines are multiplied by before a softmax.
    package let logitScale: Float  // logit_scale

    /// - Throws: `CheckpointError` that names every missing, surplus and mis-shaped tensor.
    package init(_ parameters: ParameterReader, configuration: PairedTowersConfiguration) throws(CheckpointError) {
        self.configuration = configuration
        vision = try VisionTransformer(
            parameters, layout: .huggingFace, configuration: configuration.vision, activation: configuration.activation,
            embeddingWidth: configuration.embeddingWidth)
        // Words are encoded once and steer whole runs: they keep fp32.
        text = try TextTransformer(
            parameters.inFull, layout: .huggingFace, configuration: configuration.text,
            activation: configuration.activation, embeddingWidth: configuration.embeddingWidth)
        logitScale = exp(try parameters.take("logit_scale", [])[0])
        try parameters.finish()
    }
}
