import CKernels
import CSystem
package import Checkpoints
package import Compute
import Glibc

/// Attention of channels to one another (Restormer's MDTA; Zamir et al., CVPR 2022): linear in the pixels.
///
///     q, k, v = depthwise(W norm(x));  scores = softmax(q k^T / (|q| |k|) * temperature) a head;  x + P (scores v)
///
/// Lengths and products are over all pixels. P and the scores of a picture become one map, so that what is left to do for a pixel is
/// one product with its v.
package struct TransposedAttention: Sendable {
    package let channels: Int
    package let heads: Int
    private let projections: PointwiseDepthwise
    /// One a head.
    private let temperature: [Float]
    /// A row of `channels` for each result.
    private let output: [Float]
    /// One a result; nil for none.
    private let outputBias: [Float]?
    /// Of the products with v.
    private let precision: Precision

    /// Fixed, so that the order of the sums over pixels never depends on the number of threads.
    private static let chunk = 1_024
    /// Least lengths of q and k.
    private static let leastLength = 1e-12

    /// - Parameters:
    ///   - projections: to queries, keys and values, in this order, each `heads` times neighbouring channels.
    ///   - temperature: one a head.
    ///   - output: P, a row of `channels` for each result.
    ///   - outputBias: added to what P gives.
    ///   - precision: of the products with v; scores are fp32.
    package init(
        projections: PointwiseDepthwise, temperature: [Float], output: [Float], outputBias: [Float]? = nil,
        precision: Precision = .fp32
    ) {
        channels = projections.inputs
        heads = temperature.count
        precondition(projections.outputs == 3 * channels && channels % heads == 0)
        precondition(output.count == channels * channels)
        self.projections = projections
        self.temperature = temperature
        self.output = output
        self.outputBias = outputBias
        self.precision = precision
    }

    private var width: Int { channels / heads }

    /// Adds the result to a tensor, in its place.
    ///
    /// - Parameters:
    ///   - input: x; it may be `state` itself.
    ///   - observe: told queries, keys and values side by side.
    package func add(
        of input: Tensor, norm: PixelNorm, to state: Tensor, observe: ((Tensor) -> Void)? = nil, in workspace: Workspace
    ) {
        let projected = projections(input, norm: norm, in: workspace).result
        observe?(projected)
        let products = summarise(projected, in: workspace)
        for sample in 0..<input.batch {
            map(products, sample).add(projected, offset: 2 * channels, to: state, sample: sample, in: workspace)
        }
    }

    // MARK: Sums over pixels

    /// Of each chunk of pixels: squares of queries and keys, then a head's products after the other.
    private var summaryCount: Int { 2 * paddedChannels + channels * width }
    private var paddedChannels: Int { (channels + 15) / 16 * 16 }

    private func summarise(_ projected: Tensor, in workspace: Workspace) -> Tensor {
        let chunks = (projected.pixels + Self.chunk - 1) / Self.chunk
        let result = workspace.tensor(batch: projected.batch, width: chunks, channels: summaryCount)
        let work = OperationMeter.Layer(
            "attention across channels \(channels)", of: projected,
            multiplyAdds: projected.batch * projected.pixels * channels * width)
        workspace.metered(work) {
            workspace.team.run(projected.batch * chunks) { item, _ in
                let (sample, index) = item.quotientAndRemainder(dividingBy: chunks)
                let first = index * Self.chunk
                summarise(
                    projected.sample(sample) + first * 3 * channels, rows: min(Self.chunk, projected.pixels - first),
                    to: result.sample(sample) + index * summaryCount, kernels: workspace.kernels)
            }
        }
        return result
    }

    private func summarise(
        _ rows: UnsafeMutablePointer<Float>, rows count: Int, to summary: UnsafeMutablePointer<Float>,
        kernels: kernel_set
    ) {
        summary.update(repeating: 0, count: 2 * paddedChannels)
        for part in 0..<2 {
            kernels.pixels.pointee.square_sums(
                rows + part * channels, 3 * channels, count, channels, summary + part * paddedChannels)
        }
        let products = summary + 2 * paddedChannels
        for head in 0..<heads {
            cblas_sgemm(
                CblasRowMajor, CblasTrans, CblasNoTrans, blasint(width), blasint(width), blasint(count), 1,
                rows + head * width, blasint(3 * channels), rows + channels + head * width, blasint(3 * channels), 0,
                products + head * width * width, blasint(width))
        }
    }

    // MARK: One map a picture

    private func map(_ summaries: Tensor, _ sample: Int) -> Linear {
        var totals = [Double](repeating: 0, count: summaryCount)
        for chunk in 0..<summaries.width {
            let summary = summaries.sample(sample) + chunk * summaryCount
            for index in totals.indices { totals[index] += Double(summary[index]) }
        }
        func length(_ part: Int, _ channel: Int) -> Double {
            max(totals[part * paddedChannels + channel].squareRoot(), Self.leastLength)
        }
        var map = [Float](repeating: 0, count: channels * channels)
        for head in 0..<heads {
            var scores = [Float](repeating: 0, count: width * width)
            for row in 0..<width {
                let products = 2 * paddedChannels + (head * width + row) * width
                let logits = (0..<width).map { column in
                    totals[products + column] / length(0, head * width + row) / length(1, head * width + column)
                        * Double(temperature[head])
                }
                let largest = logits.max() ?? 0
                let exponentials = logits.map { exp($0 - largest) }
                let sum = exponentials.reduce(0, +)
                for column in 0..<width { scores[row * width + column] = Float(exponentials[column] / sum) }
            }
            output.withUnsafeBufferPointer { output in
                map.withUnsafeMutableBufferPointer { map in
                    guard let output = output.baseAddress, let map = map.baseAddress else { return }
                    cblas_sgemm(
                        CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(channels), blasint(width), blasint(width), 1,
                        output + head * width, blasint(channels), scores, blasint(width), 0, map + head * width,
                        blasint(channels))
                }
            }
        }
        return Linear(weight: map, bias: outputBias, inputs: channels, outputs: channels, precision: precision)
    }
}
