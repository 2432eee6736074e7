import Foundation
import Glibc
import Synchronization

/// A Redis server of a test's own, on a free port of loopback, whose append-only file outlives it.
///
/// The mutex guards the process.
package final class RedisServer: Sendable {
    private static let program = ["/usr/bin/redis-server", "/usr/local/bin/redis-server", "/usr/bin/valkey-server"]
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    /// Whether there is one to be run; Deploy/test installs it.
    package static let isThere = program != nil

    package let port: Int
    package var url: String { "redis://127.0.0.1:\(port)/0" }
    private let folder: URL
    private let arguments: [String]
    private let process = Mutex<pid_t>(0)

    /// - Parameter arguments: more flags, such as `--requirepass x`.
    package init(_ arguments: [String] = []) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("restored-redis-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        port = try Self.freePort()
        self.arguments = arguments
        try start()
    }

    deinit {
        stop(SIGKILL)
        try? FileManager.default.removeItem(at: folder)
    }

    /// Starts it, again with what its file has.
    package func start() throws {
        let words = [Self.program ?? "redis-server"]
            + ["--port", "\(port)", "--bind", "127.0.0.1", "--dir", folder.path, "--save", "", "--appendonly", "yes"]
            + ["--logfile", folder.appendingPathComponent("log").path] + arguments
        var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var number: pid_t = 0
        let code = withUnblockedSignals { posix_spawn(&number, words[0], nil, $0, &pointers, environ) }
        guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EIO) }
        process.withLock { $0 = number }
        // Until it takes connections.
        for _ in 0..<20_000 {
            if Self.isOpen(port) { return }
            usleep(1000)
        }
        throw POSIXError(.ETIMEDOUT)
    }

    /// Ends it; returns when it is gone.
    package func stop(_ signal: Int32 = SIGTERM) {
        let number = process.withLock { process in
            defer { process = 0 }
            return process
        }
        guard number > 0 else { return }
        kill(number, signal)
        var status: Int32 = 0
        waitpid(number, &status, 0)
    }

    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else { throw POSIXError(.EADDRINUSE) }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    private static func isOpen(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(UInt16(port))
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
        address.sin_port = port.bigEndian
        return address
    }
}
