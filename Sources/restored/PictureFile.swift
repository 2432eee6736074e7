import FoundationEssentials
import Glibc
import Images

/// Reads and writes whole files for the commands.
enum PictureFile {
    /// - Throws: `CommandFailure`: no input where there is none, input or output where it can't be read.
    static func read(_ path: String, limit: Int = 1 << 30) throws(CommandFailure) -> [UInt8] {
        var status = stat()
        guard stat(path, &status) == 0 else { throw CommandFailure(.noInput, "\(path): \(reason())") }
        guard status.st_mode & S_IFMT != S_IFDIR else { throw CommandFailure(.noInput, "\(path): is a folder") }
        guard status.st_size <= limit else {
            throw CommandFailure(.badData, "\(path): has \(status.st_size) bytes, more than \(limit)")
        }
        do {
            return Array(try Data(contentsOf: URL(filePath: path)))
        } catch {
            throw CommandFailure(.noInput, "\(path): can't be read")
        }
    }

    /// Writes beside the place and then renames, so that no half file is ever there.
    static func write(_ bytes: [UInt8], to path: String) throws(CommandFailure) {
        do {
            try Data(bytes).write(to: URL(filePath: path), options: .atomic)
        } catch {
            throw CommandFailure(.inputOutput, "\(path): can't be written")
        }
    }

    static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// What file a path leads to, whatever it's called; nil where there is none.
    struct Identity: Hashable {
        let device: UInt64
        let number: UInt64
    }

    static func identity(_ path: String) -> Identity? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Identity(device: UInt64(status.st_dev), number: UInt64(status.st_ino))
    }

    static func makeFolder(_ path: String) throws(CommandFailure) {
        guard !isFolder(path) else { return }
        guard mkdir(path, 0o777) == 0 else { throw CommandFailure(.inputOutput, "\(path): \(reason())") }
    }

    /// The file's name without folders and without its last extension.
    static func stem(_ path: String) -> String {
        let name = path.split(separator: "/").last ?? ""
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return String(name) }
        return String(name[..<dot])
    }

    static func pathExtension(_ path: String) -> String {
        let name = path.split(separator: "/").last ?? ""
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return "" }
        return name[name.index(after: dot)...].lowercased()
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
