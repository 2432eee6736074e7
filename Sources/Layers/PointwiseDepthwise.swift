import CKernels
package import Checkpoints
package import Compute

/// A 1x1 convolution of normalised pixels, a depthwise 3x3 one of what that gives, and a gate: row by row, so that what lies
/// between them, twice as wide as the result, is never there whole.
///
///     m = W norm(x) + b;  d = depthwise(m) + e;  result = d, or first half of d times the second (or gelu(first) * second)
///
/// The product may be of bfloat16; m, and all behind it, is fp32.
/// Channels are worked on in blocks of 32 with their gates beside them. A thread keeps three rows of a few blocks in its cache.
package struct PointwiseDepthwise: Sendable {
    package enum Gate: Sendable {
        case none, product, gelu

        fileprivate var kernel: kernel_gate {
            switch self {
            case .none: KERNEL_GATE_NONE
            case .product: KERNEL_GATE_PRODUCT
            case .gelu: KERNEL_GATE_GELU
            }
        }
    }

    package let inputs: Int
    package let outputs: Int
    private let gate: Gate
    /// To the channels of each block, then those of its gates; 32 each, zeros where there are fewer.
    private let pointwise: Linear
    /// Block by block nine taps and the bias.
    private let depthwise: [Float]
    private let blockWidth: Int

    private static let panel = PackedPanels.width
    /// Of the rows that a thread keeps, in floats: with more they would leave the cache.
    private static let ringFloats = 64 << 10
    /// Fixed, so that the order of sums never depends on the number of threads. Each band computes two rows that are its
    /// neighbours' as well.
    private static let bandRows = 16

    /// - Parameters:
    ///   - pointwise: weight, a row of `inputs` for each channel between, and bias.
    ///   - depthwise: nine taps for each channel between, and bias.
    ///   - outputs: channels of the result: as many as there are between, with a gate half as many.
    ///   - precision: of the 1x1 convolution's products.
    package init(
        pointwise: (weight: [Float], bias: [Float]?), depthwise: (weight: [Float], bias: [Float]?), inputs: Int,
        outputs: Int, gate: Gate, precision: Precision = .fp32
    ) {
        let parts = gate == .none ? 1 : 2
        precondition(pointwise.weight.count == parts * outputs * inputs)
        precondition(depthwise.weight.count == parts * outputs * 9)
        self.inputs = inputs
        self.outputs = outputs
        self.gate = gate
        let blocks = (outputs + Self.panel - 1) / Self.panel
        let blockWidth = parts * Self.panel
        self.blockWidth = blockWidth
        /// The channel that stands in a place of a block; nil where none does.
        func channel(_ block: Int, _ place: Int) -> Int? {
            let (part, lane) = place.quotientAndRemainder(dividingBy: Self.panel)
            let index = block * Self.panel + lane
            return index < outputs ? part * outputs + index : nil
        }
        var weight = [Float](repeating: 0, count: blocks * blockWidth * inputs)
        var bias = [Float](repeating: 0, count: blocks * blockWidth)
        var taps = [Float](repeating: 0, count: blocks * blockWidth * 10)
        for block in 0..<blocks {
            for place in 0..<blockWidth {
                guard let source = channel(block, place) else { continue }
                let target = block * blockWidth + place
                for input in 0..<inputs { weight[target * inputs + input] = pointwise.weight[source * inputs + input] }
                bias[target] = pointwise.bias?[source] ?? 0
                for tap in 0..<9 { taps[(block * 10 + tap) * blockWidth + place] = depthwise.weight[source * 9 + tap] }
                taps[(block * 10 + 9) * blockWidth + place] = depthwise.bias?[source] ?? 0
            }
        }
        self.pointwise = Linear(
            weight: weight, bias: pointwise.bias == nil ? nil : bias, inputs: inputs, outputs: blocks * blockWidth,
            precision: precision)
        self.depthwise = taps
    }

    /// - Parameters:
    ///   - norm: of the input's pixels.
    ///   - summing: whether the sums of each channel over all pixels are wanted.
    /// - Returns: the result; and those sums, a row of `outputs` for each sample.
    package func callAsFunction(
        _ input: Tensor, norm: PixelNorm, summing: Bool = false, in workspace: Workspace
    ) -> (result: Tensor, sums: [[Double]]) {
        precondition(input.channels == inputs && norm.channels == inputs)
        let output = workspace.tensor(
            batch: input.batch, height: input.height, width: input.width, channels: outputs)
        let plan = Plan(self, input, threads: workspace.team.size)
        let ringRow = (input.width + 2) * plan.groupBlocks * blockWidth
        let scratch = workspace.scratch(floats: 3 * ringRow + input.width * inputs)
        let sums = workspace.tensor(
            batch: input.batch, height: plan.bands, width: plan.blocks, channels: Self.panel)
        sums.base.update(repeating: 0, count: summing ? sums.count : 0)
        // What several parts need is there once.
        let isNormalised = plan.groups > 1
        let source = isNormalised ? norm.operands(input, form: pointwise.panels.form, in: workspace) : input
        workspace.metered(layer(output)) {
            workspace.team.run(plan.count) { item, thread in
                let part = plan.part(item)
                let work = Work(
                    input: source, isNormalised: isNormalised, output: output, part: part, norm: norm,
                    sums: summing ? sums.sample(part.sample) + part.band * plan.blocks * Self.panel : nil,
                    normalised: scratch[thread] + 3 * ringRow, ring: scratch[thread], ringRow: ringRow,
                    ringPixel: part.blocks.count * blockWidth)
                compute(work, kernels: workspace.kernels)
            }
        }
        return (output, summing ? total(sums) : [])
    }

    private func layer(_ output: Tensor) -> OperationMeter.Layer {
        let between = outputs * (gate == .none ? 1 : 2)
        return OperationMeter.Layer(
            "1x1 \(inputs) to \(between), depthwise 3x3", of: output,
            multiplyAdds: output.batch * output.pixels * between * (inputs + 9))
    }

    private func total(_ sums: Tensor) -> [[Double]] {
        (0..<sums.batch).map { sample in
            var result = [Double](repeating: 0, count: outputs)
            for band in 0..<sums.height {
                let row = sums.sample(sample) + band * sums.width * Self.panel
                for channel in 0..<outputs { result[channel] += Double(row[channel]) }
            }
            return result
        }
    }

    // MARK: A thread's share

    private struct Work {
        let input: Tensor
        /// Whether the input is what the norm gave, in the form that the weights take.
        let isNormalised: Bool
        let output: Tensor
        let part: Part
        let norm: PixelNorm
        let sums: UnsafeMutablePointer<Float>?
        let normalised: UnsafeMutablePointer<Float>
        /// Three rows between the convolutions, a pixel of zeros at either end; row y lies in place y % 3.
        let ring: UnsafeMutablePointer<Float>
        let ringRow: Int
        let ringPixel: Int
    }

    private func compute(_ work: Work, kernels: kernel_set) {
        let rows = work.part.rows
        fill(rows.lowerBound - 1, work, kernels)
        fill(rows.lowerBound, work, kernels)
        for row in rows {
            fill(row + 1, work, kernels)
            convolve(row, work, kernels)
        }
    }

    private func place(ofRow row: Int, _ work: Work) -> UnsafeMutablePointer<Float> {
        work.ring + (row + 3) % 3 * work.ringRow
    }

    /// Computes a row of what lies between the convolutions: zeros outside the picture.
    private func fill(_ row: Int, _ work: Work, _ kernels: kernel_set) {
        let target = place(ofRow: row, work)
        let (width, pixel) = (work.input.width, work.ringPixel)
        guard row >= 0, row < work.input.height else {
            target.update(repeating: 0, count: (width + 2) * pixel)
            return
        }
        target.update(repeating: 0, count: pixel)
        (target + (width + 1) * pixel).update(repeating: 0, count: pixel)
        let source = UnsafePointer(work.input.sample(work.part.sample) + row * width * work.input.channels)
        let operands: UnsafePointer<Float>
        if work.isNormalised {
            operands = source
        } else {
            work.norm.apply(
                source, to: work.normalised, form: pointwise.panels.form, rows: width, ofSample: work.part.sample,
                kernels: kernels)
            operands = UnsafePointer(work.normalised)
        }
        let panels = work.part.blocks.lowerBound * blockWidth / Self.panel..<work.part.blocks.upperBound * blockWidth / Self.panel
        // The panel's columns land at `output + panel * 32`: shift the base so that they start behind the first pixel.
        pointwise.apply(
            panelRange: panels,
            to: Linear.Rows(
                input: operands, inputStride: pointwise.panels.rows,
                output: target + pixel - panels.lowerBound * Self.panel, outputStride: pixel),
            count: width, activation: .none, kernels: kernels)
    }

    private func convolve(_ row: Int, _ work: Work, _ kernels: kernel_set) {
        let target = work.output.sample(work.part.sample) + row * work.output.width * outputs
        depthwise.withUnsafeBufferPointer { taps in
            guard let taps = taps.baseAddress else { return }
            for block in work.part.blocks {
                let offset = (block - work.part.blocks.lowerBound) * blockWidth
                let weights = taps + block * 10 * blockWidth
                var job = kernel_depthwise()
                job.rows = (
                    UnsafePointer(place(ofRow: row - 1, work) + offset), UnsafePointer(place(ofRow: row, work) + offset),
                    UnsafePointer(place(ofRow: row + 1, work) + offset)
                )
                job.pixel_stride = work.ringPixel
                job.pixels = work.output.width
                job.channels = min(Self.panel, outputs - block * Self.panel)
                job.gate_distance = Self.panel
                job.weights = weights
                job.weight_stride = blockWidth
                job.bias = weights + 9 * blockWidth
                job.gate = gate.kernel
                job.output = target + block * Self.panel
                job.output_stride = outputs
                job.sums = work.sums.map { $0 + block * Self.panel }
                kernels.pixels.pointee.depthwise(&job)
            }
        }
    }

    // MARK: Parts

    private struct Part {
        let sample: Int
        let band: Int
        let rows: Range<Int>
        let blocks: Range<Int>
    }

    /// How the work is cut: bands of rows, and groups of blocks of channels.
    private struct Plan {
        let blocks: Int
        let groupBlocks: Int
        let groups: Int
        let bands: Int
        let height: Int
        let count: Int

        /// The bands, and with them the order of sums, are the same for any number of threads; groups are not.
        init(_ layer: PointwiseDepthwise, _ input: Tensor, threads: Int) {
            height = input.height
            blocks = (layer.outputs + PointwiseDepthwise.panel - 1) / PointwiseDepthwise.panel
            bands = (height + PointwiseDepthwise.bandRows - 1) / PointwiseDepthwise.bandRows
            let cached = PointwiseDepthwise.ringFloats / (3 * (input.width + 2) * layer.blockWidth)
            // Enough parts for all threads.
            let shares = max(1, 2 * threads / (input.batch * bands))
            groupBlocks = min(blocks, max(1, min(cached, (blocks + shares - 1) / shares)))
            groups = (blocks + groupBlocks - 1) / groupBlocks
            count = input.batch * bands * groups
        }

        func part(_ item: Int) -> Part {
            let (rest, group) = item.quotientAndRemainder(dividingBy: groups)
            let (sample, band) = rest.quotientAndRemainder(dividingBy: bands)
            let first = band * PointwiseDepthwise.bandRows
            return Part(
                sample: sample, band: band, rows: first..<min(height, first + PointwiseDepthwise.bandRows),
                blocks: group * groupBlocks..<min(blocks, (group + 1) * groupBlocks))
        }
    }
}
