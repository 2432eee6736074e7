import CKernels
package import Compute

/// The part of a block that looks at one pixel at a time, in one go over a few pixels, so that nothing of it is stored but the
/// result; products are in the precision of the three layers, what is between them in fp32:
///
///     y = x + W (h * scale) + b
///     result = y + V gate(U norm(y) + u) + v, gate(p, q) = p * q
package struct PixelwiseUpdate: Sendable {
    package let channels: Int
    private let project: Linear  // W, b
    private let expand: Linear  // U, u
    private let contract: Linear  // V, v

    /// Pixels that a thread has in its cache at a time.
    private static let mostPixels = 64
    private static let leastPixels = 14

    /// - Precondition: all layers are of `channels`, `expand` to twice as many, and their weights of one form.
    package init(project: Linear, expand: Linear, contract: Linear) {
        channels = project.outputs
        precondition(project.inputs == channels && expand.inputs == channels && expand.outputs == 2 * channels)
        precondition(contract.inputs == channels && contract.outputs == channels)
        precondition(expand.panels.form == project.panels.form && contract.panels.form == project.panels.form)
        self.project = project
        self.expand = expand
        self.contract = contract
    }

    /// Puts the result in the place of x.
    ///
    /// - Parameters:
    ///   - state: x.
    ///   - hidden: h; like `state`.
    ///   - scales: of h, a row for each sample; nil for none.
    ///   - norm: of y.
    ///   - addend: added to the result as well; nil for none.
    package func apply(
        to state: Tensor, hidden: Tensor, scales: [[Float]]?, norm: PixelNorm, adding addend: Tensor? = nil,
        in workspace: Workspace
    ) {
        precondition(state.channels == channels && hidden.count == state.count)
        // Fewer and the weights of many channels would be fetched again too often.
        let share = (state.batch * state.pixels + 2 * workspace.team.size - 1) / (2 * workspace.team.size)
        let chunk = min(Self.mostPixels, max(Self.leastPixels, share))
        let chunks = (state.pixels + chunk - 1) / chunk
        let scratch = workspace.scratch(floats: 5 * chunk * channels)
        workspace.metered(layer(state)) {
            workspace.team.run(state.batch * chunks) { item, thread in
                let (sample, index) = item.quotientAndRemainder(dividingBy: chunks)
                let first = index * chunk
                let offset = first * channels
                update(
                    Chunk(
                        sample: sample, pixels: min(chunk, state.pixels - first), state: state.sample(sample) + offset,
                        hidden: hidden.sample(sample) + offset, addend: addend.map { $0.sample(sample) + offset },
                        scales: scales?[sample], scratch: scratch[thread]),
                    norm: norm, kernels: workspace.kernels)
            }
        }
    }

    private func layer(_ state: Tensor) -> OperationMeter.Layer {
        OperationMeter.Layer(
            "pixelwise update \(channels)", of: state,
            multiplyAdds: state.batch * state.pixels * 4 * channels * channels)
    }

    private struct Chunk {
        let sample: Int
        let pixels: Int
        let state: UnsafeMutablePointer<Float>
        let hidden: UnsafePointer<Float>
        let addend: UnsafePointer<Float>?
        let scales: [Float]?
        let scratch: UnsafeMutablePointer<Float>
    }

    private func update(_ chunk: Chunk, norm: PixelNorm, kernels: kernel_set) {
        let (pixels, count) = (chunk.pixels, chunk.pixels * channels)
        let middle = chunk.scratch
        let scaled = middle + count
        let normalised = scaled + count
        let wide = normalised + count
        let form = project.panels.form
        let gate = form == .pairs ? kernels.pixels.pointee.multiply_pairs : kernels.pixels.pointee.multiply
        let source = operand(chunk, into: scaled, form, kernels)
        multiply(project, source, to: middle, channels, residual: chunk.state, pixels, kernels)
        norm.apply(middle, to: normalised, form: form, rows: pixels, ofSample: chunk.sample, kernels: kernels)
        if let addend = chunk.addend { kernels.pixels.pointee.accumulate(addend, middle, count) }
        multiply(expand, normalised, to: wide, 2 * channels, residual: nil, pixels, kernels)
        // The gate's result takes the place of what was normalised.
        gate?(wide, wide + channels, 2 * channels, normalised, form.elements(of: channels), pixels, channels)
        multiply(contract, normalised, to: chunk.state, channels, residual: middle, pixels, kernels)
    }

    /// h * scale, in the form that the weights take.
    private func operand(
        _ chunk: Chunk, into scaled: UnsafeMutablePointer<Float>, _ form: PackedPanels.Form, _ kernels: kernel_set
    ) -> UnsafePointer<Float> {
        let stride = form.elements(of: channels)
        guard let scales = chunk.scales else {
            guard form == .pairs else { return chunk.hidden }
            kernels.narrowRows(
                chunk.hidden, stride: channels, to: scaled, targetStride: stride, rows: chunk.pixels, width: channels)
            return UnsafePointer(scaled)
        }
        let scale = form == .pairs ? kernels.pixels.pointee.scale_pairs : kernels.pixels.pointee.scale
        scales.withUnsafeBufferPointer { scales in
            scale?(chunk.hidden, channels, scaled, stride, chunk.pixels, channels, scales.baseAddress, nil)
            return
        }
        return UnsafePointer(scaled)
    }

    private func multiply(
        _ layer: Linear, _ input: UnsafePointer<Float>, to output: UnsafeMutablePointer<Float>, _ outputStride: Int,
        residual: UnsafePointer<Float>?, _ pixels: Int, _ kernels: kernel_set
    ) {
        layer.apply(
            panelRange: 0..<layer.panels.count,
            to: Linear.Rows(
                input: input, inputStride: layer.panels.rows, output: output, outputStride: outputStride,
                residual: residual, residualStride: channels),
            count: pixels, activation: .none, kernels: kernels)
    }
}
