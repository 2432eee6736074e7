/// The boundary of a `multipart/form-data` body (RFC 7578 section 4.1, RFC 2046 section 5.1.1), as a Content-Type field
/// has it.
///
/// Mail libraries that are used for forms leave boundaries unquoted that the grammar wants in quotes
/// (`----=_Part_7_12.34`), and other parameters are in any state. What the boundary is must be beyond doubt; nothing else
/// in the field matters.
package struct MultipartBoundary: Sendable, Equatable {
    let bytes: [UInt8]

    /// Reads a request's Content-Type; nil where that is of another type.
    ///
    /// - Throws: `MultipartError.badContentType` where there is no boundary, more than one, or one that could be read in
    ///   several ways.
    package init?(contentType text: String, limits: MultipartLimits = MultipartLimits()) throws(MultipartError) {
        let field = Array(text.utf8)[...].trimmingBlanks
        let essence = field.prefix { $0 != ParameterScanner.semicolon && $0 != UInt8(ascii: ",") && !ByteClass.isBlank($0) }
        guard essence.equalsIgnoringCase("multipart/form-data") else { return nil }
        var scanner = ParameterScanner(field[essence.endIndex...])
        var found: [UInt8]?
        while let (name, value) = scanner.next() {
            guard name.equalsIgnoringCase("boundary") else { continue }
            guard found == nil else { throw .badContentType("multipart/form-data must have one boundary, and has two") }
            guard let bytes = Self.sound(value, limit: min(limits.boundaryBytes, 70)) else {
                throw .badContentType(
                    "the boundary of multipart/form-data must be 1 to \(limits.boundaryBytes) visible bytes, in quotes or "
                        + "without blanks, not \"\(value.excerpt)\"")
            }
            found = bytes
        }
        guard scanner.isAtEnd else {
            throw .badContentType("the boundary can't be read from \"\(field.excerpt)\": a semicolon stands before it")
        }
        guard let found else { throw .badContentType("multipart/form-data needs a boundary, and has none") }
        bytes = found
    }

    private static func sound(_ value: ArraySlice<UInt8>, limit: Int) -> [UInt8]? {
        let bytes: [UInt8]
        let isQuoted = value.first == ByteClass.quote
        if isQuoted {
            var scanner = FieldScanner(value)
            guard let text = scanner.quotedString(), scanner.isAtEnd else { return nil }
            bytes = Array(text.utf8)
        } else {
            bytes = Array(value)
        }
        guard (1...limit).contains(bytes.count), bytes.allSatisfy({ isBoundary($0, isQuoted: isQuoted) }),
            bytes.last != ByteClass.space
        else { return nil }
        return bytes
    }

    /// `bchars` (RFC 2046 section 5.1.1), which hold blanks within quotes only, and the other visible bytes that can't be
    /// taken for the field's own syntax.
    private static func isBoundary(_ byte: UInt8, isQuoted: Bool) -> Bool {
        switch byte {
        case ByteClass.space: isQuoted
        case ByteClass.quote, ByteClass.backslash, ParameterScanner.semicolon: false
        default: byte > 0x20 && byte < 0x7F
        }
    }
}
