import ArgumentParser
import Engine
import Foundation
import Images
import TestSupport
import Testing
import restored

/// References on the command line.
@Suite("Guided: command line", .timeLimit(.minutes(2)))
struct GuidedCommandTests {
    private let bundle: SinglePassBundle
    private let folder: URL

    init() throws {
        bundle = try SinglePassBundle("guided")
        folder = bundle.folder.appendingPathComponent("pictures")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try write(ImageEncoder.png(Picture.sample(width: 61, height: 43)), "a.png")
        try write(ImageEncoder.png(Picture.sample(width: 52, height: 40)), "b.png")
        try write(ImageEncoder.png(Picture.sample(width: 204, height: 192)), "reference.png")
        try write(Array(ImageEncoder.png(Picture.sample(width: 204, height: 192)).prefix(2_000)), "broken.png")
    }

    private func write(_ bytes: [UInt8], _ name: String) throws { try Data(bytes).write(to: folder.appendingPathComponent(name)) }
    private func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    private func restore(_ arguments: String..., bundle: SinglePassBundle? = nil) async throws {
        let all = [path("a.png"), path("b.png"), "-o", path("restored"), "--bundle", (bundle ?? self.bundle).folder.path] + arguments
        try await RestoreCommand.parse(all).run()
    }

    @Test("all pictures of a command borrow from its reference")
    func reference() async throws {
        try await restore("--reference", path("reference.png"))
        var options = RestorationOptions()
        options.reference = ReferencePicture(Picture.sample(width: 204, height: 192))
        for (name, picture) in [("a", Picture.sample(width: 61, height: 43)), ("b", Picture.sample(width: 52, height: 40))] {
            let expected = try await bundle.engine().restore(picture, options: options) { _ in }.picture
            let file = Array(try Data(contentsOf: URL(fileURLWithPath: path("restored/\(name).png"))))
            #expect(try ImageDecoder.decode(file).pixels == expected.pixels)
        }
    }

    @Test("one that is broken, not there or not wanted ends the command, as does none where one is needed")
    func faults() async throws {
        await #expect(throws: ExitCode(64)) { try await restore() }
        await #expect(throws: ExitCode(65)) { try await restore("--reference", path("broken.png")) }
        await #expect(throws: ExitCode(66)) { try await restore("--reference", path("none.png")) }
        let other = try SinglePassBundle("nafnet")
        await #expect(throws: ExitCode(64)) { try await restore("--reference", path("reference.png"), bundle: other) }
        #expect(throws: (any Error).self) { try RestoreCommand.parse(["-", "-o", path("c.png"), "--reference", "-"]) }
        #expect(!FileManager.default.fileExists(atPath: path("restored/a.png")))
    }
}
