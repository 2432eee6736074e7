/// A streaming `multipart/form-data` parser (RFC 7578, RFC 2046 section 5.1): bytes in, in pieces of any size, events
/// out. It holds no more than a part's head or a delimiter's length.
package struct MultipartParser: Sendable {
    package enum Event: Sendable, Equatable {
        case partBegin(MultipartPart)
        /// Bytes of the current part, never empty: a slice of what was received.
        case bytes(ArraySlice<UInt8>)
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
    private var received = ByteQueue([ByteClass.carriageReturn, ByteClass.lineFeed])
    /// So many bytes of a part's head have been searched for a line end and hold none.
    private var searched = 0
    private var isFinished = false
    private var ignoredBytes = 0
    private var partCount = 0
    private var head = MultipartHeadBuilder()

    package init(boundary: MultipartBoundary, limits: MultipartLimits = MultipartLimits()) {
        self.limits = limits
        delimiter = Array("\r\n--".utf8) + boundary.bytes
    }

    /// Adds received bytes.
    package mutating func append(_ bytes: ArraySlice<UInt8>) {
        received.append(bytes)
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
            received = ByteQueue()
            throw error
        }
    }

    private mutating func advance() throws(MultipartError) -> Event? {
        while true {
            switch state {
            case .preamble:
                let (count, found) = searchDelimiter()
                try ignore(count, place: "before the first part")
                if found { consumeDelimiter() } else if count == 0 { return nil }
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
                if count > 0 { return .bytes(received.take(count)) }
                guard found else { return nil }
                consumeDelimiter()
                return .partEnd
            case .epilogue:
                if received.count == 0 { return nil }
                try ignore(received.front.count, place: "after the last part")
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
        let start = received.front.prefix(delimiter.count)
        guard start.elementsEqual(delimiter.prefix(start.count)) else {
            received.take(2)
            state = .partBody
            return false
        }
        guard start.count == delimiter.count else {
            return received.extend(by: delimiter.count - start.count) ? parsePartStart() : nil
        }
        consumeDelimiter()
        return true
    }

    /// How many bytes at the front are surely not of a delimiter, and whether one follows them.
    private mutating func searchDelimiter() -> (count: Int, found: Bool) {
        let front = received.front
        var rest = front
        while let candidate = rest.firstIndex(of: ByteClass.carriageReturn) {
            rest = rest[candidate...]
            let start = rest.prefix(delimiter.count)
            if start.elementsEqual(delimiter.prefix(start.count)) {
                let count = candidate - front.startIndex
                let missing = delimiter.count - start.count
                if count == 0, missing > 0, received.extend(by: missing) { return searchDelimiter() }
                return (count, missing == 0)
            }
            rest = rest.dropFirst()
        }
        return (front.count, false)
    }

    private mutating func consumeDelimiter() {
        received.take(delimiter.count)
        state = .delimiterTail
    }

    private mutating func ignore(_ count: Int, place: String) throws(MultipartError) {
        received.take(count)
        ignoredBytes += count
        // The line end put before the body is none of its bytes.
        guard ignoredBytes <= limits.preambleBytes + 2 else {
            throw .malformed("more than \(limits.preambleBytes) bytes stand \(place)")
        }
    }

    /// What follows a boundary: two dashes after the last part, else blanks and a line end. Nil where more is needed.
    private mutating func parseDelimiterTail() throws(MultipartError) -> Bool? {
        let front = received.front
        let dash = UInt8(ascii: "-")
        if front.first == dash {
            guard front.count >= 2 else { return received.extend(by: 1) ? try parseDelimiterTail() : nil }
            guard front.dropFirst().first == dash else {
                throw .malformed("a boundary must be followed by a line end or two dashes")
            }
            received.take(2)
            ignoredBytes = 0
            state = .epilogue
            return true
        }
        let blanks = front.prefix(while: ByteClass.isBlank)
        guard blanks.count <= 64 else { throw .malformed("a boundary is followed by more than 64 blanks") }
        let end = front.dropFirst(blanks.count).prefix(2)
        guard end.elementsEqual(delimiter.prefix(end.count)) else {
            throw .malformed("a boundary must be followed by a line end or two dashes")
        }
        guard end.count == 2 else { return received.extend(by: 1) ? try parseDelimiterTail() : nil }
        partCount += 1
        guard partCount <= limits.parts else { throw .tooManyParts(limit: limits.parts) }
        received.take(blanks.count + 2)
        head = MultipartHeadBuilder()
        state = .partHead
        return false
    }

    private mutating func parseHead() throws(MultipartError) -> MultipartPart? {
        while true {
            let available = limits.partHeadBytes - head.byteCount
            let within = received.front.prefix(max(0, available))
            guard let end = within.dropFirst(searched).firstIndex(of: ByteClass.lineFeed) else {
                guard within.count < available else {
                    throw .partHeadTooLarge("a part's head is longer than \(limits.partHeadBytes) bytes")
                }
                searched = within.count
                guard received.extend(by: available - within.count, through: ByteClass.lineFeed) else { return nil }
                continue
            }
            searched = 0
            let line = within[..<end]
            guard line.last == ByteClass.carriageReturn else {
                throw .malformed("a line of a part's head must end in CR LF")
            }
            // The line end of the empty line is left, as what may begin a delimiter.
            if line.count == 1 { return try head.finish() }
            head.byteCount += line.count + 1
            received.take(line.count + 1)
            try head.note(line.dropLast(), limits: limits)
        }
    }
}
