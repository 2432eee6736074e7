import Checkpoints
import Compute
import Foundation
import GuidedRestoration
import TestSupport
import Testing

/// What is to be expected of matches, whatever the weights.
@Suite("Guided networks: matching")
struct MatchingTests {
    /// Of random weights, small.
    static func network(_ sizes: [String: Any] = [:]) throws -> GuidedNAFNet {
        let all: [String: Any] = [
            "width": 4, "enc_blk_nums": [1, 1], "middle_blk_num": 1, "dec_blk_nums": [1, 1], "nf": 4, "ext_n_blocks": [1, 1, 1],
            "reffusion_n_blocks": [1, 1], "lr_block_size": 4, "dilations": [1, 2],
        ].merging(sizes) { $1 }
        let json = [UInt8](try JSONSerialization.data(withJSONObject: all))
        let tensors = try RandomTensors.made(seed: 3, in: -0.4...0.4) {
            _ = try GuidedNAFNet($0, configuration: GuidedNAFNetConfiguration(ConfigurationReader(json: json)))
        }
        return try GuidedNAFNet(
            ParameterReader(StateDict(tensors)), configuration: GuidedNAFNetConfiguration(ConfigurationReader(json: json)))
    }

    private static func noise(_ height: Int, _ width: Int, seed: UInt64) -> [Float] {
        var random = SeededGenerator(seed: seed)
        return (0..<height * width * 3).map { _ in Float.random(in: 0...1, using: &random) }
    }

    @Test("a part of the reference is found where it is, and what is borrowed is what is there")
    func shifted() throws {
        // Each feature looks at nine pixels, so that a picture's edge shows in its outermost ones alone.
        let network = try Self.network(["ext_n_blocks": [0, 0, 0], "dilations": [1]])
        let (height, width) = (128, 160)
        let reference = Self.noise(height, width, seed: 1)
        // Four blocks of the coarsest features, which are a quarter of the size.
        let (top, left, side) = (32, 80, 32)
        let picture = (0..<side * side).flatMap { pixel in
            let place = (top + pixel / side) * width + left + pixel % side
            return reference[3 * place..<3 * place + 3]
        }
        let workspace = Workspace(threads: 2)
        let features = network.guidance.features(of: reference, height: height, width: width, in: workspace)
        var found: [String: [Float]] = [:]
        _ = network(
            [GuidedSample(picture: picture, reference: features)], height: side, width: side,
            observe: { found[$0] = $1.values }, in: workspace)
        #expect(found["coarse.row.0"] == [10, 10, 14, 14] && found["coarse.column.0"] == [22, 26, 22, 26])
        let scores = try #require(found["fine.score.0"]), rows = try #require(found["fine.row.0"])
        let columns = try #require(found["fine.column.0"])
        for row in 2..<6 {
            for column in 2..<6 {
                let cell = row * 8 + column
                #expect(scores[cell] > 0.9999 && Int(rows[cell]) == 8 + row - 1 && Int(columns[cell]) == 20 + column - 1)
            }
        }
    }

    @Test("a search goes round where its window is larger than the reference, and no reference is too small", arguments: [1, 9, 16, 31])
    func smallReference(side: Int) throws {
        let network = try Self.network()
        let workspace = Workspace(threads: 1)
        let features = network.guidance.features(of: Self.noise(side, 16, seed: 2), height: side, width: 16, in: workspace)
        let output = network(
            [GuidedSample(picture: Self.noise(20, 52, seed: 4), reference: features)], height: 20, width: 52, observe: nil,
            in: workspace)
        let isFinite = output[0].allSatisfy { $0.isFinite }
        #expect(output[0].count == 20 * 52 * 3 && isFinite)
    }

    @Test("a plain reference, or none but black, gives numbers all the same")
    func plainReference() throws {
        let network = try Self.network()
        let workspace = Workspace(threads: 1)
        for value in [Float(0), 1] {
            let features = network.guidance.features(
                of: [Float](repeating: value, count: 32 * 32 * 3), height: 32, width: 32, in: workspace)
            let output = network(
                [GuidedSample(picture: Self.noise(16, 16, seed: 4), reference: features)], height: 16, width: 16,
                observe: nil, in: workspace)
            let isFinite = output[0].allSatisfy { $0.isFinite }
            #expect(isFinite)
        }
    }

    @Test("what references take is told before they are seen", arguments: [(1, 1), (16, 40), (50, 33)])
    func bytes(height: Int, width: Int) throws {
        let network = try Self.network()
        let features = network.guidance.features(
            of: Self.noise(height, width, seed: 2), height: height, width: width, in: Workspace(threads: 1))
        let blank = ReferenceFeatures(blank: network.configuration.guidance, height: height, width: width)
        let told = ReferenceFeatures.bytes(network.configuration.guidance, height: height, width: width)
        #expect(features.bytes <= told && blank.bytes == features.bytes)
        #expect(told < features.bytes * 3 / 2)
    }

    @Test("sizes that can't be are named")
    func wrongSizes() throws {
        let cases: [([String: Any], String)] = [
            (["nf": 8], "nf"), (["dilations": [3]], "dilations"), (["dilations": [0]], "dilations"), (["num_nbr": 2], "num_nbr"),
            (["psize": 5], "psize"), (["lr_block_size": 1], "lr_block_size"), (["lr_block_size": 64, "enc_blk_nums": [1, 1, 1, 1, 1], "dec_blk_nums": [1, 1, 1, 1, 1], "reffusion_n_blocks": [1, 1, 1, 1, 1]], "lr_block_size"),
            (["ref_down_block_size": 0], "ref_down_block_size"), (["reffusion_n_blocks": [1]], "reffusion_n_blocks"),
            (["reffusion_n_blocks": [1, 1, 2], "reffusion_n_blocks_middle": 1], "reffusion_n_blocks_middle"),
            (["ext_n_blocks": [1]], "ext_n_blocks"), (["scale": 2], "scale"),
        ]
        for (sizes, key) in cases {
            let error = #expect(throws: ConfigurationError.self) { try Self.network(sizes) }
            #expect(error?.key == key, "\(sizes)")
        }
        #expect(try Self.network(["reffusion_n_blocks": [1, 1, 2]]).configuration.guidance.fusionBlocks == [1, 1, 2])
        #expect(try Self.network(["reffusion_n_blocks_middle": 3]).configuration.guidance.fusionBlocks == [1, 1, 3])
    }
}
