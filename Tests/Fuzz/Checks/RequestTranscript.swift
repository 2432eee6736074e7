import HTTPTypes
import HTTPWire

/// What a request parser told about a stream, in a form that does not depend on how body bytes were cut.
struct RequestTranscript: Equatable {
    struct Entry: Equatable {
        var request: HTTPRequest
        var version: HTTPVersion
        var framing: BodyFraming
        var keepsAlive: Bool
        var expectsContinue: Bool
        var body: [UInt8] = []
        var trailers: HTTPFields = [:]

        init(_ head: MessageHead) {
            (request, version, framing) = (head.request, head.version, head.framing)
            (keepsAlive, expectsContinue) = (head.keepsAlive, head.expectsContinue)
        }
    }

    private(set) var requests: [Entry] = []
    private(set) var unfinished: Entry?
    private(set) var error: ProtocolError?

    /// Feeds the pieces, pulling all events after each.
    ///
    /// - Throws: `BrokenPromise` where events come out of order, a body has another length than its framing says, an
    ///   error does not last, or the parser holds more than one line of what it was given.
    init(_ pieces: [ArraySlice<UInt8>], limits: WireLimits) throws(BrokenPromise) {
        var parser = RequestParser(limits: limits)
        let longestLine = max(
            limits.requestLineBytes, limits.fieldLineBytes, limits.chunkSizeDigits + limits.chunkExtensionLineBytes)
        for piece in pieces {
            parser.append(piece)
            while let event = pull(&parser) { try note(event) }
            if let error {
                try Self.checkLasting(error, &parser)
                return
            }
            try promise(
                parser.bufferedByteCount <= longestLine + 1, "the parser holds \(parser.bufferedByteCount) bytes")
            try promise(
                parser.isInHead || unfinished != nil || parser.bufferedByteCount == 0, "the parser is in none of the three places")
        }
    }

    private mutating func pull(_ parser: inout RequestParser) -> RequestParser.Event? {
        do throws(ProtocolError) {
            return try parser.next()
        } catch {
            self.error = error
            return nil
        }
    }

    private mutating func note(_ event: RequestParser.Event) throws(BrokenPromise) {
        switch event {
        case .head(let head):
            try promise(unfinished == nil, "a head within a request")
            unfinished = Entry(head)
        case .body(let bytes):
            try promise(unfinished != nil && unfinished?.framing != BodyFraming.none, "a body where there is none")
            try promise(!bytes.isEmpty, "an empty piece of a body")
            unfinished?.body += bytes
        case .end(let trailers):
            guard var entry = unfinished else { throw BrokenPromise(description: "the end of no request") }
            entry.trailers = trailers
            if case .length(let count) = entry.framing {
                try promise(entry.body.count == count, "\(entry.body.count) bytes of body, expected \(count)")
            }
            try promise(trailers.isEmpty || entry.framing == .chunked, "trailers without chunks")
            requests.append(entry)
            unfinished = nil
        }
    }

    private static func checkLasting(
        _ error: ProtocolError, _ parser: inout RequestParser
    ) throws(BrokenPromise) {
        parser.append(Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)[...])
        var again: ProtocolError?
        do throws(ProtocolError) {
            _ = try parser.next()
        } catch let thrown {
            again = thrown
        }
        try promise(again == error, "an error does not last")
    }
}

extension RequestTranscript.Entry {
    /// The request as another party on the path would print it: in origin form, one chunk a body, no extensions.
    var printed: [UInt8] {
        var output = Array("\(request.method.rawValue) \(request.path ?? "/") ".utf8)
        output += Array((version == .http11 ? "HTTP/1.1\r\n" : "HTTP/1.0\r\n").utf8)
        if let authority = request.authority { output += Array("Host:\(authority)\r\n".utf8) }
        Self.print(request.headerFields, to: &output)
        output += Array("\r\n".utf8)
        guard framing == .chunked else { return output + body }
        ResponseSerializer.appendChunk(body, to: &output)
        output += Array("0\r\n".utf8)
        Self.print(trailers, to: &output)
        return output + Array("\r\n".utf8)
    }

    private static func print(_ fields: HTTPFields, to output: inout [UInt8]) {
        for field in fields {
            output += Array("\(field.name.rawName):".utf8)
            field.withUnsafeBytesOfValue { output.append(contentsOf: $0) }
            output += Array("\r\n".utf8)
        }
    }

    /// What is left of it in print: a target's scheme is not.
    var inOriginForm: Self {
        var copy = self
        copy.request.scheme = "http"
        return copy
    }
}
