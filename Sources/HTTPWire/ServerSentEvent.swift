/// One event of a `text/event-stream` (HTML standard, section 9.2).
package struct ServerSentEvent: Sendable, Equatable {
    /// The event's type; nil for the default, `message`. Line ends in it are left out.
    package var name: String?
    /// The event's data; each of its lines becomes a `data` line.
    package var data: String
    /// What the client sends as `Last-Event-ID` when it reconnects. Line ends and NUL in it are left out.
    package var id: String?

    package init(name: String? = nil, data: String, id: String? = nil) {
        self.name = name
        self.data = data
        self.id = id
    }

    /// A comment that clients ignore and that keeps a quiet connection open.
    package static let heartbeat = Array(": heartbeat\n\n".utf8)

    /// The event as it goes over the wire, with the empty line that dispatches it.
    package var bytes: [UInt8] {
        var output: [UInt8] = []
        if let id { Self.append("id: ", Self.oneLine(id), to: &output) }
        if let name { Self.append("event: ", Self.oneLine(name), to: &output) }
        let lines = data.split(omittingEmptySubsequences: false) { ["\n", "\r", "\r\n"].contains($0) }
        for line in lines {
            Self.append("data: ", Array(line.utf8), to: &output)
        }
        output.append(ByteClass.lineFeed)
        return output
    }

    private static func append(_ label: String, _ value: [UInt8], to output: inout [UInt8]) {
        output.append(contentsOf: label.utf8)
        output.append(contentsOf: value)
        output.append(ByteClass.lineFeed)
    }

    private static func oneLine(_ text: String) -> [UInt8] {
        text.utf8.filter { $0 != ByteClass.lineFeed && $0 != ByteClass.carriageReturn && $0 != 0 }
    }
}
