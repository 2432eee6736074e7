import ArgumentParser
import Engine
import Foundation
import Images
import TestSupport
import Testing
import restored

/// Modes on the command line.
@Suite("Restorers: command line", .timeLimit(.minutes(2)))
struct RestorersCommandTests {
    @Test("--mode chooses the way, and one that there is not is a usage error")
    func mode() async throws {
        let diffusion = try SinglePassBundle("daclip-ir-sde", labels: ["noisy", "hazy"], classifier: true)
        let noise = try SinglePassBundle("nafnet", seed: 3)
        let bundle = try SinglePassBundle("restorers", [
            "classifier": ["bundle": diffusion.folder.lastPathComponent],
            "fast": ["noisy": ["bundle": noise.folder.lastPathComponent]],
        ])
        let input = bundle.folder.appendingPathComponent("in.png")
        let picture = Picture.sample(width: 31, height: 23)
        try Data(try ImageEncoder.png(picture)).write(to: input)
        func made(_ mode: String) async throws -> [UInt8] {
            let output = bundle.folder.appendingPathComponent("\(mode).png")
            let arguments = [
                input.path, "-o", output.path, "--bundle", bundle.folder.path, "--degradation", "noisy", "--mode", mode,
                "--seed", "1", "--steps", "2",
            ]
            try await RestoreCommand.parse(arguments).run()
            return try ImageDecoder.decode(Array(try Data(contentsOf: output))).pixels
        }
        let (fast, photo, chosen) = (try await made("fast"), try await made("photo"), try await made("auto"))
        let expected = try await noise.engine().restore(picture, options: RestorationOptions()) { _ in }.picture.pixels
        // Nothing was measured.
        #expect(fast == expected && photo != fast && chosen == photo)
        await #expect(throws: ExitCode(64)) { try await made("slow") }
    }
}
