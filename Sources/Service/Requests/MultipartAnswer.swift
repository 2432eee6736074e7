/// A body of several files, `multipart/mixed` (RFC 2046 section 5.1.3).
struct MultipartAnswer: Sendable {
    struct Part: Sendable {
        let name: String
        let mediaType: String
        let bytes: [UInt8]
    }

    let contentType: String
    let body: [UInt8]

    init(_ parts: [Part]) {
        // None of the parts may hold the boundary; whether one does depends on its sender.
        var number = 0
        while parts.contains(where: { Self.contains(Self.boundary(number), in: $0.bytes) }) { number += 1 }
        let boundary = Self.boundary(number)
        var body: [UInt8] = []
        body.reserveCapacity(parts.reduce(0) { $0 + $1.bytes.count + Self.headBytes })
        for part in parts {
            body += Array("""
                --\(boundary)\r
                Content-Type: \(part.mediaType)\r
                Content-Disposition: inline; filename="\(part.name)"\r
                \r\n
                """.utf8)
            body += part.bytes
            body += Array("\r\n".utf8)
        }
        body += Array("--\(boundary)--\r\n".utf8)
        self.body = body
        contentType = "multipart/mixed; boundary=\(boundary)"
    }

    /// Bytes that stand around a part at most.
    static let headBytes = 256

    private static func boundary(_ number: Int) -> String { "restored-part-\(number)-5d1f8c3a90b74e26" }

    private static func contains(_ text: String, in bytes: [UInt8]) -> Bool {
        let wanted = Array(text.utf8)
        return bytes.withUnsafeBufferPointer { bytes in
            guard bytes.count >= wanted.count, let first = wanted.first else { return false }
            return (0...bytes.count - wanted.count).contains { place in
                bytes[place] == first && bytes[place..<place + wanted.count].elementsEqual(wanted)
            }
        }
    }
}
