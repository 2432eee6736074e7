import Autoencoder
import Checkpoints
import Compute
import TestSupport
import Testing

/// What decoding takes beside the weights, for a network with the official numbers of levels and blocks.
@Suite("Memory of decoding")
struct DecoderMemoryTests {
    @Test("no more is held than three of the finest level's maps, and what was doubled", arguments: [Precision.fp32, .bf16])
    func peak(precision: Precision) throws {
        let json = """
            {"in_channels": 3, "out_ch": 3, "ch": 32, "ch_mult": [1, 2, 4, 4], "num_res_blocks": 2, "z_channels": 4, "embed_dim": 4}
            """
        let configuration = try AutoencoderConfiguration(ConfigurationReader(json: [UInt8](json.utf8)))
        let tensors = try RandomTensors.made(seed: 1, in: -0.05...0.05) { _ = try LatentDecoder($0, configuration: configuration) }
        let decoder = try LatentDecoder(
            ParameterReader(StateDict(tensors), precision: precision), configuration: configuration)
        let workspace = Workspace(threads: 2)
        let side = 64
        let picture = decoder.decode(
            [[Float](repeating: 0.5, count: side * side * 4)], height: side, width: side, in: workspace)[0]
        #expect(picture.count == 512 * 512 * 3 && picture.allSatisfy(\.isFinite))
        let finest = 512 * 512 * 32 * MemoryLayout<Float>.stride
        // Half of one is what was doubled; as much is left to gaps and to what threads work on.
        #expect(workspace.pool.peakBytes <= 4 * finest, "\(Double(workspace.pool.peakBytes) / Double(finest)) maps")
    }
}
