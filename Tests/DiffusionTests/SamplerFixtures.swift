import Checkpoints
import Diffusion
import Foundation
import Testing

/// The folder of recorded numbers: `RESTORED_PARITY`, else `../shared/parity` beside the repository.
enum SamplerFixtures {
    static let folder: URL = {
        if let path = ProcessInfo.processInfo.environment["RESTORED_PARITY"] { return URL(fileURLWithPath: path) }
        let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return repository.deletingLastPathComponent().appendingPathComponent("shared/parity")
    }()

    static func has(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path)
    }

    /// The diffusion settings of the folder's `config.json`.
    static func configuration() throws -> DiffusionConfiguration {
        let bytes = [UInt8](try Data(contentsOf: folder.appendingPathComponent("config.json")))
        return try DiffusionConfiguration(ConfigurationReader(json: bytes).object("irsde_default"))
    }

    /// Absolute tolerances by file and tensor: ten times the official float32's own error, never under 1e-6.
    static func tolerance(_ file: String, _ tensor: String) throws -> Double {
        let data = try Data(contentsOf: folder.appendingPathComponent("tolerances.json"))
        let all = try #require(JSONSerialization.jsonObject(with: data) as? [String: [String: [String: Double]]])
        return max(10 * (all[file]?[tensor]?["f32_vs_f64"] ?? 0), 1e-6)
    }
}

/// The float32 tensors of a safetensors file that the tests trust, read without the checkpoint reader.
struct FixtureTensors {
    private(set) var values: [String: [Float]] = [:]
    private(set) var shapes: [String: [Int]] = [:]

    init(_ name: String) throws {
        let data = try Data(contentsOf: SamplerFixtures.folder.appendingPathComponent(name))
        let length = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        let header = try #require(
            JSONSerialization.jsonObject(with: data.dropFirst(8).prefix(length)) as? [String: [String: Any]])
        let body = data.dropFirst(8 + length)
        for (name, entry) in header where entry["dtype"] as? String == "F32" {
            let offsets = try #require(entry["data_offsets"] as? [Int])
            let bytes = body.dropFirst(offsets[0]).prefix(offsets[1] - offsets[0])
            values[name] = [Float](unsafeUninitializedCapacity: bytes.count / 4) { buffer, count in
                count = bytes.copyBytes(to: UnsafeMutableRawBufferPointer(buffer)) / 4
            }
            shapes[name] = try #require(entry["shape"] as? [Int])
        }
    }

    subscript(_ name: String) -> [Float] {
        get throws { try #require(values[name], "the file has no \(name)") }
    }
}

func greatestDifference(_ left: [Float], _ right: [Float]) -> Double {
    precondition(left.count == right.count)
    return zip(left, right).reduce(0) { max($0, abs(Double($1.0) - Double($1.1))) }
}
