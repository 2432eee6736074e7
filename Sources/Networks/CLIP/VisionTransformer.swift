package import Checkpoints
package import Compute
import Layers

/// A vision tower of CLIP (README, "A tower"): patches, class token, positions, pre-norm blocks, and an embedding
/// of the class token or of all patches.
package struct VisionTransformer: Sendable {
    package let configuration: DegradationAwareCLIPConfiguration.Vision
    private let patches: PatchEmbedding  // conv1
    private let classEmbedding: [Float]  // class_embedding
    private let positions: [Float]  // positional_embedding
    private let preNorm: LayerNorm  // ln_pre
    private let blocks: [TransformerBlock]  // transformer.resblocks
    private let postNorm: LayerNorm  // ln_post
    private let projection: Linear  // proj

    /// Told each stage's name and result as it is computed.
    package typealias Observer = (_ stage: String, _ result: Tensor) -> Void

    /// - Parameter blocks: where the transformer's blocks stand: the controller's are wrapped once more.
    init(
        _ parameters: ParameterReader, blocks blockParameters: ParameterReader,
        configuration: DegradationAwareCLIPConfiguration.Vision, activation: Activation,
        embeddingWidth: Int
    ) throws(CheckpointError) {
        try self.init(
            parameters, blocks: blockParameters, configuration: configuration, activation: activation, layout: .original,
            projection: parameters.projection("proj", inputs: configuration.pooledWidth, outputs: embeddingWidth))
    }

    /// A tower in a file of its own, or beside a text tower.
    ///
    /// - Parameter parameters: below which `visual` or `vision_model` stands.
    package init(
        _ parameters: ParameterReader, layout: TowerLayout, configuration: DegradationAwareCLIPConfiguration.Vision,
        activation: Activation, embeddingWidth: Int
    ) throws(CheckpointError) {
        let tower = parameters.scope(layout == .original ? "visual" : "vision_model")
        if layout == .huggingFace { tower.ignore(prefix: "embeddings.position_ids") }
        try self.init(
            tower, blocks: layout.blocks.reduce(tower) { $0.scope($1) }, configuration: configuration,
            activation: activation, layout: layout,
            projection: layout == .original
                ? tower.projection("proj", inputs: configuration.pooledWidth, outputs: embeddingWidth)
                : parameters.linear(
                    "visual_projection", inputs: configuration.pooledWidth, outputs: embeddingWidth, bias: false))
    }

    private init(
        _ parameters: ParameterReader, blocks blockParameters: ParameterReader,
        configuration: DegradationAwareCLIPConfiguration.Vision, activation: Activation, layout: TowerLayout,
        projection: Linear
    ) throws(CheckpointError) {
        self.configuration = configuration
        self.projection = projection
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
        postNorm = try parameters.layerNorm(layout.postNorm, width: configuration.pooledWidth)
    }

    /// Encodes a batch of prepared pictures.
    ///
    /// - Parameters:
    ///   - images: batch x side x side x 3, normalised (`Preprocessing`).
    ///   - additions: added to the stream after each block, the first block's first; empty for none.
    ///   - eachBlock: given each block's output, additions included.
    /// - Returns: one embedding a picture, as tokens of one row, not normalised.
    package func callAsFunction(
        _ images: Tensor, adding additions: [Tensor] = [], eachBlock: ((Int, Tensor) -> Void)? = nil,
        observe: Observer? = nil, in workspace: Workspace
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
        let pooled = postNorm(pool(tokens, in: workspace), in: workspace)
        observe?("pooled_cls_after_ln_post", pooled)
        return projection(pooled, in: workspace)
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

    private func pool(_ tokens: Tensor, in workspace: Workspace) -> Tensor {
        switch configuration.pool {
        case .classToken: classTokens(of: tokens, in: workspace)
        case .patches: pooledPatches(of: tokens, in: workspace)
        }
    }

    /// The mean over each picture's patches, then their maximum, channel by channel.
    private func pooledPatches(of tokens: Tensor, in workspace: Workspace) -> Tensor {
        let width = tokens.channels
        let patches = tokens.width - 1
        let result = workspace.tensor(batch: 1, width: tokens.batch, channels: 2 * width)
        for sample in 0..<tokens.batch {
            let mean = result.base + sample * 2 * width
            let maximum = mean + width
            let first = tokens.sample(sample) + width
            mean.update(from: first, count: width)
            maximum.update(from: first, count: width)
            for patch in 1..<patches {
                let values = first + patch * width
                for channel in 0..<width {
                    mean[channel] += values[channel]
                    maximum[channel] = max(maximum[channel], values[channel])
                }
            }
            for channel in 0..<width { mean[channel] /= Float(patches) }
        }
        return result
    }

    private func classTokens(of tokens: Tensor, in workspace: Workspace) -> Tensor {
        let result = workspace.tensor(batch: 1, width: tokens.batch, channels: tokens.channels)
        for sample in 0..<tokens.batch {
            (result.base + sample * tokens.channels).update(from: tokens.sample(sample), count: tokens.channels)
        }
        return result
    }
}
