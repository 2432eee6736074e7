import Foundation
import TestSupport
import Testing

/// The built-in catalogue's DA-CLIP bundles at their real size, under the official paths, with random numbers inside:
/// `Deploy/test --full`.
@Suite(
    "Fetching full-size weights", .serialized,
    .enabled("needs RESTORED_FULL, as Deploy/test --full sets it, and the parity folder") {
        ProcessInfo.processInfo.environment["RESTORED_FULL"] == "1"
            && ParityFolder.current.has("STATE_DICTS.md", "bpe_simple_vocab_16e6.txt.gz")
    })
struct FullSizeFetchTests {
    private static let hub = "/weblzw/daclip-uir-ViT-B-32-irsde/resolve/main/"

    @Test("fetched, converted, tried and verified", arguments: [
        ("daclip-universal", ["daclip_ViT-B-32.pt": "daclip_ViT-B-32", "universal-ir.pth": "unet_test_yml"]),
        ("daclip-wild", ["wild-daclip_ViT-L-14.pt": "daclip_ViT-L-14", "wild-ir.pth": "unet_wild_ir"]),
    ])
    func fetch(name: String, models: [String: String]) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("restored-full-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var paths = [OfficialSketch.mergesPath: ParityFolder.current.url("bpe_simple_vocab_16e6.txt.gz")]
        for (index, (file, model)) in models.sorted(by: { $0.key < $1.key }).enumerated() {
            let listing = try #require(StateDictListing(model), "STATE_DICTS.md lists no \(model)")
            let url = folder.appendingPathComponent(file)
            try Data(TorchArchiveWriter.bytes(of: listing.randomTensors(seed: UInt64(index)))).write(to: url)
            paths[Self.hub + file] = url
        }
        let server = try LoopbackServer { [paths] request, reply in
            guard let url = paths[request.path], let data = try? Data(contentsOf: url, options: .alwaysMapped) else {
                return reply.text(404, "")
            }
            reply.head(200, ["Content-Length: \(data.count)", "ETag: \"a\""])
            for start in stride(from: 0, to: data.count, by: 1 << 20) {
                guard reply.send(data[start..<min(start + 1 << 20, data.count)]) else { return }
            }
        }
        let environment = ["RESTORED_WEIGHTS": folder.path + "/weights"]
        let start = ContinuousClock.now
        let fetched = try RunningProgram(
            ["weights", "fetch", name, "--mirror", server.url], environment: environment).wait()
        try #require(fetched.status == 0, "\(fetched.error)")
        print("\(name): fetched, converted and tried in \(ContinuousClock.now - start)")
        let verified = try RunningProgram(["weights", "verify", name, "--run"], environment: environment).wait()
        #expect(verified.status == 0 && verified.output.contains("It computes what was recorded"), "\(verified.error)")
        print(verified.output)
        let picture = Repository.root.appendingPathComponent("Tests/Fixtures/Images/source.png").path
        let restored = try RunningProgram(
            ["restore", picture, "-o", folder.path + "/out.png", "--bundle", name, "--steps", "2"], environment: environment).wait()
        #expect(restored.status == 0, "\(restored.error)")
    }
}
