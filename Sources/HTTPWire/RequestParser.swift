package import HTTPTypes

/// An HTTP/1.1 request parser: bytes in, in pieces of any size, events out. It is strict: what the grammar of
/// RFC 9112 leaves to a server's goodwill is an error, because a lenient reading is where two parties on a path
/// begin to disagree about where a request ends.
///
/// Events are pulled, so requests sent one after the other without waiting stay in the buffer until their turn.
/// How the bytes were cut never changes the events, except that body bytes come in other pieces.
package struct RequestParser: Sendable {
    package enum Event: Sendable {
        case head(MessageHead)
        /// Bytes of the body, never empty: a slice of what was received.
        case body(ArraySlice<UInt8>)
        /// The request is complete. Trailers are apart from the head's fields and never merged into them.
        case end(trailers: HTTPFields)
    }

    enum State: Sendable {
        case requestLine
        case fields
        case fixedBody(remaining: Int)
        case chunkSize
        case chunkData(remaining: Int)
        case chunkDataEnd
        case trailers
        case bodyEnd
        case failed(ProtocolError)
    }

    let limits: WireLimits
    var state = State.requestLine
    var received = ByteQueue()
    /// So many bytes at the front have been searched for a line end and hold none.
    private var searched = 0
    /// Bytes of the current head or trailer section so far.
    var sectionBytes = 0
    /// Extension bytes of the current chunked body so far.
    var extensionBytes = 0
    /// Empty lines before the current request line.
    var skippedEmptyLines = 0
    var head = HeadBuilder()
    var trailers: HTTPFields = [:]
    var trailerCount = 0

    package init(limits: WireLimits = WireLimits()) {
        self.limits = limits
    }

    /// Whether a head is begun but not complete. Ignored empty lines are none: some clients send one after a body.
    package var isInHead: Bool {
        switch state {
        case .requestLine: !received.front.isEmpty
        case .fields: true
        default: false
        }
    }

    /// Bytes received and not yet turned into events.
    package var bufferedByteCount: Int { received.count }

    /// Adds received bytes.
    package mutating func append(_ bytes: ArraySlice<UInt8>) {
        received.append(bytes)
    }

    /// The next event; nil where more bytes are needed.
    ///
    /// - Throws: `ProtocolError`, the same one again on each further call.
    package mutating func next() throws(ProtocolError) -> Event? {
        do throws(ProtocolError) {
            return try advance()
        } catch {
            state = .failed(error)
            received = ByteQueue()
            searched = 0
            throw error
        }
    }

    private mutating func advance() throws(ProtocolError) -> Event? {
        while true {
            switch state {
            case .requestLine:
                guard try parseRequestLine() else { return nil }
            case .fields:
                guard let head = try parseFields() else { return nil }
                return .head(head)
            case .fixedBody(let remaining):
                if remaining == 0 {
                    state = .bodyEnd
                } else {
                    guard let bytes = takeBody(upTo: remaining) else { return nil }
                    state = .fixedBody(remaining: remaining - bytes.count)
                    return .body(bytes)
                }
            case .chunkSize:
                guard try parseChunkSize() else { return nil }
            case .chunkData(let remaining):
                guard let bytes = takeBody(upTo: remaining) else { return nil }
                state = remaining == bytes.count ? .chunkDataEnd : .chunkData(remaining: remaining - bytes.count)
                return .body(bytes)
            case .chunkDataEnd:
                guard try parseChunkDataEnd() else { return nil }
            case .trailers:
                guard try parseTrailers() else { return nil }
            case .bodyEnd:
                let trailers = self.trailers
                reset()
                return .end(trailers: trailers)
            case .failed(let error):
                throw error
            }
        }
    }

    private mutating func reset() {
        state = .requestLine
        sectionBytes = 0
        extensionBytes = 0
        skippedEmptyLines = 0
        trailers = [:]
        trailerCount = 0
    }

    private mutating func takeBody(upTo count: Int) -> ArraySlice<UInt8>? {
        received.front.isEmpty ? nil : received.take(count)
    }

    /// The next line without its CRLF, consumed; nil where its end has not come.
    ///
    /// RFC 9112 section 2.2 lets a recipient take a bare LF for a line end; this one refuses it, since parties
    /// that disagree about it disagree about where fields end.
    mutating func takeLine(
        limit: Int, orThrow over: @autoclosure () -> ProtocolError
    ) throws(ProtocolError) -> ArraySlice<UInt8>? {
        // Before looking at any byte, so that how the bytes were cut does not choose the error.
        if limit < 0 { throw over() }
        while true {
            let within = received.front.prefix(limit + 2)
            if let end = within.dropFirst(searched).firstIndex(of: ByteClass.lineFeed) {
                searched = 0
                let line = received.take(end + 1 - within.startIndex).dropLast()
                guard line.last == ByteClass.carriageReturn else {
                    throw .malformed("a line must end in CR LF, and one ends in a bare LF")
                }
                return line.dropLast()
            }
            if within.count == limit + 2 { throw over() }
            searched = within.count
            guard received.extend(by: limit + 2 - within.count, through: ByteClass.lineFeed) else { return nil }
        }
    }
}
