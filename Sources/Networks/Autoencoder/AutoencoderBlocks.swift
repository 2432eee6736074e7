import Checkpoints
import Compute
import Layers

/// Two 3x3 convolutions behind norms, and a shortcut (README, "Blocks").
struct AutoencoderBlock: Sendable {
    private let enterNorm: GroupNorm  // norm1
    private let enter: Convolution  // conv1
    private let leaveNorm: GroupNorm  // norm2
    private let leave: Convolution  // conv2
    private let shortcut: Convolution?  // nin_shortcut, where channels change

    static let epsilon: Float = 1e-6

    init(_ parameters: ParameterReader, inputs: Int, outputs: Int) throws(CheckpointError) {
        enterNorm = try parameters.groupNorm("norm1", width: inputs, epsilon: Self.epsilon)
        leaveNorm = try parameters.groupNorm("norm2", width: outputs, epsilon: Self.epsilon)
        (enter, leave) = try parameters.both(
            { () throws(CheckpointError) in
                try parameters.convolution("conv1", inputs: inputs, outputs: outputs, kernel: 3, padding: 1, bias: true)
            },
            { () throws(CheckpointError) in
                try parameters.convolution("conv2", inputs: outputs, outputs: outputs, kernel: 3, padding: 1, bias: true)
            })
        shortcut = inputs == outputs ? nil : try parameters.convolution(
            "nin_shortcut", inputs: inputs, outputs: outputs, kernel: 1, padding: 0, bias: true)
    }

    /// Replaces the state. Of large maps there are three at most at a time: the input is not kept where its shortcut is made.
    func apply(to state: inout Tensor, in workspace: Workspace) {
        if let shortcut {
            let residual = shortcut([state], in: workspace)
            state = enter(enterNorm.activated([state], .silu, inPlace: true, in: workspace), in: workspace)
            let hidden = leaveNorm.activated([state], .silu, inPlace: true, in: workspace)
            state = leave(hidden, epilogue: .init(residual: residual), into: residual, in: workspace)
        } else {
            let hidden = enter(enterNorm.activated([state], .silu, in: workspace), in: workspace)
            let activated = leaveNorm.activated([hidden], .silu, inPlace: true, in: workspace)
            state = leave(activated, epilogue: .init(residual: state), into: state, in: workspace)
        }
    }
}

/// One head of attention over all pixels (README, "Blocks").
struct AutoencoderAttention: Sendable {
    private let norm: GroupNorm  // norm
    private let projections: Linear  // q, k, v
    private let attention: BlockedAttention
    private let output: Linear  // proj_out

    init(_ parameters: ParameterReader, width: Int) throws(CheckpointError) {
        norm = try parameters.groupNorm("norm", width: width, epsilon: AutoencoderBlock.epsilon)
        projections = try parameters.pointwise(["q", "k", "v"], inputs: width, outputs: width)
        attention = BlockedAttention(heads: 1, headWidth: width)
        output = try parameters.pointwise("proj_out", inputs: width, outputs: width, bias: true)
    }

    func apply(to state: inout Tensor, in workspace: Workspace) {
        let attended = attention(
            projections(norm.activated([state], in: workspace)[0], in: workspace), in: workspace)
        state = output(attended, adding: state, in: workspace)
    }
}

/// The coarsest maps of both networks: attention between two residual blocks.
struct AutoencoderMiddle: Sendable {
    private let first: AutoencoderBlock  // block_1
    private let attention: AutoencoderAttention  // attn_1
    private let second: AutoencoderBlock  // block_2

    init(_ parameters: ParameterReader, width: Int) throws(CheckpointError) {
        first = try AutoencoderBlock(parameters.scope("block_1"), inputs: width, outputs: width)
        attention = try AutoencoderAttention(parameters.scope("attn_1"), width: width)
        second = try AutoencoderBlock(parameters.scope("block_2"), inputs: width, outputs: width)
    }

    func apply(to state: inout Tensor, name: String, observe: Autoencoder.Observer?, in workspace: Workspace) {
        first.apply(to: &state, in: workspace)
        observe?("\(name).mid.block_1", state)
        attention.apply(to: &state, in: workspace)
        observe?("\(name).mid.attn_1", state)
        second.apply(to: &state, in: workspace)
        observe?("\(name).mid.block_2", state)
    }
}
