import ArgumentParser
import Glibc
import Images

/// Files that commands read whole: on disk, a pipe or device, or standard input.
package enum InputFile {
    /// The largest file that is read, in bytes.
    package static let largest = 1 << 30

    /// What a picture's first bytes are compared with.
    private static let signatureBytes = 8

    /// A picture's file. What is no picture is told from its first bytes and not read on: a device may have no end.
    ///
    /// - Throws: `CommandFailure`: no input where there is none, bad data where it is too large.
    package static func readPicture(_ path: FilePath, limit: Int = largest) throws -> [UInt8] {
        try read(path, limit: limit) { $0.count < signatureBytes || ImageFormat.sniff($0) != nil }
    }

    /// - Parameters:
    ///   - limit: bytes; more are bad data.
    ///   - goesOn: whether more is wanted behind what is there.
    /// - Throws: as `readPicture`.
    static func read(
        _ path: FilePath, limit: Int = largest, while goesOn: ([UInt8]) -> Bool = { _ in true }
    ) throws(CommandFailure) -> [UInt8] {
        do throws(SystemFault) {
            let file = path.isStandardStream ? OpenFile(borrowing: STDIN_FILENO) : try OpenFile(path, O_RDONLY)
            let status = try file.status()
            let size = status.kind == .regular ? status.size : 0
            if size <= limit {
                let bytes = try file.read(reserving: size) { $0.count <= limit && goesOn($0) }
                if bytes.count <= limit { return bytes }
            }
        } catch {
            throw CommandFailure(.noInput, "\(path): \(error.reason)")
        }
        throw CommandFailure(.badData, "\(path): has more than \(limit) bytes")
    }

    /// Whether it is what the program was started with as its standard input.
    static func isStandardInput(_ path: FilePath) -> Bool {
        path.isStandardStream || path.descriptorNumber == STDIN_FILENO
    }

    /// - Throws: where standard input is named twice, of which the second would find nothing.
    static func checkStandardInput(_ paths: [FilePath]) throws {
        guard paths.count(where: isStandardInput) <= 1 else {
            throw ValidationError("standard input can be read only once")
        }
    }

    /// The file on disk that is read; nil for all else.
    static func identity(_ path: FilePath) -> FileStatus.Identity? {
        let status =
            path.isStandardStream
            ? try? OpenFile(borrowing: STDIN_FILENO).status() : (try? FileStatus.following(path)) ?? nil
        return status?.kind == .regular ? status?.identity : nil
    }
}
