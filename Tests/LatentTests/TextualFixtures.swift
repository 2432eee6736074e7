import Autoencoder
import CLIP
import Checkpoints
import Compute
import Foundation
import Images
import LatentUNet
import Pseudowords
import TestSupport
import Testing

/// What is recorded of guidance by words: small files in the official layouts, and what official classes made with them.
enum TextualFixtures {
    static let folder = ParityFolder.textual
    static let isThere = folder.has(
        "config.json", "tolerances.json", "vision.safetensors", "mapper.pt", "clean_mapper.pt", "latent_diffusion.safetensors",
        "words.safetensors", "run.safetensors")

    static func recorded(_ file: String) throws -> StateDict { try StateDict(contentsOf: folder.path(file)) }

    static func section(_ path: String...) throws -> ConfigurationReader {
        var reader = try folder.configuration()
        for key in path { reader = try reader.object(key) }
        return reader
    }

    // MARK: Networks

    static func visionSizes() throws -> DegradationAwareCLIPConfiguration.Vision {
        let sizes = try section("single_file", "visual")
        return .init(
            imageSize: try sizes.size("image_size", 1...1_000), layers: try sizes.size("layers", 1...99),
            width: try sizes.size("width", 1...9_000), patchSize: try sizes.size("patch_size", 1...99),
            headWidth: try sizes.size("head_width", 1...999))
    }

    static func vision(_ tensors: StateDict? = nil, layout: TowerLayout = .original) throws -> VisionTrunk {
        try VisionTrunk(
            ParameterReader(try tensors ?? recorded("vision.safetensors")), layout: layout, configuration: visionSizes(),
            activation: .gelu)
    }

    /// Those blocks that are run, of which the file has one more.
    static func textSizes() throws -> DegradationAwareCLIPConfiguration.Text {
        let sizes = try section("text")
        return .init(
            contextLength: try sizes.size("length", 1...999), vocabularySize: try sizes.size("vocab", 1...99_999),
            width: try sizes.size("width", 1...9_000), heads: try sizes.size("heads", 1...99),
            layers: try sizes.size("layers", 1...99))
    }

    static func diffusion(_ prefix: String) throws -> StateDict {
        try recorded("latent_diffusion.safetensors").below(prefix)
    }

    static func text(_ tensors: StateDict? = nil, layout: TowerLayout = .original) throws -> TextTransformer {
        try TextTransformer(
            ParameterReader(try tensors ?? diffusion("cond_stage_model.model.")), layout: layout, configuration: textSizes(),
            activation: .gelu, embeddingWidth: nil)
    }

    static func networkSizes() throws -> LatentUNetConfiguration {
        try LatentUNetConfiguration(section("single_file", "unet"))
    }

    static func network(_ tensors: StateDict? = nil, precision: Precision = .fp32) throws -> LatentUNet {
        let sizes = try networkSizes()
        let projections = try ContextProjections(ParameterReader(recorded("mapper.pt")), configuration: sizes)
        let own = try tensors ?? diffusion("model.diffusion_model.")
        return try LatentUNet(
            ParameterReader(projections.replacing(in: own), precision: precision), configuration: sizes)
    }

    static func decoderSizes() throws -> AutoencoderConfiguration {
        try AutoencoderConfiguration(section("single_file", "vae"))
    }

    static func decoder(_ tensors: StateDict? = nil) throws -> LatentDecoder {
        try LatentDecoder(ParameterReader(try tensors ?? diffusion("first_stage_model.")), configuration: decoderSizes())
    }

    static func mapper() throws -> WordMapper {
        let parameters = ParameterReader(try recorded("mapper.pt"))
        let mapper = try WordMapper(parameters)
        _ = try ContextProjections(parameters, configuration: networkSizes())
        try parameters.finish()
        return mapper
    }

    static func cleaner() throws -> WordCleaner { try WordCleaner(ParameterReader(try recorded("clean_mapper.pt"))) }

    // MARK: Pictures

    static func pictures() throws -> [Picture] {
        try ["picture.png", "picture2.png"].map { try ImageDecoder.decode([UInt8](Data(contentsOf: folder.url($0)))) }
    }

    // MARK: Tolerances

    private struct Tolerances: Decodable {
        let relative_to_largest: [String: [String: Double]]
        let absolute: [String: [String: Double]]
        let bytes: [String: [String: Bytes]]
    }

    struct Bytes: Decodable {
        let levels: Int
        let fraction: Double
    }

    private static func tolerances() throws -> Tolerances {
        try JSONDecoder().decode(Tolerances.self, from: Data(contentsOf: folder.url("tolerances.json")))
    }

    /// Of the longest pattern that fits a name.
    private static func entry<Value>(_ table: [String: Value], for name: String) -> Value? {
        let fitting = table.keys.filter { pattern in
            let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
            guard parts.count > 1 else { return pattern == name }
            var rest = name[...]
            for (index, part) in parts.enumerated() {
                if index == 0 {
                    guard rest.hasPrefix(part) else { return false }
                    rest = rest.dropFirst(part.count)
                } else if index == parts.count - 1 {
                    return rest.hasSuffix(part)
                } else if let range = rest.firstRange(of: part), !part.isEmpty {
                    rest = rest[range.upperBound...]
                } else if !part.isEmpty {
                    return false
                }
            }
            return true
        }
        return fitting.max { $0.count < $1.count }.flatMap { table[$0] }
    }

    /// Compares with what is recorded, which may be the first numbers only.
    ///
    /// - Parameter share: of the largest number, where the file's own table is for something else.
    static func check(
        _ values: [Float], _ name: String, in file: String, _ recorded: StateDict, share: Double? = nil, _ note: String = ""
    ) throws {
        let expected = try #require(recorded[name], "\(file) has no \(name)").floats()
        let relative = try share ?? limit(tolerances().relative_to_largest, name, in: file)
        expectClose(Array(values.prefix(expected.count)), expected, share: relative, "\(file): \(name) \(note)")
    }

    static func expectClose(_ found: [Float], _ expected: [Float], share: Double, _ what: String) {
        let largest = Double(expected.map(abs).max() ?? 0)
        let difference = zip(found, expected).reduce(0.0) { largest, pair in
            let difference = Double(abs(pair.0 - pair.1))
            return difference.isNaN ? .infinity : max(largest, difference)
        }
        #expect(
            found.count == expected.count && difference <= share * largest,
            "\(what): \(found.count) of \(expected.count), \(difference) of \(largest), allowed \(share * largest)")
    }

    static func absolute(_ name: String, in file: String) throws -> Double {
        try limit(tolerances().absolute, name, in: file)
    }

    private static func limit<Value>(_ table: [String: [String: Value]], _ name: String, in file: String) throws -> Value {
        let names = try #require(entry(table, for: file))
        return try #require(entry(names, for: name))
    }

    /// Compares bytes that may differ a little, here and there.
    static func checkBytes(_ found: [UInt8], _ name: String, in file: String, _ recorded: StateDict) throws {
        let expected = try #require(recorded[name]).withBytes { [UInt8]($0) }
        let allowed = try limit(tolerances().bytes, name, in: file)
        let differences = zip(found, expected).map { abs(Int($0) - Int($1)) }
        let wrong = differences.count { $0 != 0 }
        #expect(
            found.count == expected.count && differences.allSatisfy { $0 <= allowed.levels }
                && Double(wrong) <= allowed.fraction * Double(expected.count),
            "\(file): \(name) has \(wrong) other bytes of \(expected.count), by up to \(differences.max() ?? 0)")
    }
}
