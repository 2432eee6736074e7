import Compute
import Foundation
import Layers

/// The operations as their definitions read, in double precision.
enum Plain {
    struct Shape {
        let batch: Int
        let height: Int
        let width: Int
    }

    static func silu(_ x: Double) -> Double { x / (1 + exp(-x)) }
    static func quickGELU(_ x: Double) -> Double { x / (1 + exp(-1.702 * x)) }
    static func relu(_ x: Double) -> Double { max(x, 0) }
    static func gelu(_ x: Double) -> Double { 0.5 * x * (1 + erf(x / 2.0.squareRoot())) }

    static func convolution(
        _ sources: [Tensor], weight: [Float], bias: [Float], outputs: Int, kernel: Int, stride: Int, padding: Int,
        zoom: Int
    ) -> (values: [Double], height: Int, width: Int) {
        let (height, width) = (sources[0].height * zoom, sources[0].width * zoom)
        let inputs = sources.reduce(0) { $0 + $1.channels }
        func input(_ sample: Int, _ y: Int, _ x: Int, _ channel: Int) -> Double {
            guard y >= 0, x >= 0, y < height, x < width else { return 0 }
            var channel = channel
            for source in sources {
                if channel < source.channels {
                    let pixel = y / zoom * source.width + x / zoom
                    return Double(source.sample(sample)[pixel * source.channels + channel])
                }
                channel -= source.channels
            }
            return 0
        }
        let outputHeight = (height + 2 * padding - kernel) / stride + 1
        let outputWidth = (width + 2 * padding - kernel) / stride + 1
        var result: [Double] = []
        for sample in 0..<sources[0].batch {
            for y in 0..<outputHeight {
                for x in 0..<outputWidth {
                    for output in 0..<outputs {
                        var sum = Double(bias[output])
                        for channel in 0..<inputs {
                            for ky in 0..<kernel {
                                for kx in 0..<kernel {
                                    let tap = ((output * inputs + channel) * kernel + ky) * kernel + kx
                                    sum += Double(weight[tap])
                                        * input(sample, y * stride - padding + ky, x * stride - padding + kx, channel)
                                }
                            }
                        }
                        result.append(sum)
                    }
                }
            }
        }
        return (result, outputHeight, outputWidth)
    }

    static func linear(
        _ rows: [Double], _ weight: [Float], _ bias: [Float]?, inputs: Int, outputs: Int
    ) -> [Double] {
        (0..<rows.count / inputs * outputs).map { index in
            let (row, column) = index.quotientAndRemainder(dividingBy: outputs)
            return (0..<inputs).reduce(Double(bias?[column] ?? 0)) {
                $0 + Double(weight[column * inputs + $1]) * rows[row * inputs + $1]
            }
        }
    }

    static func softmax(_ values: [Double]) -> [Double] {
        let maximum = values.max() ?? 0
        let exponentials = values.map { exp($0 - maximum) }
        let sum = exponentials.reduce(0, +)
        return exponentials.map { $0 / sum }
    }

    static func attention(_ input: Tensor, heads: Int, width: Int, causal: Bool) -> [Double] {
        let inner = heads * width
        var result = [Double](repeating: 0, count: input.batch * input.pixels * inner)
        for sample in 0..<input.batch {
            func value(_ part: Int, _ token: Int, _ head: Int, _ index: Int) -> Double {
                Double(input.sample(sample)[token * 3 * inner + part * inner + head * width + index])
            }
            for head in 0..<heads {
                for query in 0..<input.pixels {
                    let keys = 0..<(causal ? query + 1 : input.pixels)
                    let weights = softmax(keys.map { key in
                        (0..<width).reduce(0) { $0 + value(0, query, head, $1) * value(1, key, head, $1) }
                            / Double(width).squareRoot()
                    })
                    for index in 0..<width {
                        result[(sample * input.pixels + query) * inner + head * width + index] =
                            keys.reduce(0) { $0 + weights[$1] * value(2, $1, head, index) }
                    }
                }
            }
        }
        return result
    }

    static func groupNorm(
        _ input: Tensor, groups: Int, perPixel: Bool, _ gain: [Float], _ bias: [Float]?, _ epsilon: Double
    ) -> [Double] {
        let values = input.values.map(Double.init)
        let width = input.channels / groups
        var result = values
        for sample in 0..<input.batch {
            for group in 0..<groups {
                for block in 0..<(perPixel ? input.pixels : 1) {
                    let pixels = perPixel ? block..<block + 1 : 0..<input.pixels
                    let members = pixels.flatMap { pixel in
                        (0..<width).map { (sample * input.pixels + pixel) * input.channels + group * width + $0 }
                    }
                    let mean = members.reduce(0) { $0 + values[$1] } / Double(members.count)
                    let variance = members.reduce(0) { $0 + pow(values[$1] - mean, 2) } / Double(members.count)
                    for member in members {
                        let channel = member % input.channels
                        result[member] = (values[member] - mean) / (variance + epsilon).squareRoot()
                            * Double(gain[channel]) + Double(bias?[channel] ?? 0)
                    }
                }
            }
        }
        return result
    }

    struct LinearAttentionWeights {
        let normGain: [Float]
        let projections: [Float]
        let output: [Float]
        let bias: [Float]
        let outputGain: [Float]
    }

    static func linearAttention(_ input: Tensor, heads: Int, _ weights: LinearAttentionWeights) -> [Double] {
        let (head, channels, pixels) = (LinearAttention.headWidth, input.channels, input.pixels)
        let inner = heads * head
        let normalised = groupNorm(input, groups: 1, perPixel: true, weights.normGain, nil, 1e-5)
        let projected = linear(normalised, weights.projections, nil, inputs: channels, outputs: 3 * inner)
        var attended = [Double](repeating: 0, count: input.batch * pixels * inner)
        for sample in 0..<input.batch {
            for h in 0..<heads {
                func column(_ part: Int, _ index: Int) -> [Double] {
                    (0..<pixels).map { projected[(sample * pixels + $0) * 3 * inner + part * inner + h * head + index] }
                }
                let keys = (0..<head).map { softmax(column(1, $0)) }
                let values = (0..<head).map { column(2, $0).map { $0 / Double(pixels) } }
                let context = keys.map { key in values.map { value in zip(key, value).reduce(0) { $0 + $1.0 * $1.1 } } }
                for pixel in 0..<pixels {
                    let row = (sample * pixels + pixel) * 3 * inner + h * head
                    let query = softmax(Array(projected[row..<row + head])).map { $0 / Double(head).squareRoot() }
                    for e in 0..<head {
                        attended[(sample * pixels + pixel) * inner + h * head + e] =
                            (0..<head).reduce(0) { $0 + context[$1][e] * query[$1] }
                    }
                }
            }
        }
        let output = linear(attended, weights.output, weights.bias, inputs: inner, outputs: channels)
        let pool = BufferPool()
        let tensor = Tensor(
            output.map(Float.init), batch: input.batch, width: pixels, channels: channels, pool: pool)
        return groupNorm(tensor, groups: 1, perPixel: true, weights.outputGain, nil, 1e-5)
    }
}

/// A small seeded generator, so that a failure can be repeated (Steele et al., 2014).
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Uniform in -1...1.
    mutating func floats(_ count: Int) -> [Float] {
        (0..<count).map { _ in Float.random(in: -1...1, using: &self) }
    }
}
