package import Checkpoints
package import Compute

/// DA-CLIP (Luo et al., ICLR 2024, section 3): an image encoder steered by a controller tells what a picture shows and
/// what is wrong with it.
package struct DegradationAwareCLIP: Sendable {
    package let configuration: DegradationAwareCLIPConfiguration
    /// Without its controller, plain CLIP.
    package let encoder: VisionTransformer  // clip.visual
    private let controller: Controller  // visual_control
    /// nil where the checkpoint holds label features instead.
    package let text: TextTransformer?  // clip
    /// One row a label, where the checkpoint holds them: in place of a text tower, or as what that makes of the labels.
    package let storedLabelFeatures: [[Float]]?  // label_features
    /// e^logit_scale, where the checkpoint holds one.
    package let logitScale: Float?  // logit_scale, else clip.logit_scale

    /// - Parameters:
    ///   - labelCount: rows of `label_features`.
    ///   - hasLabelFeatures: whether those beside a text tower are of the labels that are meant; else they are passed over.
    /// - Throws: `CheckpointError` that names every missing, surplus and mis-shaped tensor.
    package init(
        _ parameters: ParameterReader, configuration: DegradationAwareCLIPConfiguration, labelCount: Int,
        hasLabelFeatures: Bool = false
    ) throws(CheckpointError) {
        self.configuration = configuration
        let (width, activation) = (configuration.embeddingWidth, configuration.activation)
        let clip = parameters.scope("clip")
        let visual = clip.scope("visual")
        encoder = try VisionTransformer(
            visual, blocks: visual.scope("transformer").scope("resblocks"), configuration: configuration.vision,
            activation: activation, embeddingWidth: width)
        controller = try Controller(
            parameters.scope("visual_control"), configuration: configuration.controller, activation: activation,
            embeddingWidth: width)
        // Labels' features are made once and compared with every picture: they keep fp32.
        text = try configuration.text.map { text throws(CheckpointError) in
            try TextTransformer(clip.inFull, configuration: text, activation: activation, embeddingWidth: width)
        }
        if configuration.text == nil || hasLabelFeatures {
            let rows = try parameters.take("label_features", [labelCount, width])
            storedLabelFeatures = (0..<labelCount).map { Array(rows[$0 * width..<($0 + 1) * width]) }
        } else {
            parameters.ignore(prefix: "label_features")
            storedLabelFeatures = nil
        }
        let (trained, original) = (
            try parameters.takeIfPresent("logit_scale", []), try clip.takeIfPresent("logit_scale", [])
        )
        logitScale = (trained ?? original)?.first?.exponential
        // The same tensors as clip.visual, under their other name.
        parameters.ignore(prefix: "visual.")
        try parameters.finish()
    }

    /// What the restoration network is conditioned on; not normalised.
    package struct Embeddings: Sendable, Equatable {
        package var degradation: [Float]
        package var content: [Float]

        package init(degradation: [Float], content: [Float]) {
            self.degradation = degradation
            self.content = content
        }
    }

    /// Embeds a batch of prepared pictures, each independently of the others.
    ///
    /// - Parameters:
    ///   - images: batch x side x side x 3, normalised (`Preprocessing`).
    ///   - observe: told each stage as `control.STAGE` or `image.STAGE`.
    package func callAsFunction(
        _ images: Tensor, observe: VisionTransformer.Observer? = nil, in workspace: Workspace
    ) -> [Embeddings] {
        let (degradations, additions) = controller(images, observe: Self.prefixed("control", observe), in: workspace)
        let contents = encoder(
            images, adding: additions, observe: Self.prefixed("image", observe), in: workspace)
        return zip(rows(of: degradations), rows(of: contents)).map(Embeddings.init)
    }

    /// The degradation embeddings alone, which need no more than the controller; the same numbers as those of both.
    ///
    /// - Parameter images: batch x side x side x 3, normalised (`Preprocessing`).
    package func degradationEmbeddings(_ images: Tensor, in workspace: Workspace) -> [[Float]] {
        rows(of: controller.embedding(images, in: workspace))
    }

    private func rows(of embeddings: Tensor) -> [[Float]] {
        let (values, width) = (embeddings.values, configuration.embeddingWidth)
        return stride(from: 0, to: values.count, by: width).map { Array(values[$0..<$0 + width]) }
    }

    private static func prefixed(
        _ prefix: String, _ observe: VisionTransformer.Observer?
    ) -> VisionTransformer.Observer? {
        observe.map { observe in { stage, tensor in observe("\(prefix).\(stage)", tensor) } }
    }
}
