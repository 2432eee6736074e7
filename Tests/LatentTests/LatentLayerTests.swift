import Checkpoints
import Compute
import Foundation
import Layers
import TestSupport
import Testing

/// The layers of latent diffusion against their definitions.
@Suite("Latent layers")
struct LatentLayerTests {
    private func random(_ count: Int, seed: UInt64, scale: Float = 1) -> [Float] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in Float.random(in: -scale...scale, using: &generator) }
    }

    struct Shape: Sendable {
        let queries, keys, heads, width: Int
    }

    @Test(
        "attention in blocks is attention, whatever the sizes",
        arguments: [
            Shape(queries: 1, keys: 1, heads: 1, width: 1), Shape(queries: 33, keys: 77, heads: 2, width: 5),
            Shape(queries: 32, keys: 256, heads: 1, width: 40), Shape(queries: 34, keys: 257, heads: 1, width: 33),
            Shape(queries: 3, keys: 700, heads: 2, width: 64),
        ])
    func attention(shape: Shape) {
        let width = shape.heads * shape.width
        // Large scores: the maximum must be taken off, and changes from block to block.
        let queries = random(2 * shape.queries * width, seed: 1, scale: 6)
        let memory = random(2 * shape.keys * 2 * width, seed: 2, scale: 6)
        let expected = Self.plain(queries, memory, shape)
        for kernels in Workspace.kernelSetNames {
            let found = blocked(queries, memory, shape, in: Workspace(threads: 2, kernels: kernels))
            let largest = zip(found, expected).map { abs($0 - $1) }.max() ?? 1
            // Of values up to 6; scores are of hundreds.
            #expect(found.count == expected.count && largest < 2e-4, "\(kernels): \(largest)")
        }
    }

    private func blocked(_ queries: [Float], _ memory: [Float], _ shape: Shape, in workspace: Workspace) -> [Float] {
        let width = shape.heads * shape.width
        let input = Tensor(queries, batch: 2, width: shape.queries, channels: width, pool: workspace.pool)
        return memory.withUnsafeBufferPointer { buffer -> [Float] in
            guard let base = buffer.baseAddress else { return [] }
            let memories = (0..<2).map { sample in
                let start = base + sample * shape.keys * 2 * width
                return BlockedAttention.Memory(keys: start, values: start + width, stride: 2 * width, count: shape.keys)
            }
            return BlockedAttention(heads: shape.heads, headWidth: shape.width)(input, memories, in: workspace).values
        }
    }

    private static func plain(_ queries: [Float], _ memory: [Float], _ shape: Shape) -> [Float] {
        let width = shape.heads * shape.width
        return (0..<2 * shape.queries * shape.heads).flatMap { item in
            let (row, head) = item.quotientAndRemainder(dividingBy: shape.heads)
            let first = row * width + head * shape.width
            return plain(
                Array(queries[first..<first + shape.width]), memory[(row / shape.queries * shape.keys * 2 * width)...], shape,
                head: head)
        }
    }

    private static func plain(_ query: [Float], _ memory: ArraySlice<Float>, _ shape: Shape, head: Int) -> [Float] {
        let width = shape.heads * shape.width
        let start = memory.startIndex
        let scores = (0..<shape.keys).map { key in
            (0..<shape.width).reduce(0.0) { sum, channel in
                sum + Double(query[channel]) * Double(memory[start + key * 2 * width + head * shape.width + channel])
            } / Double(shape.width).squareRoot()
        }
        let largest = scores.max() ?? 0
        let weights = scores.map { exp($0 - largest) }
        let total = weights.reduce(0, +)
        return (0..<shape.width).map { channel in
            Float((0..<shape.keys).reduce(0.0) { sum, key in
                let value = memory[start + (key * 2 + 1) * width + head * shape.width + channel]
                return sum + weights[key] / total * Double(value)
            })
        }
    }

    @Test("group norm over several sources is that of their join, with the activation, in place or not", arguments: [1, 3])
    func groupNorm(threads: Int) {
        let workspace = Workspace(threads: threads)
        // A group of three channels, one of which has channels of both sources.
        let (height, width, channels) = (19, 31, [40, 56])
        let values = channels.enumerated().map { random(2 * height * width * $1, seed: UInt64($0 + 3), scale: 3) }
        let norm = GroupNorm(groups: 32, gain: random(96, seed: 7), bias: random(96, seed: 8), epsilon: 1e-5)
        func sources() -> [Tensor] {
            zip(channels, values).map {
                Tensor($1, batch: 2, height: height, width: width, channels: $0, pool: workspace.pool)
            }
        }
        let whole = norm(joined(sources(), in: workspace), in: workspace)
        activate(whole, .silu, in: workspace)
        for inPlace in [false, true] {
            let parts = norm.activated(sources(), .silu, inPlace: inPlace, in: workspace)
            let found = joined(parts, in: workspace).values
            let largest = zip(found, whole.values).map { abs($0 - $1) }.max() ?? 1
            #expect(largest < 1e-5, "\(largest)")
        }
    }
}
