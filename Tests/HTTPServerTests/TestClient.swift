import Glibc

/// A raw client: bytes out, bytes in, and the ways a connection can end. It never blocks a thread of the pool that
/// handlers run on.
final class TestClient: Sendable {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// How long anything may take on a busy machine before a test gives up.
    static let patience = Duration.seconds(20)

    let descriptor: Int32

    init(port: Int?, host: String = "127.0.0.1", receiveBuffer: Int32? = nil) throws {
        guard let port else { throw Failure(description: "the server has no port") }
        let isIPv6 = host.contains(":")
        descriptor = socket(isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        if var receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<Int32>.size))
        }
        var result: Int32
        if isIPv6 {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = in_port_t(port).bigEndian
            inet_pton(AF_INET6, host, &address.sin6_addr)
            result = Self.connect(descriptor, &address)
        } else {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(port).bigEndian
            inet_pton(AF_INET, host, &address.sin_addr)
            result = Self.connect(descriptor, &address)
        }
        if result != 0 { throw Failure(description: "connect: \(String(cString: strerror(errno)))") }
        makeNonBlocking()
    }

    init(path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = Self.connect(descriptor, &address)
        if result != 0 { throw Failure(description: "connect: \(String(cString: strerror(errno)))") }
        makeNonBlocking()
    }

    deinit {
        Glibc.close(descriptor)
    }

    private static func connect<Address>(_ descriptor: Int32, _ address: inout Address) -> Int32 {
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
            }
        }
    }

    private func makeNonBlocking() {
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    }

    func send(_ text: String) async throws {
        try await send(Array(text.utf8))
    }

    func send(_ bytes: [UInt8]) async throws {
        var rest = bytes[...]
        let start = ContinuousClock.now
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                if ContinuousClock.now - start > Self.patience { throw Failure(description: "send took too long") }
                try await Task.sleep(for: .milliseconds(1))
            } else {
                throw Failure(description: "send: \(String(cString: strerror(errno)))")
            }
        }
    }

    /// What is there now; nil at the end of the stream or after a reset.
    func available(limit: Int = 65536) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: limit)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count > 0 { return Array(buffer[..<count]) }
        return count < 0 && errno == EAGAIN ? [] : nil
    }

    /// Reads one answer; for HEAD without its body.
    func response(toHead isHead: Bool = false) async throws -> TestResponse {
        try await read { TestResponse.parse($0, toHead: isHead, isAtEnd: $1) }
    }

    /// Reads to the end of the stream.
    func readToEnd() async throws -> [UInt8] {
        try await read { bytes, isAtEnd in isAtEnd ? (bytes, bytes.count) : nil }
    }

    private let pending = Pending()

    private func read<Result>(_ take: ([UInt8], Bool) -> (Result, Int)?) async throws -> Result {
        let start = ContinuousClock.now
        while true {
            if let (result, used) = take(pending.bytes, pending.isAtEnd) {
                pending.drop(used)
                return result
            }
            if pending.isAtEnd {
                throw Failure(
                    description: "the stream ended with: \(String(decoding: pending.bytes.prefix(500), as: UTF8.self))")
            }
            guard let bytes = available() else {
                pending.end()
                continue
            }
            if bytes.isEmpty {
                if ContinuousClock.now - start > Self.patience {
                    throw Failure(
                        description: "no answer: \(String(decoding: pending.bytes.prefix(500), as: UTF8.self))")
                }
                try await Task.sleep(for: .milliseconds(1))
            }
            pending.add(bytes)
        }
    }

    /// Ends the sending side.
    func halfClose() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Closes both ways in the ordinary manner.
    func leave() {
        shutdown(descriptor, Int32(SHUT_RDWR))
        // The number stays taken until deinit; for the peer this is what close does.
        var nothing = linger(l_onoff: 0, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &nothing, socklen_t(MemoryLayout<linger>.size))
    }

    /// Breaks the connection with a reset.
    func reset() {
        var now = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        var unspecified = sockaddr()
        unspecified.sa_family = sa_family_t(AF_UNSPEC)
        Glibc.connect(descriptor, &unspecified, socklen_t(MemoryLayout<sockaddr>.size))
    }
}

/// Received bytes not yet consumed. A client is used by one task at a time; the lock makes that no one's burden.
private final class Pending: Sendable {
    private let state = Locked((bytes: [UInt8](), isAtEnd: false))
    var bytes: [UInt8] { state.value.bytes }
    var isAtEnd: Bool { state.value.isAtEnd }
    func add(_ bytes: [UInt8]) { state.change { $0.bytes += bytes } }
    func drop(_ count: Int) { state.change { $0.bytes.removeFirst(count) } }
    func end() { state.change { $0.isAtEnd = true } }
}

/// An answer taken apart.
struct TestResponse: Sendable {
    var status: Int
    var fields: [(name: String, value: String)]
    var body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }
    var closes: Bool { self["connection"] == "close" }

    subscript(_ name: String) -> String? { fields.first { $0.name == name }?.value }

    /// The first answer in `bytes`, interim ones included, and its length; nil where it is incomplete.
    static func parse(_ bytes: [UInt8], toHead isHead: Bool, isAtEnd: Bool) -> (TestResponse, Int)? {
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
        guard let first = lines.first, let status = Int(first.split(separator: " ")[1]) else { return nil }
        let fields = lines.dropFirst().map { line in
            let parts = line.split(separator: ":", maxSplits: 1)
            return (String(parts[0]).lowercased(), String(parts[1].drop { $0 == " " }))
        }
        var response = TestResponse(status: status, fields: fields, body: [])
        let rest = bytes[end.upperBound...]
        if isHead || status < 200 || status == 204 || status == 304 { return (response, end.upperBound) }
        if let length = response["content-length"].flatMap({ Int($0) }) {
            guard rest.count >= length else { return nil }
            response.body = Array(rest.prefix(length))
            return (response, end.upperBound + length)
        }
        if response["transfer-encoding"] == "chunked" {
            return unchunk(rest).map { body, used in
                response.body = body
                return (response, end.upperBound + used)
            }
        }
        response.body = Array(rest)
        return isAtEnd ? (response, bytes.count) : nil
    }

    private static func unchunk(_ bytes: ArraySlice<UInt8>) -> (body: [UInt8], used: Int)? {
        var rest = bytes
        var body: [UInt8] = []
        while let lineEnd = rest.firstIndex(of: 10) {
            guard let size = Int(String(decoding: rest[..<(lineEnd - 1)], as: UTF8.self), radix: 16) else { return nil }
            rest = rest[(lineEnd + 1)...]
            guard rest.count >= size + 2 else { return nil }
            body += rest.prefix(size)
            rest = rest.dropFirst(size + 2)
            if size == 0 { return (body, rest.startIndex - bytes.startIndex) }
        }
        return nil
    }
}
