import CKernels
package import Compute

/// Attention that is linear in the pixels (Shen et al., 2021, "Efficient attention"), fused from its first
/// normalisation to its last, so that queries, keys and values exist for a few hundred pixels at a time only.
///
/// With n = norm(x): q = softmax over a head's 32 channels times 32^-0.5, k = softmax over all pixels, v divided by the
/// number of pixels; context = k v^T a head; result = outputNorm(W (context^T q) + b).
package struct LinearAttention: Sendable {
    /// Channels of a head: one panel of the kernels.
    package static let headWidth = PackedPanels.width

    package let channels: Int
    package let heads: Int
    let norm: LayerNorm
    let projections: Linear
    let output: Linear
    let outputNorm: LayerNorm

    /// Fixed, so that the order of the sums over pixels never depends on the number of threads.
    private static let chunk = 256
    /// Pixels whose queries a thread holds at a time: four tiles of the kernel's, in the first-level cache.
    private static let queryRows = 56

    /// - Parameters:
    ///   - projections: `channels` to queries, keys and values of all heads, in this order, without bias.
    ///   - output: all heads back to `channels`, in fp32: its weights are folded into each sample's own map.
    package init(heads: Int, norm: LayerNorm, projections: Linear, output: Linear, outputNorm: LayerNorm) {
        precondition(projections.outputs == 3 * heads * Self.headWidth && output.inputs == heads * Self.headWidth)
        precondition(output.panels.form == .single)
        channels = projections.inputs
        self.heads = heads
        self.norm = norm
        self.projections = projections
        self.output = output
        self.outputNorm = outputNorm
    }

    /// - Parameter residual: add the input to the result.
    package func callAsFunction(_ input: Tensor, residual: Bool, in workspace: Workspace) -> Tensor {
        let result = workspace.tensor(
            batch: input.batch, height: input.height, width: input.width, channels: channels)
        workspace.metered(layer(result)) {
            let summaries = summarise(input, in: workspace)
            let maps = foldContexts(summaries, pixels: input.pixels, batch: input.batch, in: workspace)
            apply(maps, to: input, residual: residual, result: result, in: workspace)
        }
        return result
    }

    /// Projections in and out, and a head's two products with 32 x 32 matrices.
    private func layer(_ result: Tensor) -> OperationMeter.Layer {
        let inner = heads * Self.headWidth
        return OperationMeter.Layer(
            "linear attention \(channels)", of: result,
            multiplyAdds: result.batch * result.pixels * inner * (4 * channels + Self.headWidth))
    }

    // MARK: First pass: contexts

    /// What a chunk of pixels adds to a head's context: column maxima of k, sums of exp(k - maximum), and
    /// exp(k - maximum)^T v.
    private enum Summary {
        static let maximum = 0
        static let sum = headWidth
        static let context = 2 * headWidth
        static let count = (2 + headWidth) * headWidth
    }

    private func summarise(_ input: Tensor, in workspace: Workspace) -> Tensor {
        let chunks = (input.pixels + Self.chunk - 1) / Self.chunk
        let result = workspace.tensor(
            batch: input.batch, height: chunks, width: heads, channels: Summary.count)
        let scratch = workspace.scratch(floats: Self.chunk * (channels + 2 * Self.headWidth))
        workspace.team.run(input.batch * chunks) { item, thread in
            let (sample, index) = item.quotientAndRemainder(dividingBy: chunks)
            let first = index * Self.chunk
            let count = min(Self.chunk, input.pixels - first)
            let normalised = scratch[thread]
            let keys = normalised + Self.chunk * channels
            let values = keys + Self.chunk * Self.headWidth
            norm.apply(
                input.sample(sample) + first * channels, inputStride: channels, output: normalised,
                outputStride: projections.panels.rows, rows: count, form: projections.panels.form,
                kernels: workspace.kernels)
            for head in 0..<heads {
                project(normalised, count: count, panel: heads + head, to: keys, kernels: workspace.kernels)
                project(normalised, count: count, panel: 2 * heads + head, to: values, kernels: workspace.kernels)
                let summary = result.sample(sample) + (index * heads + head) * Summary.count
                workspace.kernels.column_maximum(keys, count, summary + Summary.maximum)
                summarise(keys: keys, values: values, count: count, to: summary, kernels: workspace.kernels)
            }
        }
        return result
    }

    /// The rest of a summary whose maxima are there; what keys and values were is gone then.
    private func summarise(
        keys: UnsafeMutablePointer<Float>, values: UnsafeMutablePointer<Float>, count: Int,
        to summary: UnsafeMutablePointer<Float>, kernels: kernel_set
    ) {
        let form = projections.panels.form
        switch form {
        case .single, .halves, .filtered: kernels.column_exponential(keys, count, summary + Summary.maximum, summary + Summary.sum)
        case .pairs:
            kernels.column_exponential_pairs(keys, count, summary + Summary.maximum, summary + Summary.sum)
            kernels.interleave(values, Self.headWidth, count, values)
        }
        multiply(
            keys, transposed: true, depth: form.elements(of: count), by: values, to: summary + Summary.context, form: form,
            kernels: kernels)
    }

    /// - Parameter rows: normalised, as the weights take them.
    private func project(
        _ rows: UnsafePointer<Float>, count: Int, panel: Int, to target: UnsafeMutablePointer<Float>,
        kernels: kernel_set
    ) {
        // The panel's columns land at `output + panel * 32`: shift the base so that they start at `target`.
        let operands = Linear.Rows(
            input: rows, inputStride: projections.panels.rows, output: target - panel * Self.headWidth,
            outputStride: Self.headWidth)
        projections.apply(panelRange: panel..<panel + 1, to: operands, count: count, kernels: kernels)
    }

    /// A 32 x `depth` matrix times a `depth` x 32 one; `depth` counts pairs where both are such.
    private func multiply(
        _ left: UnsafePointer<Float>, transposed: Bool, depth: Int, by right: UnsafePointer<Float>,
        to target: UnsafeMutablePointer<Float>, form: PackedPanels.Form = .single, kernels: kernel_set
    ) {
        kernel_panel.ofRows(
            left, stride: transposed ? 1 : Self.headWidth, count: Self.headWidth, depth: depth
        ) { job in
            if transposed { job.depth_stride = Self.headWidth }
            job.weights = right
            job.columns = Self.headWidth
            job.output = target
            job.output_stride = Self.headWidth
            kernels.multiply(&job, form)
        }
    }

    // MARK: Between: one map a sample

    /// Rows of a panel of a sample's map: heads x 32 values, or half as many pairs.
    private var mapDepth: Int { projections.panels.form.elements(of: heads * Self.headWidth) }

    /// Joins the chunks' summaries in order and folds the output projection in: what is left of a sample is one map of
    /// heads x 32 rows, in the kernels' panels.
    private func foldContexts(_ summaries: Tensor, pixels: Int, batch: Int, in workspace: Workspace) -> Tensor {
        let (square, headDepth) = (Self.headWidth * Self.headWidth, mapDepth / heads)
        let maps = workspace.tensor(
            batch: batch, height: output.panels.count, width: mapDepth, channels: PackedPanels.width)
        let scratch = workspace.scratch(floats: 2 * square)
        workspace.team.run(batch * heads) { item, thread in
            let (sample, head) = item.quotientAndRemainder(dividingBy: heads)
            let context = scratch[thread]
            join(
                summaries.sample(sample) + head * Summary.count, chunks: summaries.height, pixels: pixels,
                to: context)
            for panel in 0..<output.panels.count {
                let weights = output.panels.panel(panel) + head * square
                let target = maps.sample(sample) + (panel * mapDepth + head * headDepth) * PackedPanels.width
                let isPaired = projections.panels.form == .pairs
                let product = isPaired ? context + square : target
                multiply(
                    context, transposed: false, depth: Self.headWidth, by: weights, to: product,
                    kernels: workspace.kernels)
                if isPaired { workspace.kernels.interleave(product, Self.headWidth, Self.headWidth, target) }
            }
        }
        return maps
    }

    private func join(
        _ summaries: UnsafePointer<Float>, chunks: Int, pixels: Int, to context: UnsafeMutablePointer<Float>
    ) {
        let width = Self.headWidth
        context.update(repeating: 0, count: width * width)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * width) { rows in
            guard let maxima = rows.baseAddress else { return }
            let sums = maxima + width
            maxima.update(repeating: -Float.infinity, count: width)
            sums.update(repeating: 0, count: width)
            for chunk in 0..<chunks {
                let maximum = summaries + chunk * heads * Summary.count + Summary.maximum
                for row in 0..<width { maxima[row] = max(maxima[row], maximum[row]) }
            }
            // Chunk by chunk, as they lie: together they are larger than a cache.
            for chunk in 0..<chunks {
                let summary = summaries + chunk * heads * Summary.count
                for row in 0..<width {
                    let weight = Float.exponential(summary[Summary.maximum + row] - maxima[row])
                    sums[row] += summary[Summary.sum + row] * weight
                    let (source, target) = (summary + Summary.context + row * width, context + row * width)
                    for column in 0..<width { target[column] += source[column] * weight }
                }
            }
            for row in 0..<width {
                let factor = 1 / (sums[row] * Float(pixels))
                for column in 0..<width { context[row * width + column] *= factor }
            }
        }
    }

    // MARK: Second pass: queries through the map

    private func apply(
        _ maps: Tensor, to input: Tensor, residual: Bool, result: Tensor, in workspace: Workspace
    ) {
        let chunks = (input.pixels + Self.chunk - 1) / Self.chunk
        let inner = heads * Self.headWidth
        let scratch = workspace.scratch(floats: Self.queryRows * (channels + inner))
        let scale = 1 / Float(Self.headWidth).squareRoot()
        workspace.team.run(input.batch * chunks) { item, thread in
            let (sample, index) = item.quotientAndRemainder(dividingBy: chunks)
            let end = min((index + 1) * Self.chunk, input.pixels)
            for first in stride(from: index * Self.chunk, to: end, by: Self.queryRows) {
                let place = input.sample(sample) + first * channels
                let target = result.sample(sample) + first * channels
                let count = min(Self.queryRows, end - first)
                answer(
                    place, count: count, map: maps.sample(sample), scale: scale, scratch: scratch[thread], to: target,
                    kernels: workspace.kernels)
                if residual { workspace.kernels.pixels.pointee.accumulate(place, target, count * channels) }
            }
        }
    }

    /// Some pixels' queries, sent through a sample's map and normalised.
    private func answer(
        _ source: UnsafePointer<Float>, count: Int, map: UnsafePointer<Float>, scale: Float,
        scratch normalised: UnsafeMutablePointer<Float>, to target: UnsafeMutablePointer<Float>, kernels: kernel_set
    ) {
        let inner = heads * Self.headWidth
        let queries = normalised + Self.queryRows * channels
        let form = projections.panels.form
        norm.apply(
            source, inputStride: channels, output: normalised, outputStride: projections.panels.rows, rows: count,
            form: form, kernels: kernels)
        projections.apply(
            panelRange: 0..<heads,
            to: Linear.Rows(
                input: normalised, inputStride: projections.panels.rows, output: queries, outputStride: inner),
            count: count, kernels: kernels)
        kernels.softmax_heads(queries, count * heads, scale, form == .pairs ? 1 : 0)
        mapQueries(queries, count: count, map: map, to: target, kernels: kernels)
        outputNorm.apply(
            target, inputStride: channels, output: target, outputStride: channels, rows: count, kernels: kernels)
    }

    private func mapQueries(
        _ queries: UnsafePointer<Float>, count: Int, map: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>,
        kernels: kernel_set
    ) {
        let depth = mapDepth
        kernel_panel.ofRows(queries, stride: depth, count: count, depth: depth) { job in
            output.bias.withOptionalPointer { bias in
                for panel in 0..<output.panels.count {
                    let column = panel * PackedPanels.width
                    job.weights = map + panel * depth * PackedPanels.width
                    job.columns = output.panels.columns(in: panel)
                    job.bias = bias.map { $0 + column }
                    job.output = target + column
                    job.output_stride = channels
                    kernels.multiply(&job, projections.panels.form)
                }
            }
        }
    }
}
