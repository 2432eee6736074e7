package import Checkpoints
package import Compute

/// A two-dimensional convolution with zero padding.
///
/// How a call is computed is decided in `compute`: every way fills the same output from the same `ConvolutionCall`, without an
/// unrolled copy of the input.
package struct Convolution: Sendable {
    let shape: ConvolutionShape
    let weights: Weights
    let bias: [Float]?
    /// In fp32, of those that a workspace has.
    private let ways: Set<ConvolutionWay>

    /// The weights, packed for the ways to compute that a convolution may take.
    enum Weights: Sendable {
        /// In fp32, (kernel row, kernel column, input channel) x output channel.
        case single(PackedPanels)
        /// The same as pairs of bfloat16, neighbouring input channels together.
        case pairs(PackedPanels)
        /// As `single`, in bfloat16, and widened to fp32 where they are transformed: for Winograd's filtering only.
        case halves(PackedPanels)
        /// Transformed, for Winograd's filtering with products of pairs.
        case filtered(PackedPanels)
    }

    /// - Parameters:
    ///   - weight: output channels x input channels x kernel x kernel, as PyTorch stores it.
    ///   - bias: one value an output channel.
    ///   - precision: of the products; the weights stay in fp32 all the same where a way with fewer products costs less than
    ///     narrower ones.
    ///   - ways: in fp32. Only `direct` where what follows amplifies rounding.
    ///   - storesHalves: whether in bf16 weights take 16 bits even where products are computed in fp32.
    ///   - filtersPairs: whether in bf16 Winograd's filtering may multiply pairs, which rounds nearly twice as much as pairs that are
    ///     multiplied as the definition reads, and takes 16/9 of their memory.
    ///   - usualExtent: rows and columns of most outputs, which tells what costs less; any others are computed as well.
    package init(
        weight: WeightMatrix, bias: [Float]?, inputChannels: Int, outputChannels: Int, kernel: Int, stride: Int = 1,
        padding: Int, precision: Precision = .fp32, ways: Set<ConvolutionWay> = Set(ConvolutionWay.allCases),
        storesHalves: Bool = false, filtersPairs: Bool = false, usualExtent: Int = Self.usualExtent
    ) {
        precondition(weight.outputs == outputChannels && weight.count == outputChannels * inputChannels * kernel * kernel)
        shape = ConvolutionShape(
            inputChannels: inputChannels, outputChannels: outputChannels, kernel: kernel, stride: stride, padding: padding)
        self.bias = bias
        self.ways = ways
        let form = Self.form(
            shape, precision, ways, storesHalves: storesHalves, filtersPairs: filtersPairs, usualExtent: usualExtent)
        let panels = PackedPanels(
            inputs: inputChannels, taps: kernel * kernel, outputs: outputChannels, form: form
        ) { weight.read($0, into: $1) }
        weight.leaveMemory()
        weights = switch form {
        case .single: .single(panels)
        case .pairs: .pairs(panels)
        case .halves: .halves(panels)
        case .filtered: .filtered(panels)
        }
    }

    /// Where nothing is known of the outputs: a middling size.
    package static let usualExtent = 32

    private static func form(
        _ shape: ConvolutionShape, _ precision: Precision, _ ways: Set<ConvolutionWay>, storesHalves: Bool, filtersPairs: Bool,
        usualExtent: Int
    ) -> PackedPanels.Form {
        guard precision == .bf16 else { return .single }
        if filtersPairs, ConvolutionWay.filteredPairsCostLess(than: ways, shape, extent: usualExtent) { return .filtered }
        if ConvolutionWay.pairsCostLess(than: ways, shape, extent: usualExtent) { return .pairs }
        return storesHalves ? .halves : .single
    }

    package init(
        weight: [Float], bias: [Float]?, inputChannels: Int, outputChannels: Int, kernel: Int, stride: Int = 1,
        padding: Int, precision: Precision = .fp32, ways: Set<ConvolutionWay> = Set(ConvolutionWay.allCases),
        storesHalves: Bool = false, filtersPairs: Bool = false, usualExtent: Int = Self.usualExtent
    ) {
        self.init(
            weight: WeightMatrix(weight, outputs: outputChannels), bias: bias, inputChannels: inputChannels,
            outputChannels: outputChannels, kernel: kernel, stride: stride, padding: padding, precision: precision, ways: ways,
            storesHalves: storesHalves, filtersPairs: filtersPairs, usualExtent: usualExtent)
    }

    /// What follows the sums: `activation(scale * (sum + bias) + shift) + residual`.
    package struct Epilogue {
        /// Batch x output channels; both or neither.
        package var scale: [Float]?
        package var shift: [Float]?
        package var activation = Activation.none
        /// Shaped like the output; may be the output itself.
        package var residual: Tensor?

        package init(
            scale: [Float]? = nil, shift: [Float]? = nil, activation: Activation = .none, residual: Tensor? = nil
        ) {
            self.scale = scale
            self.shift = shift
            self.activation = activation
            self.residual = residual
        }
    }

    /// Convolves the sources, joined along their channels in the order given.
    ///
    /// - Parameters:
    ///   - upsampled: double height and width first, each pixel repeated (nearest).
    ///   - output: where the result goes; a new tensor where nil.
    package func callAsFunction(
        _ sources: [Tensor], upsampled: Bool = false, epilogue: Epilogue = Epilogue(), into output: Tensor? = nil,
        in workspace: Workspace
    ) -> Tensor {
        let zoom = upsampled ? 2 : 1
        precondition(sources.reduce(0) { $0 + $1.channels } == shape.inputChannels)
        let output = output ?? workspace.tensor(
            batch: sources[0].batch, height: shape.outputExtent(sources[0].height * zoom),
            width: shape.outputExtent(sources[0].width * zoom), channels: shape.outputChannels)
        let call = ConvolutionCall(
            shape: shape, bias: bias, sources: sources, zoom: zoom, epilogue: epilogue, output: output)
        workspace.metered(call.meterLayer) { compute(call, in: workspace) }
        return output
    }

    /// The one place where a call's way is chosen: by the weights' format, then by what it costs.
    ///
    /// The choice depends on one sample's shape only, neither on the batch nor on threads, since ways differ in rounding.
    private func compute(_ call: ConvolutionCall, in workspace: Workspace) {
        switch weights {
        case .single(let panels):
            switch way(of: ways.intersection(workspace.convolutionWays), height: call.output.height, width: call.output.width) {
            case .direct where PatchConvolution.takes(call, in: workspace):
                PatchConvolution(call: call, panels: panels).run(in: workspace)
            case .direct: DirectConvolution(call: call, panels: panels).run(in: workspace)
            case .winograd2: WinogradConvolution(call: call, panels: panels, outputs: 2).run(in: workspace)
            case .winograd4: WinogradConvolution(call: call, panels: panels, outputs: 4).run(in: workspace)
            }
        case .pairs(let panels):
            // The sums are the same in either.
            if PatchConvolution.takes(call, in: workspace) {
                PatchConvolution(call: call, panels: panels).run(in: workspace)
            } else {
                PairConvolution(call: call, panels: panels).run(in: workspace)
            }
        case .filtered(let panels): PairFiltering(call: call, panels: panels).run(in: workspace)
        case .halves(let panels):
            let way = way(of: [.winograd2, .winograd4], height: call.output.height, width: call.output.width)
            WinogradConvolution(call: call, panels: panels, outputs: way == .winograd4 ? 4 : 2).run(in: workspace)
        }
    }

    /// The way that outputs of this size are computed in fp32.
    package func way(of ways: Set<ConvolutionWay> = Set(ConvolutionWay.allCases), height: Int, width: Int) -> ConvolutionWay {
        ConvolutionWay.cheapest(of: ways, shape, height: height, width: width)
    }
}
