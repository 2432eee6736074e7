import Foundation
import Images
import TestSupport
import Testing

@Suite("Parity of pictures, preprocessing and measures", .enabled(if: TestFiles.hasParity, "no parity folder"))
struct ImagesParityTests {
    /// A picture of the folder by its name without an extension; a JPEG by its decoded twin.
    private func picture(_ stem: String) throws -> Picture {
        let names = ["\(stem)_decoded.png", "\(stem).png"]
        let name = names.first {
            FileManager.default.fileExists(atPath: TestFiles.parity.appending(path: "images/\($0)").path)
        }
        return try ImageDecoder.decode(TestFiles.parityBytes("images/\(name ?? "")"))
    }

    @Test("every picture decodes to the size of its header")
    func pictures() throws {
        let names = try FileManager.default.contentsOfDirectory(
            atPath: TestFiles.parity.appending(path: "images").path)
        #expect(!names.isEmpty)
        for name in names {
            let bytes = try TestFiles.parityBytes("images/\(name)")
            let header = try ImageHeader.read(bytes), picture = try ImageDecoder.decode(bytes)
            #expect(picture.width == header.width && picture.height == header.height, "\(name)")
        }
    }

    @Test("a JPEG decodes to the pixels of its PNG twin, give or take one level")
    func jpegTwins() throws {
        let names = try FileManager.default.contentsOfDirectory(
            atPath: TestFiles.parity.appending(path: "images").path)
        for name in names where name.hasSuffix(".jpg") {
            let decoded = try ImageDecoder.decode(TestFiles.parityBytes("images/\(name)"))
            let twin = try picture(String(name.dropLast(4)))
            let largest = zip(decoded.pixels, twin.pixels).map { abs(Int($0) - Int($1)) }.max() ?? 256
            #expect(decoded.pixels.count == twin.pixels.count && largest <= 1, "\(name): \(largest)")
        }
    }

    @Test("bytes survive the way to floats and back")
    func levels() throws {
        let tensors = try FixtureTensors("preprocess.safetensors")
        let levels: [UInt8] = (0...255).map { Picture.byte(Float($0) / 255) }
        for name in tensors.names where name.hasPrefix("roundtrip") {
            #expect(tensors.bytes(name) == levels, "\(name)")
        }
    }

    @Test("floats become the recorded bytes")
    func rounding() throws {
        let tensors = try FixtureTensors("tensor2img.safetensors")
        let shape = tensors.shape("input_chw_rgb_float")
        let picture = Picture(width: shape[2], height: shape[1], planes: tensors.floats("input_chw_rgb_float"))
        var blueFirst = picture.pixels
        for start in stride(from: 0, to: blueFirst.count, by: 3) { blueFirst.swapAt(start, start + 2) }
        #expect(blueFirst == tensors.bytes("expected_hwc_bgr_uint8"))
    }

    @Test("PSNR and SSIM are the recorded ones")
    func measures() throws {
        let json = try JSONSerialization.jsonObject(with: Data(TestFiles.parityBytes("metrics.json")))
        let entries = try #require(json as? [[String: Any]])
        #expect(!entries.isEmpty)
        for entry in entries {
            let truth = try ImageDecoder.decode(TestFiles.parityBytes(try #require(entry["gt"] as? String)))
            let output = try ImageDecoder.decode(TestFiles.parityBytes(try #require(entry["out"] as? String)))
            for (name, value) in entry {
                guard let expected = value as? Double else { continue }
                let comparison = try PictureComparison(
                    output, truth, croppingBorder: name.hasSuffix("_crop4") ? 4 : 0,
                    channels: name.contains("_y") ? .luma : .rgb)
                let found = try name.hasPrefix("psnr") ? comparison.psnr() : comparison.ssim()
                #expect(abs(found - expected) <= 1e-9 * abs(expected), "\(name): \(found) for \(expected)")
            }
        }
    }
}
