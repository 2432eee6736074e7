import Glibc
import Threads

/// A request over a socket of its own, on a thread that may block, and what came back until the server closed.
struct Loopback {
    let status: Int
    private let fields: [String: String]
    let body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }

    subscript(_ name: String) -> String? { fields[name.lowercased()] }

    struct Failure: Error {
        let reason: String
    }

    /// - Parameter fields: lines such as `Accept: image/png`.
    static func send(
        _ method: String, _ path: String, to port: Int, fields: [String] = [], body: [UInt8] = []
    ) async throws -> Loopback {
        var head = "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: \(body.count)\r\n"
        if !body.isEmpty, !fields.contains(where: { $0.hasPrefix("Content-Type:") }) { head += "Content-Type: application/octet-stream\r\n" }
        for field in fields { head += field + "\r\n" }
        let request = Array((head + "\r\n").utf8) + body
        return try await WorkerThread.run(name: "loopback") { try Loopback(exchange(request, port)) }
    }

    /// Sends files in a form.
    static func sendForm(
        _ parts: [(name: String, bytes: [UInt8])], to port: Int, path: String = "/restore", fields: [String] = []
    ) async throws -> Loopback {
        var body: [UInt8] = []
        for part in parts {
            body += Array("--XX\r\nContent-Disposition: form-data; name=\"\(part.name)\"; filename=\"a\"\r\n\r\n".utf8)
            body += part.bytes + Array("\r\n".utf8)
        }
        return try await send(
            "POST", path, to: port, fields: fields + ["Content-Type: multipart/form-data; boundary=XX"],
            body: body + Array("--XX--\r\n".utf8))
    }

    private static func exchange(_ request: [UInt8], _ port: Int) throws -> [UInt8] {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Failure(reason: "connect: \(errno)") }
        var sent = 0
        while sent < request.count {
            let count = request[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(reason: "send: \(errno)") }
            sent += count
        }
        var (answer, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 65_536))
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count >= 0 else { throw Failure(reason: "recv: \(errno)") }
            if count == 0 { return answer }
            answer += buffer[..<count]
        }
    }

    private init(_ answer: [UInt8]) throws {
        guard let end = answer.firstRange(of: Array("\r\n\r\n".utf8)) else { throw Failure(reason: "no head") }
        let lines = String(decoding: answer[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
        guard let words = lines.first?.split(separator: " "), words.count > 1, let status = Int(words[1]) else {
            throw Failure(reason: "no status")
        }
        self.status = status
        let fields = lines.dropFirst().map { line in
            let parts = line.split(separator: ":", maxSplits: 1)
            return (parts[0].lowercased(), String(parts.last?.drop { $0 == " " } ?? ""))
        }
        self.fields = Dictionary(fields) { $0 + "," + $1 }
        body = Array(answer[end.upperBound...])
    }
}
