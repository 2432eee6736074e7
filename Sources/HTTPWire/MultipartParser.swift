/// A streaming `multipart/form-data` parser (RFC 7578, RFC 2046 section 5.1): bytes in, in pieces of any size, events
/// out. It holds no more than a part's head or a delimiter's length.
package struct MultipartParser: Sendable {
    package enum Event: Sendable, Equatable {
        case partBegin(MultipartPart)
        /// Bytes of the current part, never empty.
        case bytes([UInt8])
        case partEnd
        /// The closing delimiter has come; what follows it is ignored, within its limit.
        case end
    }

    private enum State: Sendable {
        case preamble
        case delimiterTail
        case partHead
        case partStart
        case partBody
        case epilogue
        case failed(MultipartError)
    }

    private let limits: MultipartLimits
    /// CR LF, two dashes and the boundary.
    private let delimiter: [UInt8]
    private var state = State.preamble
    // The first delimiter needs no line end before it: with one put there, it is found like the others.
    private var buffer: [UInt8] = [ByteClass.carriageReturn, ByteClass.lineFeed]
    private var position = 0
    private var scanned = 0
    private var isFinished = false
    private var ignoredBytes = 0
    private var partCount = 0
    private var head = MultipartHeadBuilder()

    /// - Parameter contentType: the request's; it must be `multipart/form-data` with a boundary.
    package init(contentType: MediaType, limits: MultipartLimits = MultipartLimits()) throws(MultipartError) {
        guard contentType.essence == "multipart/form-data" else {
            throw .badContentType("expected multipart/form-data, not \(contentType.essence)")
        }
        guard let boundary = contentType.parameter("boundary").map({ Array($0.utf8) }),
            (1...min(limits.boundaryBytes, 70)).contains(boundary.count), boundary.allSatisfy(Self.isBoundary),
            boundary.last != ByteClass.space
        else {
            throw .badContentType("multipart/form-data needs a boundary of 1 to \(limits.boundaryBytes) legal bytes")
        }
        self.limits = limits
        delimiter = Array("\r\n--".utf8) + boundary
    }

    /// `bchars` (RFC 2046 section 5.1.1).
    private static func isBoundary(_ byte: UInt8) -> Bool {
        ByteClass.isLetter(byte) || ByteClass.isDigit(byte) || "'()+_,-./:=? ".utf8.contains(byte)
    }

    /// Adds received bytes.
    package mutating func append(_ bytes: some Collection<UInt8>) {
        buffer.removeSubrange(..<position)
        scanned -= position
        position = 0
        buffer.append(contentsOf: bytes)
    }

    /// Says that the body is complete: what is missing now will not come.
    package mutating func finish() {
        isFinished = true
    }

    /// The next event; nil where more bytes are needed, or after the end.
    ///
    /// - Throws: `MultipartError`, the same one again on each further call.
    package mutating func next() throws(MultipartError) -> Event? {
        do throws(MultipartError) {
            let event = try advance()
            if event == nil, isFinished {
                guard case .epilogue = state else { throw MultipartError.truncated }
            }
            return event
        } catch {
            state = .failed(error)
            buffer = []
            position = 0
            scanned = 0
            throw error
        }
    }

    private mutating func advance() throws(MultipartError) -> Event? {
        while true {
            switch state {
            case .preamble:
                let (count, found) = searchDelimiter()
                try ignore(count, place: "before the first part")
                guard found else { return nil }
                consumeDelimiter()
            case .delimiterTail:
                guard let closes = try parseDelimiterTail() else { return nil }
                if closes { return .end }
            case .partHead:
                guard let part = try parseHead() else { return nil }
                state = .partStart
                return .partBegin(part)
            case .partStart:
                guard let ended = parsePartStart() else { return nil }
                if ended { return .partEnd }
            case .partBody:
                let (count, found) = searchDelimiter()
                if count > 0 {
                    let bytes = Array(buffer[position..<(position + count)])
                    position += count
                    return .bytes(bytes)
                }
                guard found else { return nil }
                consumeDelimiter()
                return .partEnd
            case .epilogue:
                try ignore(buffer.count - position, place: "after the last part")
                return nil
            case .failed(let error):
                throw error
            }
        }
    }

    /// Whether the part ends right after its head; nil where more is needed.
    ///
    /// The line end of the head's empty line may be the delimiter's: no line of a part begins with the delimiter
    /// (RFC 2046 section 5.1.1), not even its first. Parties that disagree about it see different parts.
    private mutating func parsePartStart() -> Bool? {
        let tail = buffer[position...].prefix(delimiter.count)
        guard tail.elementsEqual(delimiter.prefix(tail.count)) else {
            position += 2
            state = .partBody
            return false
        }
        guard tail.count == delimiter.count else { return nil }
        consumeDelimiter()
        return true
    }

    /// How many bytes from `position` on are surely not of a delimiter, and whether one follows them.
    private mutating func searchDelimiter() -> (count: Int, found: Bool) {
        var index = position
        while index < buffer.count {
            guard let candidate = buffer[index...].firstIndex(of: ByteClass.carriageReturn) else { break }
            let tail = buffer[candidate...].prefix(delimiter.count)
            if tail.elementsEqual(delimiter.prefix(tail.count)) {
                return (candidate - position, tail.count == delimiter.count)
            }
            index = candidate + 1
        }
        return (buffer.count - position, false)
    }

    private mutating func consumeDelimiter() {
        position += delimiter.count
        scanned = position
        state = .delimiterTail
    }

    private mutating func ignore(_ count: Int, place: String) throws(MultipartError) {
        position += count
        scanned = position
        ignoredBytes += count
        // The line end put before the body is none of its bytes.
        guard ignoredBytes <= limits.preambleBytes + 2 else {
            throw .malformed("more than \(limits.preambleBytes) bytes stand \(place)")
        }
    }

    /// What follows a boundary: two dashes after the last part, else blanks and a line end. Nil where more is needed.
    private mutating func parseDelimiterTail() throws(MultipartError) -> Bool? {
        let rest = buffer[position...]
        let dash = UInt8(ascii: "-")
        if rest.first == dash {
            guard rest.count >= 2 else { return nil }
            guard rest[position + 1] == dash else {
                throw .malformed("a boundary must be followed by a line end or two dashes")
            }
            position += 2
            ignoredBytes = 0
            state = .epilogue
            return true
        }
        let blanks = rest.prefix(while: ByteClass.isBlank)
        guard blanks.count <= 64 else { throw .malformed("a boundary is followed by more than 64 blanks") }
        let end = rest[blanks.endIndex...].prefix(2)
        guard end.elementsEqual(delimiter.prefix(end.count)) else {
            throw .malformed("a boundary must be followed by a line end or two dashes")
        }
        guard end.count == 2 else { return nil }
        partCount += 1
        guard partCount <= limits.parts else { throw .tooManyParts(limit: limits.parts) }
        position = end.endIndex
        scanned = position
        head = MultipartHeadBuilder()
        state = .partHead
        return false
    }

    private mutating func parseHead() throws(MultipartError) -> MultipartPart? {
        while true {
            guard let line = try takeHeadLine() else { return nil }
            if line.isEmpty {
                // Its line end is looked at again, as what may begin a delimiter.
                position = line.lowerBound
                return try head.finish()
            }
            try head.note(buffer[line], limits: limits)
        }
    }

    private mutating func takeHeadLine() throws(MultipartError) -> Range<Int>? {
        let start = position
        let available = limits.partHeadBytes - head.byteCount
        let end = min(buffer.count, start + max(available, 0))
        var index = max(scanned, start)
        while index < end, buffer[index] != ByteClass.lineFeed { index += 1 }
        guard index < end else {
            guard buffer.count - start < available else {
                throw .partHeadTooLarge("a part's head is longer than \(limits.partHeadBytes) bytes")
            }
            scanned = index
            return nil
        }
        guard index > start, buffer[index - 1] == ByteClass.carriageReturn else {
            throw .malformed("a line of a part's head must end in CR LF")
        }
        position = index + 1
        scanned = position
        head.byteCount += position - start
        return start..<(index - 1)
    }
}
