package import Compute

/// GroupNorm: statistics over all pixels of a sample and the channels of a group.
package struct GroupNorm: Sendable {
    package let groups: Int
    package let gain: [Float]
    package let bias: [Float]
    package let epsilon: Float

    /// - Precondition: the channels divide into the groups.
    package init(groups: Int, gain: [Float], bias: [Float], epsilon: Float) {
        precondition(gain.count == bias.count && gain.count % groups == 0)
        self.groups = groups
        self.gain = gain
        self.bias = bias
        self.epsilon = epsilon
    }

    /// The norms of `count` parts of the channels, each of whole groups.
    ///
    /// - Precondition: the groups divide into as many.
    package func parts(_ count: Int) -> [GroupNorm] {
        precondition(count > 0 && groups % count == 0)
        let width = gain.count / count
        return (0..<count).map { part in
            let channels = part * width..<(part + 1) * width
            return GroupNorm(
                groups: groups / count, gain: Array(gain[channels]), bias: Array(bias[channels]), epsilon: epsilon)
        }
    }

    /// Pixels of a part. Fixed, so that the order of the sums never depends on the number of threads.
    private static let chunk = 128

    package func callAsFunction(_ input: Tensor, in workspace: Workspace) -> Tensor {
        activated([input], in: workspace)[0]
    }

    /// The activated norm of sources joined along their channels, each part of the result apart.
    ///
    /// - Parameters:
    ///   - sources: of one size; a group may have channels of two of them.
    ///   - inPlace: whether the results replace the sources.
    package func activated(
        _ sources: [Tensor], _ activation: Activation = .none, inPlace: Bool = false, in workspace: Workspace
    ) -> [Tensor] {
        let channels = sources.reduce(0) { $0 + $1.channels }
        precondition(channels == gain.count)
        let (batch, pixels) = (sources[0].batch, sources[0].pixels)
        let chunks = (pixels + Self.chunk - 1) / Self.chunk
        let results = inPlace ? sources : sources.map { source in
            workspace.tensor(batch: batch, height: source.height, width: source.width, channels: source.channels)
        }
        workspace.metered(.init("group norm \(channels)", of: results[0])) {
            // A chunk's sums, then its sums of squares.
            var parts = [Double](repeating: 0, count: batch * chunks * 2 * channels)
            parts.withUnsafeMutableBufferPointer { parts in
                guard let base = parts.baseAddress else { return }
                workspace.team.run(batch * chunks) { item, _ in
                    let (sample, chunk) = item.quotientAndRemainder(dividingBy: chunks)
                    let first = chunk * Self.chunk
                    Self.add(
                        sources, sample: sample, pixels: first..<min(pixels, first + Self.chunk),
                        to: base + item * 2 * channels, squares: base + (item * 2 + 1) * channels)
                }
            }
            let maps = (0..<batch).map { affine(parts[$0 * chunks * 2 * channels..<($0 + 1) * chunks * 2 * channels], pixels: pixels) }
            workspace.team.run(batch * chunks) { item, _ in
                let (sample, chunk) = item.quotientAndRemainder(dividingBy: chunks)
                let first = chunk * Self.chunk
                let count = min(Self.chunk, pixels - first)
                var offset = 0
                for (source, result) in zip(sources, results) {
                    let target = result.sample(sample) + first * source.channels
                    Self.apply(
                        maps[sample], from: offset, channels: source.channels,
                        to: source.sample(sample) + first * source.channels, target: target, pixels: count)
                    if activation != .none {
                        workspace.kernels.activate(target, target, count * source.channels, activation.kernel)
                    }
                    offset += source.channels
                }
            }
        }
        return results
    }

    private static func add(
        _ sources: [Tensor], sample: Int, pixels: Range<Int>, to sums: UnsafeMutablePointer<Double>,
        squares: UnsafeMutablePointer<Double>
    ) {
        var offset = 0
        for source in sources {
            let channels = source.channels
            let (sums, squares) = (sums + offset, squares + offset)
            for pixel in pixels {
                let row = source.sample(sample) + pixel * channels
                for channel in 0..<channels {
                    let value = Double(row[channel])
                    sums[channel] += value
                    squares[channel] += value * value
                }
            }
            offset += channels
        }
    }

    private static func apply(
        _ map: (scale: [Float], shift: [Float]), from offset: Int, channels: Int, to source: UnsafePointer<Float>,
        target: UnsafeMutablePointer<Float>, pixels: Int
    ) {
        map.scale.withUnsafeBufferPointer { scales in
            map.shift.withUnsafeBufferPointer { shifts in
                guard let scale = scales.baseAddress, let shift = shifts.baseAddress else { return }
                for pixel in 0..<pixels {
                    let row = pixel * channels
                    for channel in 0..<channels {
                        target[row + channel] = source[row + channel] * scale[offset + channel] + shift[offset + channel]
                    }
                }
            }
        }
    }

    /// The map of each channel that normalises, scales and shifts at once.
    private func affine(_ parts: ArraySlice<Double>, pixels: Int) -> (scale: [Float], shift: [Float]) {
        let channels = gain.count
        var totals = [Double](repeating: 0, count: 2 * channels)
        for (index, value) in parts.enumerated() { totals[index % (2 * channels)] += value }
        let width = channels / groups
        let count = Double(pixels * width)
        var scale = [Float](repeating: 0, count: channels)
        var shift = scale
        for group in 0..<groups {
            let members = group * width..<(group + 1) * width
            let mean = members.reduce(0) { $0 + totals[$1] } / count
            let variance = max(0, members.reduce(0) { $0 + totals[channels + $1] } / count - mean * mean)
            let factor = 1 / (variance + Double(epsilon)).squareRoot()
            for channel in members {
                scale[channel] = Float(factor * Double(gain[channel]))
                shift[channel] = Float(Double(bias[channel]) - mean * factor * Double(gain[channel]))
            }
        }
        return (scale, shift)
    }
}
