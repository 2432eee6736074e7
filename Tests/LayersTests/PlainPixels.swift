import Compute
import Foundation
import Layers

/// The plain versions of what restoration networks do with pixels.
extension Plain {
    static func pixelNorm(
        _ input: Tensor, _ gain: [Float], _ bias: [Float]?, _ epsilon: Double, keepsMean: Bool
    ) -> [Double] {
        let channels = input.channels
        return (0..<input.batch * input.pixels).flatMap { pixel -> [Double] in
            let values = (0..<channels).map { Double(input.base[pixel * channels + $0]) }
            let mean = values.reduce(0, +) / Double(channels)
            let variance = values.reduce(0) { $0 + pow($1 - mean, 2) } / Double(channels)
            return values.indices.map { channel in
                (values[channel] - (keepsMean ? 0 : mean)) / (variance + epsilon).squareRoot() * Double(gain[channel])
                    + Double(bias?[channel] ?? 0)
            }
        }
    }

    static func depthwise(
        _ input: [Double], _ shape: (batch: Int, height: Int, width: Int), channels: Int, _ taps: [Float], _ bias: [Float]?
    ) -> [Double] {
        var result: [Double] = []
        for sample in 0..<shape.batch {
            for y in 0..<shape.height {
                for x in 0..<shape.width {
                    for channel in 0..<channels {
                        var sum = Double(bias?[channel] ?? 0)
                        for ky in 0..<3 {
                            for kx in 0..<3 {
                                let (row, column) = (y + ky - 1, x + kx - 1)
                                guard row >= 0, row < shape.height, column >= 0, column < shape.width else { continue }
                                let pixel = (sample * shape.height + row) * shape.width + column
                                sum += Double(taps[channel * 9 + ky * 3 + kx]) * input[pixel * channels + channel]
                            }
                        }
                        result.append(sum)
                    }
                }
            }
        }
        return result
    }

    static func gated(_ input: [Double], channels: Int, _ gate: PointwiseDepthwise.Gate) -> [Double] {
        guard gate != .none else { return input }
        let half = channels / 2
        return (0..<input.count / channels * half).map { index in
            let (pixel, channel) = index.quotientAndRemainder(dividingBy: half)
            let (value, other) = (input[pixel * channels + channel], input[pixel * channels + half + channel])
            return (gate == .gelu ? gelu(value) : value) * other
        }
    }

    static func shuffled(_ input: Tensor) -> [Double] {
        let channels = input.channels / 4
        let (height, width) = (2 * input.height, 2 * input.width)
        return (0..<input.batch * height * width * channels).map { index in
            let (pixel, channel) = index.quotientAndRemainder(dividingBy: channels)
            let (line, x) = pixel.quotientAndRemainder(dividingBy: width)
            let (sample, y) = line.quotientAndRemainder(dividingBy: height)
            let source = (y / 2 * input.width + x / 2) * input.channels + 4 * channel + 2 * (y % 2) + x % 2
            return Double(input.sample(sample)[source])
        }
    }

    static func transposedAttention(
        _ input: [Double], _ shape: (batch: Int, height: Int, width: Int), heads: Int, width: Int, _ temperature: [Float]
    ) -> [Double] {
        let (channels, pixels) = (heads * width, shape.height * shape.width)
        var result = [Double](repeating: 0, count: shape.batch * pixels * channels)
        for sample in 0..<shape.batch {
            func column(_ part: Int, _ channel: Int) -> [Double] {
                (0..<pixels).map { input[(sample * pixels + $0) * 3 * channels + part * channels + channel] }
            }
            func unit(_ values: [Double]) -> [Double] {
                let length = max(values.reduce(0) { $0 + $1 * $1 }.squareRoot(), 1e-12)
                return values.map { $0 / length }
            }
            for head in 0..<heads {
                let own = head * width..<(head + 1) * width
                let (keys, values) = (own.map { unit(column(1, $0)) }, own.map { column(2, $0) })
                for channel in own {
                    let query = unit(column(0, channel))
                    let scores = softmax(keys.map { key in
                        zip(query, key).reduce(0) { $0 + $1.0 * $1.1 } * Double(temperature[head])
                    })
                    for pixel in 0..<pixels {
                        result[(sample * pixels + pixel) * channels + channel] =
                            scores.indices.reduce(0) { $0 + scores[$1] * values[$1][pixel] }
                    }
                }
            }
        }
        return result
    }

    static func bilinear(_ input: Tensor, height: Int, width: Int) -> [Double] {
        func taps(_ index: Int, _ size: Int, _ count: Int) -> (Int, Int, Double) {
            let place = max(0, (Double(index) + 0.5) * Double(size) / Double(count) - 0.5)
            return (Int(place), min(Int(place) + 1, size - 1), place - Double(Int(place)))
        }
        var result: [Double] = []
        for sample in 0..<input.batch {
            for y in 0..<height {
                for x in 0..<width {
                    let (top, bottom, down) = taps(y, input.height, height)
                    let (left, right, across) = taps(x, input.width, width)
                    for channel in 0..<input.channels {
                        func at(_ row: Int, _ column: Int) -> Double {
                            Double(input.sample(sample)[(row * input.width + column) * input.channels + channel])
                        }
                        result.append(
                            (at(top, left) * (1 - across) + at(top, right) * across) * (1 - down)
                                + (at(bottom, left) * (1 - across) + at(bottom, right) * across) * down)
                    }
                }
            }
        }
        return result
    }
}
