import Checkpoints
import Compute
import Foundation
import TestSupport
import Testing

/// What is recorded of the parts of latent diffusion: tensors beside small weights, sizes in `config.json`.
enum LatentFixtures {
    static let folder = ParityFolder.latent
    /// Of a tensor's largest value (the fixtures' README).
    static let share = 2e-5

    /// The same weights as an archive and as safetensors, which another file of this folder's own may be made of.
    static func weights(_ name: String) throws -> StateDict {
        let ending = ["ckpt", "safetensors", "pth"].first { folder.has("\(name).\($0)") }
        return try StateDict(contentsOf: folder.path("\(name).\(try #require(ending))"))
    }

    /// Both forms that weights may come in, told apart for the name of a test.
    enum Form: String, CaseIterable, Sendable {
        case recorded, safetensors
    }

    /// As recorded, or written again as safetensors and read from there.
    static func weights(_ name: String, as form: Form) throws -> StateDict {
        let recorded = try weights(name)
        guard form == .safetensors else { return recorded }
        let tensors = Dictionary(uniqueKeysWithValues: recorded.names.compactMap { name in recorded[name].map { (name, $0) } })
        return try StateDict(CheckpointBytes(SafetensorsWriter.bytes(of: tensors)))
    }

    static func parameters(_ name: String, prefix: String, as form: Form = .recorded) throws -> ParameterReader {
        ParameterReader(try weights(name, as: form), prefix: prefix)
    }

    static func section(_ path: String...) throws -> ConfigurationReader {
        var reader = try folder.configuration()
        for key in path { reader = try reader.object(key) }
        return reader
    }

    static func recorded(_ file: String) throws -> StateDict { try StateDict(contentsOf: folder.path(file)) }

    static func checker(_ file: String, share: Double = share) throws -> StageChecker {
        StageChecker(file: file, recorded: try recorded(file), share: share)
    }

    /// Files whose names begin so.
    static func files(_ start: String) -> [String] {
        folder.files(withExtension: "safetensors").filter { $0.hasPrefix(start) }
    }
}

extension StateDict {
    /// The samples of a batch of maps, each height x width x channels.
    func maps(_ name: String) throws -> (samples: [[Float]], height: Int, width: Int) {
        let tensor = try #require(self[name])
        try #require(tensor.shape.count == 4)
        let (channels, pixels) = (tensor.shape[1], tensor.shape[2] * tensor.shape[3])
        let values = tensor.floats()
        let samples = (0..<tensor.shape[0]).map { sample in
            (0..<channels * pixels).map { values[(sample * channels + $0 % channels) * pixels + $0 / channels] }
        }
        return (samples, tensor.shape[2], tensor.shape[3])
    }

    /// The rows of a batch, each of everything behind the first dimension.
    func rows(_ name: String) throws -> [[Float]] {
        let tensor = try #require(self[name])
        let (values, count) = (tensor.floats(), tensor.shape.dropFirst().reduce(1, *))
        return (0..<tensor.shape[0]).map { Array(values[$0 * count..<($0 + 1) * count]) }
    }

    /// Token ids, row by row.
    func sequences(_ name: String) throws -> [[Int32]] { try rows(name).map { $0.map { Int32($0) } } }
}

/// Maps back in the order of what was recorded.
func channelsFirst(_ samples: [[Float]], pixels: Int) -> [Float] {
    samples.flatMap { values in
        let channels = values.count / pixels
        return (0..<values.count).map { values[$0 % pixels * channels + $0 / pixels] }
    }
}
