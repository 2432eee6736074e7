import Checkpoints
import Foundation
import TestSupport
import Testing

/// Whatever a file holds, reading it ends in one clear line, runs nothing and stays small.
@Suite("Hostile checkpoints")
struct HostileCheckpointTests {
    @Test("is refused in one line, for the right reason", arguments: HostileCheckpoints.all)
    func isRefused(checkpoint: HostileCheckpoint) throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("restored-hostile-\(UUID().uuidString)", isDirectory: true)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent(checkpoint.name)
        try Data(checkpoint.bytes).write(to: file)

        let error = try #require(throws: CheckpointError.self) { try StateDict(contentsOf: file.path) }
        let message = error.description
        #expect(checkpoint.reason.isEmpty || message.contains(checkpoint.reason), "\(message)")
        #expect(message.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control })
        #expect(message.count < 400)
        #expect(!FileManager.default.fileExists(atPath: HostileCheckpoints.canary), "code ran")
    }

    @Test("there are many, and no two have one name")
    func areMany() {
        #expect(HostileCheckpoints.all.count >= 100)
        #expect(Set(HostileCheckpoints.all.map(\.name)).count == HostileCheckpoints.all.count)
    }

    @Test("the files that the others are made from are sound")
    func soundOnes() throws {
        for bytes in [HostileCheckpoints.soundArchive, HostileCheckpoints.soundSafetensors] {
            let dictionary = try StateDict(CheckpointBytes(bytes))
            #expect(dictionary.names == ["a", "b"])
            #expect(dictionary["a"]?.shape == [2, 3])
        }
    }

    @Test("a folder, a missing file and a pipe are refused")
    func notFiles() throws {
        let folder = FileManager.default.temporaryDirectory.path
        #expect(throws: CheckpointError.unreadable("not a regular file")) { try StateDict(contentsOf: folder) }
        #expect(throws: CheckpointError.unreadable("No such file or directory")) {
            try StateDict(contentsOf: folder + "/no-such-checkpoint-\(UUID().uuidString)")
        }
        let pipe = folder + "/restored-pipe-\(UUID().uuidString)"
        #expect(mkfifo(pipe, 0o600) == 0)
        defer { unlink(pipe) }
        #expect(throws: CheckpointError.unreadable("not a regular file")) { try StateDict(contentsOf: pipe) }
    }

    /// For tests of the command line: `RESTORED_HOSTILE_FOLDER=FOLDER swift test --filter HostileCheckpointTests`.
    @Test("are written into the folder that is asked for",
        .enabled(if: ProcessInfo.processInfo.environment["RESTORED_HOSTILE_FOLDER"] != nil, "no folder is asked for"))
    func writesFiles() throws {
        let folder = try #require(ProcessInfo.processInfo.environment["RESTORED_HOSTILE_FOLDER"])
        let files = try HostileCheckpoints.write(to: URL(fileURLWithPath: folder, isDirectory: true))
        #expect(files.count == HostileCheckpoints.all.count)
    }
}
