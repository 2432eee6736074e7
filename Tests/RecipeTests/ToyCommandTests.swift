import ArgumentParser
import Engine
import Foundation
import Images
import Testing
import restored

/// The command line as it is, with a registry that knows one kind more.
@Suite("A toy recipe: command line", .timeLimit(.minutes(2)))
struct ToyCommandTests {
    private let bundle: ToyBundle
    private let folder: URL
    private let pictures = (0..<3).map { Picture.shade(60 * $0, seed: $0) }

    init() throws {
        bundle = try ToyBundle()
        folder = bundle.folder.appendingPathComponent("pictures")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for (number, picture) in pictures.enumerated() {
            try Data(try ImageEncoder.png(picture)).write(to: folder.appendingPathComponent("\(number).png"))
        }
    }

    private var inputs: [String] { pictures.indices.map { folder.appendingPathComponent("\($0).png").path } }
    private var output: URL { folder.appendingPathComponent("restored") }

    private func restore(_ options: String...) async throws {
        let arguments = inputs + ["-o", output.path, "--bundle", bundle.folder.path] + options
        try await RestoreCommand.parse(arguments).run(with: ToyRecipe.registry())
    }

    @Test("pictures are restored into a folder", arguments: [1, 2])
    func restore(rounds: Int) async throws {
        try await restore("--rounds", "\(rounds)", "--json")
        for (number, picture) in pictures.enumerated() {
            let file = Array(try Data(contentsOf: output.appendingPathComponent("\(number).png")))
            let expected = picture.brightened(gain: ToyBundle.gain, mostRounds: rounds).picture
            #expect(try ImageDecoder.decode(file).pixels == expected.pixels)
        }
    }

    @Test("an option of another recipe is a usage error, and nothing is written", arguments: [
        ["--steps", "3"], ["--seed", "7"], ["--sampler", "sde"], ["--force"],
    ])
    func refused(options: [String]) async throws {
        let command = try RestoreCommand.parse(inputs + ["-o", output.path, "--bundle", bundle.folder.path] + options)
        await #expect(throws: ExitCode(64)) { try await command.run(with: ToyRecipe.registry()) }
        #expect(!FileManager.default.fileExists(atPath: output.appendingPathComponent("0.png").path))
    }

    @Test("a classification is a usage error, and so is a kind that the program doesn't know a fault of the bundle")
    func notOffered() async throws {
        let command = try ClassifyCommand.parse([inputs[0], "--bundle", bundle.folder.path])
        await #expect(throws: ExitCode(64)) { try await command.run(with: ToyRecipe.registry()) }
        await #expect(throws: ExitCode(65)) { try await command.run() }
    }

    @Test("what a bundle.json has wrong is named by the kind's own reading", arguments: [
        ["network": ["gain": 2]], ["network": ["gain": 0.5, "gian": 1]], ["network": nil],
    ] as [[String: [String: Double]?]])
    func malformed(members: [String: [String: Double]?]) async throws {
        let wrong = try ToyBundle(named: "dim", members.mapValues { $0.map { $0 as Any } ?? NSNull() })
        let command = try RestoreCommand.parse([inputs[0], "-o", output.path + ".png", "--bundle", wrong.folder.path])
        await #expect(throws: ExitCode(65)) { try await command.run(with: ToyRecipe.registry()) }
    }
}
