import CKernels
import CSystem
package import Checkpoints
package import Compute

/// Scaled dot-product attention of tokens with one another: memory is linear in the tokens, never a whole score matrix.
package struct Attention: Sendable {
    package let heads: Int
    package let headWidth: Int
    /// Each token sees only itself and those before it.
    package let causal: Bool
    package let precision: Precision

    /// Fewer tokens are not worth the packing of `BlockedAttention`.
    private static let fewestPackedTokens = 32
    /// Scores held at a time by a thread, in floats.
    private static let scoreBudget = 128 << 10

    package init(heads: Int, headWidth: Int, causal: Bool = false, precision: Precision = .fp32) {
        self.heads = heads
        self.headWidth = headWidth
        self.causal = causal
        self.precision = precision
    }

    /// softmax(q k^T / sqrt(headWidth)) v, head by head.
    ///
    /// - Parameters:
    ///   - projections: queries, keys and values side by side: 3 x heads x headWidth channels.
    ///   - visible: of each sample, how many of its first tokens any may see; nil for all. Only where attention is causal.
    /// - Returns: heads x headWidth channels.
    package func callAsFunction(_ projections: Tensor, visible: [Int]? = nil, in workspace: Workspace) -> Tensor {
        let width = heads * headWidth
        precondition(projections.channels == 3 * width && (visible == nil || causal))
        let tokens = projections.pixels
        if !causal, tokens >= Self.fewestPackedTokens {
            return BlockedAttention(heads: heads, headWidth: headWidth, precision: precision)(projections, in: workspace)
        }
        let output = workspace.tensor(
            batch: projections.batch, height: projections.height, width: projections.width, channels: width)
        let work = OperationMeter.Layer("attention \(width)", of: output, multiplyAdds: 2 * output.count * tokens)
        let block = max(1, min(tokens, 128, Self.scoreBudget / max(1, tokens)))
        let blocks = (tokens + block - 1) / block
        let scratch = workspace.scratch(floats: block * tokens)
        workspace.metered(work) {
            workspace.team.run(projections.batch * heads * blocks) { item, thread in
                let (rest, index) = item.quotientAndRemainder(dividingBy: blocks)
                let (sample, head) = rest.quotientAndRemainder(dividingBy: heads)
                let rows = index * block..<min(tokens, (index + 1) * block)
                attend(
                    rows, tokens: tokens, projections: projections.sample(sample) + head * headWidth,
                    visible: visible.map { min(tokens, max(1, $0[sample])) } ?? tokens, scores: scratch[thread],
                    output: output.sample(sample) + head * headWidth, kernels: workspace.kernels)
            }
        }
        return output
    }

    private func attend(
        _ rows: Range<Int>, tokens: Int, projections: UnsafeMutablePointer<Float>, visible: Int,
        scores: UnsafeMutablePointer<Float>, output: UnsafeMutablePointer<Float>, kernels: kernel_set
    ) {
        let width = heads * headWidth
        let stride = 3 * width
        let scale = 1 / Float(headWidth).squareRoot()
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasTrans, blasint(rows.count), blasint(tokens), blasint(headWidth), scale,
            projections + rows.lowerBound * stride, blasint(stride), projections + width, blasint(stride), 0, scores,
            blasint(tokens))
        if causal {
            for row in rows {
                let line = scores + (row - rows.lowerBound) * tokens
                let seen = min(row + 1, visible)
                kernels.softmax(line, 1, tokens, seen, 1)
                (line + seen).update(repeating: 0, count: tokens - seen)
            }
        } else {
            kernels.softmax(scores, rows.count, tokens, tokens, 1)
        }
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(rows.count), blasint(headWidth), blasint(tokens), 1,
            scores, blasint(tokens), projections + 2 * width, blasint(stride), 0,
            output + rows.lowerBound * width, blasint(width))
    }
}
