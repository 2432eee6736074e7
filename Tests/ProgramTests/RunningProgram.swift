import Foundation
import Glibc
import TestSupport
import Testing

/// The built program while it runs.
final class RunningProgram {
    /// How it ended.
    struct Ending {
        /// The exit status; nil where a signal ended it.
        let status: Int32?
        let output: String
        let error: String
    }

    let process: pid_t
    private let folder: URL

    /// - Parameter environment: variables beside those of the tests, of which none is a setting.
    init(_ arguments: [String], environment: [String: String] = [:]) throws {
        let path = try #require(Program.path, "the program is not beside the tests: build with --build-tests")
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("restored-run-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        for (descriptor, name) in [(STDOUT_FILENO, "out"), (STDERR_FILENO, "err")] {
            posix_spawn_file_actions_addopen(
                &actions, descriptor, folder.appendingPathComponent(name).path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        }
        var variables = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("RESTORED_") }
        variables["no_proxy"] = "127.0.0.1"
        variables.merge(environment) { $1 }
        let words = ([path] + arguments).map { strdup($0) }
        let pairs = variables.map { strdup("\($0.key)=\($0.value)") }
        defer { (words + pairs).forEach { free($0) } }
        var process = pid_t()
        let code = withUnblockedSignals { posix_spawn(&process, path, &actions, $0, words + [nil], pairs + [nil]) }
        try #require(code == 0)
        self.process = process
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// What it has said so far.
    var said: String { read("err") }

    func kill(_ signal: Int32 = SIGKILL) { _ = Glibc.kill(process, signal) }

    func wait() throws -> Ending {
        var state: Int32 = 0
        while waitpid(process, &state, 0) < 0 { try #require(errno == EINTR) }
        return Ending(status: state & 0x7F == 0 ? (state >> 8) & 0xFF : nil, output: read("out"), error: read("err"))
    }

    private func read(_ name: String) -> String {
        (try? String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)) ?? ""
    }

    /// Runs to the end.
    static func run(_ arguments: String..., environment: [String: String] = [:]) throws -> Ending {
        try RunningProgram(arguments, environment: environment).wait()
    }
}
