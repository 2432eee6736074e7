package import Checkpoints
package import Compute
import Layers

/// From pictures to tokens: patches, class token, positions and pre-norm blocks of a vision tower (README, "A tower").
package struct VisionTrunk: Sendable {
    package let configuration: DegradationAwareCLIPConfiguration.Vision
    private let patches: PatchEmbedding  // conv1
    private let classEmbedding: [Float]  // class_embedding
    private let positions: [Float]  // positional_embedding
    private let preNorm: LayerNorm  // ln_pre
    private let blocks: [TransformerBlock]  // transformer.resblocks

    /// - Parameters:
    ///   - parameters: those of the tower.
    ///   - blockParameters: where its blocks stand.
    init(
        _ parameters: ParameterReader, blocks blockParameters: ParameterReader,
        configuration: DegradationAwareCLIPConfiguration.Vision, activation: Activation, layout: TowerLayout
    ) throws(CheckpointError) {
        self.configuration = configuration
        let width = configuration.width
        patches = try PatchEmbedding(parameters, configuration: configuration, layout: layout)
        classEmbedding = try parameters.take(layout.classToken, [width])
        positions = try parameters.take(layout.positions, [configuration.grid * configuration.grid + 1, width])
        preNorm = try parameters.layerNorm(layout.preNorm, width: width)
        blocks = try blockParameters.map(configuration.layers) { index throws(CheckpointError) in
            try TransformerBlock(
                blockParameters.scope("\(index)"), width: width, heads: configuration.heads, causal: false,
                activation: activation, layout: layout)
        }
    }

    /// The trunk of a tower in a file of its own, or beside a text tower; whatever makes an embedding of its tokens is not read.
    ///
    /// - Parameter parameters: below which `visual` or `vision_model` stands.
    package init(
        _ parameters: ParameterReader, layout: TowerLayout, configuration: DegradationAwareCLIPConfiguration.Vision,
        activation: Activation
    ) throws(CheckpointError) {
        let tower = Self.scope(parameters, layout)
        if layout == .huggingFace { tower.ignore(prefix: "embeddings.position_ids") }
        try self.init(
            tower, blocks: layout.blocks.reduce(tower) { $0.scope($1) }, configuration: configuration,
            activation: activation, layout: layout)
    }

    static func scope(_ parameters: ParameterReader, _ layout: TowerLayout) -> ParameterReader {
        parameters.scope(layout == .original ? "visual" : "vision_model")
    }

    /// The tokens of a batch of prepared pictures behind the last block, which no norm follows: the class token, then the patches
    /// row by row.
    ///
    /// - Parameters:
    ///   - images: batch x side x side x 3, normalised (`Preprocessing`).
    ///   - additions: added to the stream after each block, the first block's first; empty for none.
    ///   - eachBlock: given each block's output, additions included.
    /// - Returns: batch x 1 x (1 + patches) x width.
    package func callAsFunction(
        _ images: Tensor, adding additions: [Tensor] = [], eachBlock: ((Int, Tensor) -> Void)? = nil,
        observe: VisionTransformer.Observer? = nil, in workspace: Workspace
    ) -> Tensor {
        let grid = patches(images, in: workspace)
        observe?("conv1", grid)
        let embeddings = embed(grid, in: workspace)
        observe?("embeddings_before_ln_pre", embeddings)
        var tokens = preNorm(embeddings, in: workspace)
        observe?("after_ln_pre", tokens)
        for (index, block) in blocks.enumerated() {
            tokens = block(tokens, in: workspace)
            if !additions.isEmpty {
                observe?("resblock\(index).before_control_add", tokens)
                workspace.add(additions[index], to: tokens)
                observe?("resblock\(index).after_control_add", tokens)
            } else {
                observe?("resblock\(index)", tokens)
            }
            eachBlock?(index, tokens)
        }
        return tokens
    }

    /// The class token first, then the grid in row-major order, each plus its position.
    private func embed(_ grid: Tensor, in workspace: Workspace) -> Tensor {
        let width = configuration.width
        let result = workspace.tensor(batch: grid.batch, width: grid.pixels + 1, channels: width)
        for sample in 0..<grid.batch {
            let target = result.sample(sample)
            let source = grid.sample(sample)
            for channel in 0..<width { target[channel] = classEmbedding[channel] + positions[channel] }
            for index in 0..<grid.sampleCount { target[width + index] = source[index] + positions[width + index] }
        }
        return result
    }
}
