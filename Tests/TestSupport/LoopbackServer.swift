import Foundation
import Glibc
import Synchronization
import Threads

/// A server on loopback whose answers a test writes byte by byte. One request a connection, each on a thread of its own.
///
/// The mutex guards what was asked so far.
package final class LoopbackServer: Sendable {
    package struct Request: Sendable {
        package let path: String
        /// By lower-case names.
        package let fields: [String: String]
        /// From 0 on, in the order in which requests came.
        package let number: Int

        /// The first byte of the range that is asked for.
        package var firstByte: Int? {
            guard let range = fields["range"], range.hasPrefix("bytes="), range.hasSuffix("-") else { return nil }
            return Int(range.dropFirst(6).dropLast())
        }
    }

    /// The way back to the client.
    package struct Reply {
        fileprivate let descriptor: Int32

        /// - Returns: false where the client is gone.
        @discardableResult
        package func send(_ bytes: some Collection<UInt8>) -> Bool {
            let bytes = Array(bytes)
            var sent = 0
            while sent < bytes.count {
                let count = bytes[sent...].withUnsafeBytes {
                    Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { return false }
                sent += count
            }
            return true
        }

        package func head(_ status: Int, _ fields: [String] = []) {
            send(Array("HTTP/1.1 \(status) Said\r\nConnection: close\r\n\(fields.map { $0 + "\r\n" }.joined())\r\n".utf8))
        }

        /// Whether the client is still there.
        package var isTaken: Bool {
            var byte: UInt8 = 0
            let count = recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
            return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))
        }

        /// Waits until the client goes away.
        package func waitForEnd() {
            var byte: UInt8 = 0
            while recv(descriptor, &byte, 1, 0) > 0 {}
        }
    }

    package typealias Behaviour = @Sendable (Request, Reply) -> Void

    package let port: Int
    package var url: String { "http://127.0.0.1:\(port)" }
    private let descriptor: Int32
    private let asked: Asked

    private final class Asked: Sendable {
        let requests = Mutex<[Request]>([])
    }

    package var requests: [Request] { asked.requests.withLock { $0 } }

    package init(_ behaviour: @escaping Behaviour) throws {
        let asked = Asked()
        self.asked = asked
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listening = descriptor
        let isOpen = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listening, $0, length) == 0 && listen(listening, 64) == 0 && getsockname(listening, $0, &length) == 0
            }
        }
        guard isOpen else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        port = Int(UInt16(bigEndian: address.sin_port))
        try WorkerThread.start(name: "loopback") {
            while true {
                let client = accept(listening, nil, nil)
                guard client >= 0 else { return }
                try? WorkerThread.start(name: "reply") {
                    defer { close(client) }
                    guard let request = Self.read(client, asked) else { return }
                    behaviour(request, Reply(descriptor: client))
                    // What was sent is read to its end before the connection goes.
                    shutdown(client, Int32(SHUT_WR))
                    Reply(descriptor: client).waitForEnd()
                }
            }
        }
    }

    deinit { stop() }

    /// Takes no more connections.
    package func stop() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    private static func read(_ client: Int32, _ asked: Asked) -> Request? {
        var head: [UInt8] = []
        var byte: UInt8 = 0
        while head.suffix(4) != [13, 10, 13, 10] {
            guard head.count < 65_536, recv(client, &byte, 1, 0) == 1 else { return nil }
            head.append(byte)
        }
        let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
        guard let words = lines.first?.split(separator: " "), words.count == 3 else { return nil }
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            fields[parts[0].lowercased()] = parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""
        }
        return asked.requests.withLock { asked in
            let request = Request(path: String(words[1]), fields: fields, number: asked.count)
            asked.append(request)
            return request
        }
    }
}

extension LoopbackServer.Reply {
    /// Answers as a good server of files does: the whole, or the rest that is asked for where it is of the same version.
    ///
    /// - Parameters:
    ///   - tag: the version; nil for a server that tells none.
    ///   - cut: bytes of the body after which the connection closes.
    package func file(
        _ bytes: [UInt8], to request: LoopbackServer.Request, tag: String? = "\"one\"", cut: Int? = nil, fields: [String] = []
    ) {
        let tagField = tag.map { ["ETag: \($0)"] } ?? []
        let isSame = request.fields["if-range"].map { $0 == tag } ?? true
        guard let first = request.firstByte, isSame else {
            head(200, ["Content-Length: \(bytes.count)"] + tagField + fields)
            send(bytes.prefix(cut ?? bytes.count))
            return
        }
        guard first < bytes.count else {
            head(416, ["Content-Range: bytes */\(bytes.count)", "Content-Length: 0"])
            return
        }
        head(206, [
            "Content-Range: bytes \(first)-\(bytes.count - 1)/\(bytes.count)", "Content-Length: \(bytes.count - first)",
        ] + tagField + fields)
        send(bytes[first...].prefix(cut ?? bytes.count))
    }

    package func text(_ status: Int, _ text: String, _ fields: [String] = []) {
        head(status, ["Content-Length: \(text.utf8.count)"] + fields)
        send(Array(text.utf8))
    }
}
