package import Foundation

/// A file that must be refused, in one line that says why.
package struct HostileCheckpoint: Sendable, CustomStringConvertible {
    /// Fit for a file name.
    package var name: String
    package var bytes: [UInt8]
    /// What the message must contain, so that a file isn't refused for the wrong reason; empty where several are right.
    package var reason: String

    init(_ name: String, _ reason: String, _ bytes: [UInt8]) {
        self.name = name
        self.reason = reason
        self.bytes = bytes
    }

    /// Short, since test runs print it.
    package var description: String { name }
}

/// Broken and hostile checkpoints of every kind that the readers must refuse.
package enum HostileCheckpoints {
    /// A file that the code inside the pickles would make, if any of it ran.
    package static let canary = FileManager.default.temporaryDirectory
        .appendingPathComponent("restored-pickle-code-ran").path

    package static let all: [HostileCheckpoint] = pickles + views + archives + safetensors + truncations + strangers

    /// Writes each into a folder, for tests of the command line.
    ///
    /// - Returns: the files, with the reason each must be refused for.
    @discardableResult
    package static func write(to folder: URL) throws -> [(file: URL, reason: String)] {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return try all.map { checkpoint in
            let file = folder.appendingPathComponent(checkpoint.name)
            try Data(checkpoint.bytes).write(to: file)
            return (file, checkpoint.reason)
        }
    }

    /// A sound file of each form, of the tensors `a` (2x3 floats) and `b` (4 floats).
    package static var soundArchive: [UInt8] {
        TorchArchiveWriter.archive(PickleAssembler.assemble {
            $0.stateDictionary([("a", PickledView()), ("b", PickledView {
                $0.key = "1"
                $0.storageCount = 4
                $0.shape = [4]
                $0.strides = [1]
            })])
        }, [TorchArchiveWriter.floats(6), TorchArchiveWriter.floats(4)]).bytes()
    }

    package static var soundSafetensors: [UInt8] {
        safetensors("""
            {"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"F32","shape":[4],"data_offsets":[24,40]}}
            """, dataSize: 40)
    }

    /// A safetensors file of this header and so many bytes of data.
    static func safetensors(_ header: String, dataSize: Int, length: UInt64? = nil) -> [UInt8] {
        safetensors(Array(header.utf8), dataSize: dataSize, length: length)
    }

    static func safetensors(_ header: [UInt8], dataSize: Int, length: UInt64? = nil) -> [UInt8] {
        var file = ByteWriter()
        file.append(length ?? UInt64(header.count))
        return file.bytes + header + [UInt8](repeating: 0, count: dataSize)
    }

    /// Both forms, cut at each sixteenth.
    private static var truncations: [HostileCheckpoint] {
        let sources = [("archive.pth", soundArchive, "end record"), ("tensors.safetensors", soundSafetensors, "")]
        return (0..<16).flatMap { sixteenth in
            sources.map { name, bytes, reason in
                HostileCheckpoint(
                    "cut-\(sixteenth)-sixteenths-\(name)", sixteenth == 0 ? "empty" : reason,
                    Array(bytes.prefix(bytes.count * sixteenth / 16)))
            }
        }
    }

    /// Files of another kind.
    private static var strangers: [HostileCheckpoint] {
        [
            .init("text.pth", "not a checkpoint", Array("just some words, nothing else\n".utf8)),
            .init("page.pth", "a web page", Array("<!DOCTYPE html><html><body>404</body></html>".utf8)),
            .init("one-byte.pth", "only 1 bytes", [0x50]),
            .init("picture.safetensors", "a PNG picture",
                [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + [UInt8](repeating: 0, count: 64)),
            .init("pointer.safetensors", "large file storage",
                Array("version https://git-lfs.example/spec/v1\noid sha256:0\n".utf8)),
            .init("packed.pth", "a gzip file", [0x1F, 0x8B, 8, 0] + [UInt8](repeating: 0, count: 64)),
            .init("legacy.pth", "bare pickle", PickleAssembler.assemble { $0.global("os", "system"); $0.raw(")R") }),
            .init("other.gguf", "a GGUF file", Array("GGUF".utf8) + [UInt8](repeating: 0, count: 64)),
            .init("zeros.safetensors", "not a checkpoint", [UInt8](repeating: 0, count: 4096)),
        ]
    }
}
