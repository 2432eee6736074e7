import Glibc
import Synchronization
import Threads

/// A server on loopback that says what a test wants, to each connection on a thread of its own.
///
/// The mutex guards how many connections there were.
final class FaultyServer: Sendable {
    /// The way to a client.
    struct Line {
        fileprivate let descriptor: Int32

        func send(_ text: String) {
            let bytes = Array(text.utf8)
            _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        }

        /// Reads until a command of that name has come.
        ///
        /// - Returns: false where the client left before.
        func awaitCommand(_ name: String) -> Bool {
            var seen = ""
            var bytes = [UInt8](repeating: 0, count: 4096)
            while !seen.contains("\r\n\(name)\r\n") {
                let count = recv(descriptor, &bytes, bytes.count, 0)
                guard count > 0 else { return false }
                seen += String(decoding: bytes[..<count], as: UTF8.self)
            }
            return true
        }

        /// Reads until the client leaves.
        func awaitEnd() {
            var bytes = [UInt8](repeating: 0, count: 4096)
            while recv(descriptor, &bytes, bytes.count, 0) > 0 {}
        }
    }

    let port: Int
    private let descriptor: Int32
    private let connections: Connections

    private final class Connections: Sendable {
        let count = Mutex(0)
        let isStopped = Mutex(false)
    }

    var count: Int { connections.count.withLock { $0 } }

    /// - Parameter behaviour: gets the connection's number, from 0 on.
    init(_ behaviour: @escaping @Sendable (Int, Line) -> Void) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let (listening, connections) = (descriptor, Connections())
        self.connections = connections
        let isOpen = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listening, $0, length) == 0 && listen(listening, 64) == 0 && getsockname(listening, $0, &length) == 0
            }
        }
        guard isOpen else { throw WorkerThread.StartFailure(code: errno) }
        port = Int(UInt16(bigEndian: address.sin_port))
        try WorkerThread.start(name: "faulty") {
            while true {
                let client = accept(listening, nil, nil)
                guard client >= 0 else {
                    // Among all tests at once descriptors may be short for a moment.
                    guard connections.isStopped.withLock({ $0 }) else {
                        usleep(1_000)
                        continue
                    }
                    close(listening)
                    return
                }
                // Whoever inherits it keeps it open.
                _ = fcntl(client, F_SETFD, FD_CLOEXEC)
                let number = connections.count.withLock { count in
                    count += 1
                    return count - 1
                }
                try? WorkerThread.start(name: "faulty-line") {
                    behaviour(number, Line(descriptor: client))
                    close(client)
                }
            }
        }
    }

    deinit { stop() }

    /// Takes no more connections.
    func stop() {
        connections.isStopped.withLock { $0 = true }
        shutdown(descriptor, Int32(SHUT_RDWR))
    }
}
