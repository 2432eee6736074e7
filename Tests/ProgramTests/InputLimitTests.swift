import Foundation
import Glibc
import Testing
import restored

/// How much of a file is read.
@Suite("Limit of files")
struct InputLimitTests {
    private static let limit = 100_000

    /// So many bytes that begin as a PNG does.
    private static func bytes(_ count: Int) -> [UInt8] {
        [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + [UInt8](repeating: 7, count: count - 8)
    }

    /// Reads the bytes from a file on disk, or from a pipe that gets them in small pieces.
    private func read(_ bytes: [UInt8], throughPipe: Bool) async throws -> [UInt8] {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("restored-limit-\(UUID())").path
        defer { unlink(path) }
        guard throughPipe else {
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            return try InputFile.readPicture(FilePath(path), limit: Self.limit)
        }
        try #require(mkfifo(path, 0o600) == 0)
        let writing = Thread {
            let descriptor = open(path, O_WRONLY)
            defer { close(descriptor) }
            for start in stride(from: 0, to: bytes.count, by: 7_001) {
                // A reader that has seen enough leaves; the signal is ignored below.
                let piece = bytes[start..<min(bytes.count, start + 7_001)]
                guard piece.withUnsafeBytes({ write(descriptor, $0.baseAddress, $0.count) }) > 0 else { return }
            }
        }
        signal(SIGPIPE, SIG_IGN)
        writing.start()
        return try InputFile.readPicture(FilePath(path), limit: Self.limit)
    }

    @Test("at the limit a file is read, and one byte past it is not", arguments: [false, true])
    func limit(throughPipe: Bool) async throws {
        for count in [8, Self.limit - 1, Self.limit] {
            #expect(try await read(Self.bytes(count), throughPipe: throughPipe) == Self.bytes(count))
        }
        for count in [Self.limit + 1, Self.limit * 3] {
            await #expect {
                try await read(Self.bytes(count), throughPipe: throughPipe)
            } throws: {
                "\($0)".contains("more than \(Self.limit) bytes")
            }
        }
    }

    @Test("what is no picture is not read on")
    func noPicture() throws {
        #expect(try InputFile.readPicture(FilePath("/dev/zero")).count <= 1 << 16)
        #expect(InputFile.largest == 1 << 30)
    }
}
