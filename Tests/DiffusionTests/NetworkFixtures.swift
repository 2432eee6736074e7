import Checkpoints
import Compute
import Diffusion
import Foundation
import RestorationUNet
import TestSupport
import Testing

/// Networks and inputs of the parity folder.
enum NetworkFixtures {
    static func configuration(_ name: String) throws -> ConditionalUNetConfiguration {
        try ConditionalUNetConfiguration(ParityFolder.current.configuration().object(name))
    }

    static func network(_ name: String, weights: String, precision: Precision = .fp32) throws -> ConditionalUNet {
        let dictionary = try StateDict(contentsOf: ParityFolder.current.path(weights))
        return try ConditionalUNet(ParameterReader(dictionary, precision: precision), configuration: configuration(name))
    }

    /// The `input.*` tensors of a recording as samples of a batch.
    static func samples(_ recorded: StateDict) throws -> ([ConditionalUNet.Sample], height: Int, width: Int) {
        let state = try #require(recorded["input.xt"])
        let (height, width) = (state.shape[2], state.shape[3])
        let states = state.floats()
        let conditions = try #require(recorded["input.mu"]).floats()
        let times = try #require(recorded["input.time"]).floats()
        let count = 3 * height * width
        func row(_ name: String, _ index: Int) -> [Float]? {
            recorded[name].map { Array($0.floats()[index * $0.shape[1]..<(index + 1) * $0.shape[1]]) }
        }
        let samples = times.indices.map { index in
            let range = index * count..<(index + 1) * count
            return ConditionalUNet.Sample(
                state: interleaved(Array(states[range]), height, width),
                condition: interleaved(Array(conditions[range]), height, width), time: times[index],
                degradation: row("input.text_context", index), content: row("input.image_context", index))
        }
        return (samples, height, width)
    }

    /// Channel, height, width -> height, width, channel.
    static func interleaved(_ values: [Float], _ height: Int, _ width: Int) -> [Float] {
        let pixels = height * width
        let channels = values.count / pixels
        return (0..<values.count).map { values[$0 % channels * pixels + $0 / channels] }
    }

    /// Samples of height, width, channel -> batch, channel, height, width.
    static func channelsFirst(_ values: [Float], _ batch: Int, _ height: Int, _ width: Int) -> [Float] {
        let pixels = height * width
        let channels = values.count / pixels / batch
        return (0..<values.count).map { index in
            let (sample, rest) = index.quotientAndRemainder(dividingBy: channels * pixels)
            let (channel, pixel) = rest.quotientAndRemainder(dividingBy: pixels)
            return values[sample * channels * pixels + pixel * channels + channel]
        }
    }
}
