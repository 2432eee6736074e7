import Checkpoints
import Engine
import Foundation
import Images
import Service
import TestSupport
import Testing

/// Guidance by words at its real size, with random weights, over HTTP: `Deploy/test --full`.
@Suite("Full-size words", .serialized)
struct FullSizeWordsTests {
    @Test("the files have the keys and as many numbers as the official ones")
    func keys() throws {
        let files = FullSizeWords().files
        let expected: [String: (tensors: Int, numbers: Int)] = [
            "net_g.pth": (916, 223_800_000), "mapper.pt": (592, 275_100_000), "clean_mapper.pt": (280, 118_220_000),
        ]
        for (name, counts) in expected {
            let file = try #require(files[name])
            #expect(file.entries.count == counts.tensors && Set(file.entries.map(\.name)).count == counts.tensors, "\(name)")
            // As the page has them, rounded.
            #expect(abs(file.parameterCount - counts.numbers) < 60_000, "\(name): \(file.parameterCount)")
        }
        #expect(files["v2-1_512-ema-pruned.safetensors"]?.parameterCount == 865_910_724 + 83_653_863 + 354_032_641)
        #expect(files["open_clip_pytorch_model.bin"]?.parameterCount == 632_076_800)
    }

    @Test(
        "they are converted and loaded, restore 1280x720 with a reference, draw a guidance in 4 steps and restore 512x512 with it, within their memory",
        .enabled("needs RESTORED_FULL, as Deploy/test --full sets it, and the parity folder's merges") {
            FullSizeBundle.isWanted
        })
    func wholeSize() async throws {
        try await FullSizeBundle.converted("words-full") { published in
            try FullSizeWords().writeBundle(to: published, precisions: ["fp32", "bf16"])
        } use: { converted in
            try await serve(converted, .bf16, gibibytes: 10)
        }
    }

    private func serve(_ folder: URL, _ precision: Precision, gibibytes limit: Int) async throws {
        ResidentMemory.forgetPeak()
        let before = ResidentMemory.peak
        let start = ContinuousClock.now
        let running = try FullSizeBundle.served(folder, precision)
        let (loaded, loading) = (ContinuousClock.now, ResidentMemory.peak)
        try await borrow(running, precision)
        let borrowed = ContinuousClock.now
        let picture = Picture.sample(width: 512, height: 512)
        let query = "?guidance=words&steps=4&seed=42"
        let answer = try await running.restore(picture, query)
        let restored = ContinuousClock.now
        #expect(answer.status == 200, "\(answer.text.prefix(400))")
        #expect(answer["Restored-Steps"] == "4" && answer["Restored-Sampler"] == "ddim")
        let made = try ImageDecoder.decode(answer.body)
        #expect(made.width == 512 && made.height == 512)
        let peak = max(loading, ResidentMemory.peak)
        #expect(await running.life.drain() == 0)
        #expect(peak <= limit << 30, "\(peak) bytes")
        print(
            "Words, \(precision.rawValue): load \(loaded - start), 512x512 in 4 steps \(restored - borrowed), "
                + "at most \(peak >> 20) MiB resident (\(before >> 20) before); \(answer["Server-Timing"] ?? "")")
    }

    /// Matching a picture of 1280x720 with a reference of that size takes at most 1 GiB beside the weights.
    private func borrow(_ running: RunningBundle, _ precision: Precision) async throws {
        ResidentMemory.forgetPeak()
        let (before, start) = (ResidentMemory.peak, ContinuousClock.now)
        let (image, reference) = (Picture.sample(width: 1280, height: 720), Picture.sample(width: 1280, height: 720))
        let answer = try await Loopback.sendForm(
            [("image", try ImageEncoder.png(image)), ("reference", try ImageEncoder.png(reference))], to: running.port)
        let beyond = ResidentMemory.peak - before
        #expect(answer.status == 200 && answer["Server-Timing"]?.contains("reference;") == true, "\(answer.text.prefix(400))")
        #expect(beyond <= 1 << 30, "\(beyond) bytes")
        print(
            "Reference, \(precision.rawValue): 1280x720 in \(ContinuousClock.now - start), \(beyond >> 20) MiB beyond the weights; "
                + (answer["Server-Timing"] ?? ""))
    }
}
