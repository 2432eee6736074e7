import CKernels
package import Compute

/// A two-dimensional convolution with zero padding, computed directly: no unrolled copy of the input.
///
/// A thread copies a band of input rows with its padding into scratch memory that stays in its cache (joining several
/// sources and doubling pixels on the way where asked), then runs the panel kernel along each output row: with channels
/// last, the kernel's width times the input channels is one contiguous run.
package struct Convolution: Sendable {
    package let inputChannels: Int
    package let outputChannels: Int
    package let kernel: Int
    package let stride: Int
    package let padding: Int
    let panels: PackedPanels
    let bias: [Float]?

    /// - Parameters:
    ///   - weight: output channels x input channels x kernel x kernel, as PyTorch stores it.
    ///   - bias: one value an output channel.
    package init(
        weight: [Float], bias: [Float]?, inputChannels: Int, outputChannels: Int, kernel: Int, stride: Int = 1,
        padding: Int
    ) {
        precondition(weight.count == outputChannels * inputChannels * kernel * kernel)
        self.inputChannels = inputChannels
        self.outputChannels = outputChannels
        self.kernel = kernel
        self.stride = stride
        self.padding = padding
        self.bias = bias
        panels = weight.withUnsafeBufferPointer { weight in
            PackedPanels(rows: kernel * kernel * inputChannels, columns: outputChannels) { row, column in
                let (tap, channel) = (row / inputChannels, row % inputChannels)
                return weight[(column * inputChannels + channel) * kernel * kernel + tap]
            }
        }
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
        let height = (sources[0].height * zoom + 2 * padding - kernel) / stride + 1
        let width = (sources[0].width * zoom + 2 * padding - kernel) / stride + 1
        precondition(sources.reduce(0) { $0 + $1.channels } == inputChannels)
        let output = output ?? workspace.tensor(
            batch: sources[0].batch, height: height, width: width, channels: outputChannels)
        let plan = BandPlan(self, height: height, width: width, batch: output.batch, threads: workspace.team.size)
        let scratch = workspace.scratch(floats: plan.scratchFloats)
        workspace.metered(layer(output)) {
            workspace.team.run(plan.count) { item, thread in
                let band = plan.band(item)
                gather(sources, band: band, zoom: zoom, into: scratch[thread])
                multiply(scratch[thread], band: band, epilogue: epilogue, output: output, kernels: workspace.kernels)
            }
        }
        return output
    }

    private func layer(_ output: Tensor) -> OperationMeter.Layer {
        OperationMeter.Layer(
            "convolution \(kernel)x\(kernel) \(inputChannels) to \(outputChannels)", of: output,
            multiplyAdds: output.count * inputChannels * kernel * kernel)
    }

    /// Copies the input of a band: `inputRows` rows of `inputWidth` pixels, zeros outside the picture.
    private func gather(_ sources: [Tensor], band: Band, zoom: Int, into scratch: UnsafeMutablePointer<Float>) {
        let height = sources[0].height * zoom
        let width = sources[0].width * zoom
        let left = band.columns.lowerBound * stride - padding
        let first = min(max(0, -left), band.inputWidth)
        let last = min(max(first, width - left), band.inputWidth)
        for row in 0..<band.inputRows {
            let y = band.rows.lowerBound * stride - padding + row
            let target = scratch + row * band.inputWidth * inputChannels
            guard y >= 0, y < height else {
                target.update(repeating: 0, count: band.inputWidth * inputChannels)
                continue
            }
            target.update(repeating: 0, count: first * inputChannels)
            (target + last * inputChannels).update(repeating: 0, count: (band.inputWidth - last) * inputChannels)
            var offset = 0
            for source in sources {
                let line = source.sample(band.sample) + (y / zoom) * source.width * source.channels
                copy(
                    line, channels: source.channels, zoom: zoom, from: left + first, count: last - first,
                    to: target + first * inputChannels + offset)
                offset += source.channels
            }
        }
    }

    private func copy(
        _ line: UnsafeMutablePointer<Float>, channels: Int, zoom: Int, from x: Int, count: Int,
        to target: UnsafeMutablePointer<Float>
    ) {
        if zoom == 1, channels == inputChannels {
            target.update(from: line + x * channels, count: count * channels)
            return
        }
        for index in 0..<count {
            (target + index * inputChannels).update(from: line + (x + index) / zoom * channels, count: channels)
        }
    }

    private func multiply(
        _ scratch: UnsafeMutablePointer<Float>, band: Band, epilogue: Epilogue, output: Tensor, kernels: kernel_set
    ) {
        let line = band.inputWidth * inputChannels
        bias.withOptionalPointer { bias in
            epilogue.scale.withOptionalPointer { scale in
                epilogue.shift.withOptionalPointer { shift in
                    withUnsafeTemporaryAllocation(of: UnsafePointer<Float>?.self, capacity: kernel) { taps in
                        var job = kernel_panel()
                        job.taps = UnsafePointer(taps.baseAddress)
                        job.tap_count = kernel
                        job.depth = kernel * inputChannels
                        job.depth_stride = 1
                        job.pixel_stride = stride * inputChannels
                        job.pixels = band.columns.count
                        job.activation = epilogue.activation.kernel
                        job.residual_stride = outputChannels
                        job.output_stride = outputChannels
                        for panel in 0..<panels.count {
                            let column = panel * PackedPanels.width
                            let modulation = band.sample * outputChannels + column
                            job.weights = panels.panel(panel)
                            job.columns = panels.columns(in: panel)
                            job.bias = bias.map { $0 + column }
                            job.scale = scale.map { $0 + modulation }
                            job.shift = shift.map { $0 + modulation }
                            for row in band.rows {
                                let top = (row - band.rows.lowerBound) * stride
                                for tap in 0..<kernel { taps[tap] = UnsafePointer(scratch + (top + tap) * line) }
                                let pixel = (row * output.width + band.columns.lowerBound) * outputChannels + column
                                job.output = output.sample(band.sample) + pixel
                                job.residual = epilogue.residual.map { UnsafePointer($0.sample(band.sample) + pixel) }
                                kernels.panel(&job)
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A part of one sample's output that one thread computes at a time.
private struct Band {
    let sample: Int
    let rows: Range<Int>
    let columns: Range<Int>
    let inputRows: Int
    let inputWidth: Int
}

/// How the output is cut into bands: their input should stay in a core's cache, and each thread should get several.
private struct BandPlan {
    private static let cacheFloats = 128 << 10
    private static let longestRun = 256

    private let convolution: Convolution
    private let height: Int
    private let width: Int
    private let columns: Int
    private let rows: Int
    private let rowBands: Int
    private let columnBands: Int
    let count: Int

    init(_ convolution: Convolution, height: Int, width: Int, batch: Int, threads: Int) {
        self.convolution = convolution
        self.height = height
        self.width = width
        columnBands = (width + Self.longestRun - 1) / Self.longestRun
        columns = (width + columnBands - 1) / columnBands
        let line = Self.inputExtent(columns, convolution) * convolution.inputChannels
        let cached = max(1, (Self.cacheFloats / max(1, line) - convolution.kernel) / convolution.stride + 1)
        let shared = max(1, height * batch * columnBands / (threads * 4))
        rows = min(height, cached, shared)
        rowBands = (height + rows - 1) / max(1, rows)
        count = batch * rowBands * columnBands
    }

    private static func inputExtent(_ outputs: Int, _ convolution: Convolution) -> Int {
        (outputs - 1) * convolution.stride + convolution.kernel
    }

    var scratchFloats: Int {
        Self.inputExtent(rows, convolution) * Self.inputExtent(columns, convolution) * convolution.inputChannels
    }

    func band(_ item: Int) -> Band {
        let (rest, column) = item.quotientAndRemainder(dividingBy: columnBands)
        let (sample, row) = rest.quotientAndRemainder(dividingBy: rowBands)
        let rowRange = row * rows..<min(height, (row + 1) * rows)
        let columnRange = width * column / columnBands..<width * (column + 1) / columnBands
        return Band(
            sample: sample, rows: rowRange, columns: columnRange,
            inputRows: Self.inputExtent(rowRange.count, convolution),
            inputWidth: Self.inputExtent(columnRange.count, convolution))
    }
}
