import Checkpoints
import Compute
import Foundation
import TestSupport
import Testing

/// What is recorded of networks of one evaluation: `NAME_io_N.safetensors` beside the weights of NAME, its sizes in
/// `config.json`.
struct Recording: CustomTestStringConvertible, Sendable {
    static let folder = ParityFolder.singlePass
    /// Of a tensor's largest value (the fixtures' README).
    static let share = 3e-5
    private static let endings = ["pth", "pt", "ckpt", "safetensors"]

    let network: String
    let file: String
    let weights: String

    var testDescription: String { "\(file) from \(weights)" }

    /// All of networks whose name begins so, from each file that holds the weights.
    static func all(_ kind: String) -> [Recording] {
        folder.files(withExtension: "safetensors").flatMap { file -> [Recording] in
            guard file.hasPrefix(kind + "_"), let marker = file.range(of: "_io_") else { return [] }
            let network = String(file[..<marker.lowerBound])
            return endings.map { "\(network).\($0)" }.filter { folder.has($0) }.map {
                Recording(network: network, file: file, weights: $0)
            }
        }
    }

    func recorded() throws -> StateDict { try StateDict(contentsOf: Self.folder.path(file)) }

    func parameters(_ precision: Precision = .fp32) throws -> ParameterReader {
        ParameterReader(try StateDict(contentsOf: Self.folder.path(weights)), precision: precision)
    }

    /// The network's sizes.
    func sizes() throws -> ConfigurationReader {
        try Self.folder.configuration().object(network).object("config")
    }

    func checker(_ recorded: StateDict) -> StageChecker {
        StageChecker(file: file, recorded: recorded, share: Self.share)
    }
}

/// Pictures and vectors of a recording, in the layouts of the networks.
struct RecordedInput {
    let pictures: [[Float]]
    let batch: Int
    let channels: Int
    let height: Int
    let width: Int
    private let recorded: StateDict

    init(_ recorded: StateDict) throws {
        let input = try #require(recorded["input"])
        (batch, channels, height, width) = (input.shape[0], input.shape[1], input.shape[2], input.shape[3])
        let (values, pixels, channels) = (input.floats(), height * width, channels)
        pictures = (0..<batch).map { sample in
            (0..<pixels * channels).map { values[(sample * channels + $0 % channels) * pixels + $0 / channels] }
        }
        self.recorded = recorded
    }

    /// A vector for each sample.
    func vectors(_ name: String) throws -> [[Float]] {
        let tensor = try #require(recorded[name])
        let (values, width) = (tensor.floats(), tensor.shape[1])
        return (0..<batch).map { Array(values[$0 * width..<($0 + 1) * width]) }
    }

    /// What a network made of them, as it was recorded.
    func channelsFirst(_ outputs: [[Float]]) -> [Float] {
        let pixels = height * width
        return outputs.flatMap { values in
            let channels = values.count / pixels
            return (0..<values.count).map { values[$0 % pixels * channels + $0 / pixels] }
        }
    }
}

extension StageChecker {
    /// As `check`, where the last of `depth` levels may be recorded as such.
    func check(stage: String, _ tensor: Tensor, depth: Int) {
        check(stage: stage, tensor)
        if stage.hasSuffix(".\(depth - 1)") { check(stage: stage.dropLast("\(depth - 1)".count) + "last", tensor) }
    }
}
