package import Checkpoints
package import Compute
import Layers

/// A vision tower of CLIP (README, "A tower"): a trunk that makes tokens of pictures, and an embedding of the class token or of
/// all patches.
package struct VisionTransformer: Sendable {
    package var configuration: DegradationAwareCLIPConfiguration.Vision { trunk.configuration }
    private let trunk: VisionTrunk
    private let postNorm: LayerNorm  // ln_post
    private let projection: Linear  // proj

    /// Told each stage's name and result as it is computed.
    package typealias Observer = (_ stage: String, _ result: Tensor) -> Void

    /// - Parameter blocks: where the transformer's blocks stand: the controller's are wrapped once more.
    init(
        _ parameters: ParameterReader, blocks: ParameterReader, configuration: DegradationAwareCLIPConfiguration.Vision,
        activation: Activation, embeddingWidth: Int
    ) throws(CheckpointError) {
        trunk = try VisionTrunk(
            parameters, blocks: blocks, configuration: configuration, activation: activation, layout: .original)
        postNorm = try parameters.layerNorm(TowerLayout.original.postNorm, width: configuration.pooledWidth)
        projection = try parameters.projection("proj", inputs: configuration.pooledWidth, outputs: embeddingWidth)
    }

    /// A tower in a file of its own, or beside a text tower.
    ///
    /// - Parameter parameters: below which `visual` or `vision_model` stands.
    package init(
        _ parameters: ParameterReader, layout: TowerLayout, configuration: DegradationAwareCLIPConfiguration.Vision,
        activation: Activation, embeddingWidth: Int
    ) throws(CheckpointError) {
        let tower = VisionTrunk.scope(parameters, layout)
        trunk = try VisionTrunk(parameters, layout: layout, configuration: configuration, activation: activation)
        postNorm = try tower.layerNorm(layout.postNorm, width: configuration.pooledWidth)
        projection = layout == .original
            ? try tower.projection("proj", inputs: configuration.pooledWidth, outputs: embeddingWidth)
            : try parameters.linear(
                "visual_projection", inputs: configuration.pooledWidth, outputs: embeddingWidth, bias: false)
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
        let tokens = trunk(images, adding: additions, eachBlock: eachBlock, observe: observe, in: workspace)
        let pooled = postNorm(pool(tokens, in: workspace), in: workspace)
        observe?("pooled_cls_after_ln_post", pooled)
        return projection(pooled, in: workspace)
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
