import Checkpoints
import Compute
import Layers

/// Two 3x3 convolutions behind norms, the time's embedding between them, and a shortcut (README, "Residual block").
struct LatentResidualBlock: Sendable {
    private let enterNorm: GroupNorm  // in_layers.0
    private let enter: Convolution  // in_layers.2
    private let embedding: Linear  // emb_layers.1
    private let leaveNorm: GroupNorm  // out_layers.0
    private let leave: Convolution  // out_layers.3
    private let shortcut: Convolution?  // skip_connection, where channels change
    private let outputs: Int

    /// - Parameter extent: rows and columns of most of its maps.
    init(
        _ parameters: ParameterReader, inputs: Int, outputs: Int, timeWidth: Int, extent: Int
    ) throws(CheckpointError) {
        self.outputs = outputs
        enterNorm = try parameters.groupNorm("in_layers.0", width: inputs, epsilon: 1e-5)
        leaveNorm = try parameters.groupNorm("out_layers.0", width: outputs, epsilon: 1e-5)
        embedding = try parameters.inFull.linear("emb_layers.1", inputs: timeWidth, outputs: outputs)
        (enter, leave) = try parameters.both(
            { () throws(CheckpointError) in
                try parameters.convolution(
                    "in_layers.2", inputs: inputs, outputs: outputs, kernel: 3, padding: 1, bias: true, filtersPairs: true,
                    usualExtent: extent)
            },
            { () throws(CheckpointError) in
                try parameters.convolution(
                    "out_layers.3", inputs: outputs, outputs: outputs, kernel: 3, padding: 1, bias: true, filtersPairs: true,
                    usualExtent: extent)
            })
        shortcut = inputs == outputs ? nil : try parameters.convolution(
            "skip_connection", inputs: inputs, outputs: outputs, kernel: 1, padding: 0, bias: true)
    }

    /// - Parameters:
    ///   - sources: one tensor, or two that are joined along their channels.
    ///   - time: silu of the time embedding, one token a sample.
    func callAsFunction(
        _ sources: [Tensor], time: Tensor, observe: LatentUNet.Observer? = nil, in workspace: Workspace
    ) -> Tensor {
        let normalised = enterNorm.activated(sources, .silu, in: workspace)
        let addend = embedding(time, in: workspace)
        if let observe {
            observe("res.in_layers", enter(normalised, in: workspace))
            observe("res.emb_layers", addend)
        }
        let hidden = enter(
            normalised,
            epilogue: .init(scale: [Float](repeating: 1, count: addend.count), shift: addend.values), in: workspace)
        let activated = leaveNorm.activated([hidden], .silu, inPlace: true, in: workspace)
        let residual = shortcut.map { $0(sources, in: workspace) }
        let result = leave(
            activated, epilogue: .init(residual: residual ?? sources[0]), into: residual, in: workspace)
        observe?("res.output", result)
        return result
    }
}
