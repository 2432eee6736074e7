import Foundation
import Glibc
import Testing

/// The built program, run as a user runs it.
struct Program {
    /// How a run ended.
    struct Ending {
        /// The exit status; over 128, or nil, where a signal ended it.
        let status: Int32?
        let error: String
        /// The most memory that was resident, in bytes.
        let peakBytes: Int
    }

    /// Beside the test program, where the build puts it.
    static let path: String? = {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard count > 0 else { return nil }
        let own = String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
        let path = URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("restored").path
        return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }()

    /// GNU time starts the program and measures it: a program started by the tests themselves inherits their peak.
    private static let meter = "/usr/bin/time"
    static let canMeasure = FileManager.default.isExecutableFile(atPath: meter)

    /// Runs the program to its end, its output thrown away.
    static func run(_ arguments: String...) throws -> Ending {
        let path = try #require(path, "the program is not beside the tests: build with --build-tests")
        let errors = FileManager.default.temporaryDirectory.appendingPathComponent("restored-errors-\(UUID())").path
        defer { unlink(errors) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        let peak = errors + "-peak"
        defer { unlink(peak) }
        let words = ([meter, "-q", "-f", "%M", "-o", peak, path] + arguments).map { strdup($0) }
        defer { words.forEach { free($0) } }
        var process = pid_t()
        try #require(posix_spawn(&process, meter, &actions, nil, words + [nil], environ) == 0)
        var state: Int32 = 0
        while waitpid(process, &state, 0) < 0 { try #require(errno == EINTR) }
        let text = try String(contentsOfFile: errors, encoding: .utf8)
        let kibibytes = try String(contentsOfFile: peak, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        return Ending(
            status: state & 0x7F == 0 ? (state >> 8) & 0xFF : nil, error: text,
            peakBytes: try #require(Int(kibibytes), "time says \(kibibytes)") * 1_024)
    }
}
