import Checkpoints
import Compute
import Images
import Layers
import Restormer
import TestSupport
import Testing

/// From bytes to bytes: what is recorded of pictures before and behind the networks.
@Suite("Pictures before and behind networks of one evaluation", .enabled(if: Recording.folder.has("pipeline.safetensors")))
struct PipelineParityTests {
    private static let file = "pipeline.safetensors"

    private func recorded(_ name: String) throws -> StoredTensor {
        try #require(StateDict(contentsOf: Recording.folder.path(Self.file))[name])
    }

    private func bytes(_ name: String) throws -> [UInt8] { try recorded(name).withBytes { [UInt8]($0) } }

    @Test("a picture is mirrored to multiples of eight, as recorded to the bit")
    func padding() throws {
        let pixels = try recorded("pixels")
        let (height, width) = (pixels.shape[0], pixels.shape[1])
        let expected = try recorded("restormer.padded")
        let padded = PicturePadding.padded(
            [try bytes("pixels").map { Float($0) / 255 }], height: height, width: width, channels: 3, alignment: 8,
            margin: .mirrored, in: Workspace(threads: 1))
        #expect(padded.channelsFirst == expected.floats())
        #expect(PicturePadding.cropped(padded, height: height, width: width)[0] == (try bytes("pixels").map { Float($0) / 255 }))
    }

    @Test("values become the recorded bytes")
    func rounding() throws {
        #expect(try recorded("rounding.values").floats().map(Picture.byte) == bytes("rounding.half_even"))
    }

    @Test("a picture becomes the recorded picture", arguments: Workspace.kernelSetNames)
    func picture(kernels: String) throws {
        let recording = Recording(network: "restormer_a", file: Self.file, weights: "restormer_a.pth")
        let network = try Restormer(
            recording.parameters(), configuration: RestormerConfiguration(recording.sizes()))
        let shape = try recorded("pixels").shape
        let output = network(
            [try bytes("pixels").map { Float($0) / 255 }], height: shape[0], width: shape[1],
            in: Workspace(threads: 2, kernels: kernels))[0]
        let (found, expected) = (output.map(Picture.byte), try bytes("restormer.output"))
        #expect(found.count == expected.count)
        let differences = zip(found, expected).map { abs(Int($0) - Int($1)) }
        // As the fixtures' README allows: at most one apart, in at most one of a thousand.
        #expect((differences.max() ?? 0) <= 1 && differences.count { $0 > 0 } * 1_000 <= differences.count)
    }
}
