import Checkpoints
import Compute
import Layers

/// From pixels to a grid of tokens: one patch convolution, or a stem of 3x3 convolutions with stride 2 and GELU between
/// them (Xiao et al., 2021, "Early convolutions help transformers see better"), at times with residual blocks behind each.
struct PatchEmbedding: Sendable {
    private struct Stage {
        let convolution: Convolution
        let blocks: [Bottleneck]
    }

    private let stages: [Stage]

    init(
        _ parameters: ParameterReader, configuration: DegradationAwareCLIPConfiguration.Vision,
        layout: TowerLayout = .original
    ) throws(CheckpointError) {
        guard let stem = configuration.stem else {
            let side = configuration.patchSize
            let convolution = try parameters.convolution(
                layout.patches, inputs: 3, outputs: configuration.width, kernel: side, stride: side, padding: 0, bias: false)
            stages = [Stage(convolution: convolution, blocks: [])]
            return
        }
        let widths = [3] + stem + [configuration.width]
        let counts = configuration.stemBlocks ?? Array(repeating: 0, count: stem.count + 1)
        // PyTorch numbers what stands in a row: convolution, blocks, GELU, convolution, ...
        let row = parameters.scope(layout.patches)
        var place = 0
        stages = try counts.enumerated().map { index, count throws(CheckpointError) in
            defer { place += count + 2 }
            return try Stage(
                convolution: row.convolution(
                    "\(place)", inputs: widths[index], outputs: widths[index + 1], kernel: 3, stride: 2, padding: 1,
                    bias: true),
                blocks: (0..<count).map { block throws(CheckpointError) in
                    try Bottleneck(row.scope("\(place + 1 + block)"), width: widths[index + 1])
                })
        }
    }

    func callAsFunction(_ images: Tensor, in workspace: Workspace) -> Tensor {
        var result = images
        for (index, stage) in stages.enumerated() {
            let isLast = index == stages.count - 1
            let isActivatedAtOnce = stage.blocks.isEmpty && !isLast
            result = stage.convolution(
                [result], epilogue: .init(activation: isActivatedAtOnce ? .gelu : .none), in: workspace)
            for block in stage.blocks { result = block(result, in: workspace) }
            if !isLast && !isActivatedAtOnce { activate(result, .gelu, in: workspace) }
        }
        return result
    }
}

/// A residual block with its activations first (He et al., 2016, "Identity mappings in deep residual networks") and half
/// the channels within: x + expand(gelu(mix(gelu(reduce(gelu(x)))))).
private struct Bottleneck: Sendable {
    private let reduce: Convolution
    private let mix: Convolution
    private let expand: Convolution

    init(_ parameters: ParameterReader, width: Int) throws(CheckpointError) {
        reduce = try parameters.convolution(
            "reduce", inputs: width, outputs: width / 2, kernel: 1, padding: 0, bias: true)
        mix = try parameters.convolution(
            "mix", inputs: width / 2, outputs: width / 2, kernel: 3, padding: 1, bias: true)
        expand = try parameters.convolution(
            "expand", inputs: width / 2, outputs: width, kernel: 1, padding: 0, bias: true)
    }

    func callAsFunction(_ input: Tensor, in workspace: Workspace) -> Tensor {
        let gelu = Convolution.Epilogue(activation: .gelu)
        let reduced = reduce([activated(input, .gelu, in: workspace)], epilogue: gelu, in: workspace)
        let mixed = mix([reduced], epilogue: gelu, in: workspace)
        return expand([mixed], epilogue: .init(residual: input), in: workspace)
    }
}
