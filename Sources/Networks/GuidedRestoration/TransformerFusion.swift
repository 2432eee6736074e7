import Checkpoints
import Compute
import Layers
import Restormer

/// alpha * block(z) + z, of Restormer's block with both its residuals (`TransformerResFusionBlock`).
struct TransformerFusion: Sendable {
    private let block: RestormerBlock
    private let alpha: Float  // alpha

    init(
        _ parameters: ParameterReader, channels: Int, heads: Int, configuration: RestormerConfiguration
    ) throws(CheckpointError) {
        block = try RestormerBlock(parameters, channels: channels, heads: heads, configuration: configuration)
        alpha = try parameters.take("alpha", [1])[0]
    }

    /// Puts the result in the place of the input.
    func apply(to state: Tensor, in workspace: Workspace) {
        let changed = leading(state.channels, of: state, in: workspace)
        block.apply(to: changed, in: workspace)
        let row = state.width * state.channels
        workspace.team.run(state.batch * state.height) { item, _ in
            var factor = alpha
            workspace.kernels.scale_rows(changed.base + item * row, 1, row, row, &factor)
        }
        workspace.add(changed, to: state)
    }

    /// Those of all levels, `masa_blk_enc_level1.0`, ...
    static func levels(
        _ parameters: ParameterReader, _ guidance: GuidanceConfiguration, backbone: RestormerConfiguration
    ) throws(CheckpointError) -> [[TransformerFusion]] {
        try (0..<guidance.levels).map { level throws(CheckpointError) in
            let reader = parameters.scope("masa_blk_enc_level\(level + 1)")
            return try (0..<guidance.fusionBlocks[level]).map { index throws(CheckpointError) in
                try TransformerFusion(
                    reader.scope("\(index)"), channels: 2 * guidance.width(ofLevel: level), heads: backbone.heads[level],
                    configuration: backbone)
            }
        }
    }
}

extension Borrowing {
    /// What Restormer's levels are given.
    func surroundings(
        _ fusions: [[TransformerFusion]], _ guidance: GuidanceConfiguration, in workspace: Workspace
    ) -> RestormerSurroundings {
        RestormerSurroundings(alignment: guidance.alignment, margin: .zeros) { level, state in
            fused(state, level: level) { both in
                for block in fusions[level] { block.apply(to: both, in: workspace) }
            }
        }
    }
}
