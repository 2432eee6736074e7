import HTTPTypes

// The chunked coding (RFC 9112 section 7.1).
extension RequestParser {
    /// `chunk-size [ chunk-ext ] CRLF`.
    mutating func parseChunkSize() throws(ProtocolError) -> Bool {
        let limit = limits.chunkSizeDigits + limits.chunkExtensionLineBytes
        guard
            let bytes = try takeLine(
                limit: limit,
                orThrow: .malformed("a chunk's size and extensions are longer than \(limit) bytes"))
        else { return false }
        let digits = bytes.prefix { ByteClass.hexValue($0) != nil }
        guard !digits.isEmpty, digits.count <= limits.chunkSizeDigits, let size = Int(digits.text, radix: 16) else {
            throw .malformed(
                "a chunk's size must be 1 to \(limits.chunkSizeDigits) hexadecimal digits, not \"\(bytes.excerpt)\"")
        }
        let extensions = bytes[digits.endIndex...]
        guard extensions.count <= limits.chunkExtensionLineBytes else {
            throw .malformed("a chunk's extensions are longer than \(limits.chunkExtensionLineBytes) bytes")
        }
        extensionBytes += extensions.count
        guard extensionBytes <= limits.chunkExtensionMessageBytes else {
            throw .malformed("a body's chunk extensions are longer than \(limits.chunkExtensionMessageBytes) bytes")
        }
        guard Self.areChunkExtensions(extensions) else {
            throw .malformed("a chunk's size is followed by what is no chunk extension: \"\(bytes.excerpt)\"")
        }
        state = size == 0 ? .trailers : .chunkData(remaining: size)
        return true
    }

    /// `*( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )` (RFC 9112 section 7.1.1); they are ignored.
    private static func areChunkExtensions(_ bytes: ArraySlice<UInt8>) -> Bool {
        var scanner = FieldScanner(bytes)
        while !scanner.isAtEnd {
            scanner.skipBlanks()
            guard scanner.consume(UInt8(ascii: ";")) else { return false }
            scanner.skipBlanks()
            guard scanner.token() != nil else { return false }
            let afterName = scanner
            scanner.skipBlanks()
            if scanner.consume(UInt8(ascii: "=")) {
                scanner.skipBlanks()
                guard scanner.token() != nil || scanner.quotedString() != nil else { return false }
            } else {
                scanner = afterName
            }
        }
        return true
    }

    /// The CRLF after a chunk's data.
    mutating func parseChunkDataEnd() throws(ProtocolError) -> Bool {
        if received.front.count == 1 { _ = received.extend(by: 1) }
        let end = received.front.prefix(2)
        guard end.elementsEqual([ByteClass.carriageReturn, ByteClass.lineFeed].prefix(end.count)) else {
            throw .malformed("a chunk's data must be followed by CR LF")
        }
        guard end.count == 2 else { return false }
        received.take(2)
        state = .chunkSize
        return true
    }

    /// The trailer section (RFC 9112 section 7.1.2) up to its empty line.
    ///
    /// Fields that frame or route a message are refused there (RFC 9110 section 6.5.1), the others kept apart.
    mutating func parseTrailers() throws(ProtocolError) -> Bool {
        while true {
            guard let line = try takeSectionLine(total: limits.trailerBytes, name: "trailer section") else {
                return false
            }
            if line.isEmpty {
                state = .bodyEnd
                return true
            }
            trailerCount += 1
            guard trailerCount <= limits.trailerCount else {
                throw ProtocolError(.fieldsTooLarge, "there are more than \(limits.trailerCount) trailers")
            }
            let (name, value) = try fieldLine(line)
            guard
                !name.equalsIgnoringCase("content-length"), !name.equalsIgnoringCase("transfer-encoding"),
                !name.equalsIgnoringCase("host"), let fieldName = HTTPField.Name(name.text)
            else {
                throw .malformed("\(name.text) must not come as a trailer")
            }
            trailers.append(HTTPField(name: fieldName, value: value))
        }
    }
}
