/// A part's head (RFC 7578 section 4).
package struct MultipartPart: Sendable, Equatable {
    /// The form field's name.
    package var name: String
    /// Whether the client gave a file name. File names come in any encoding or none: nothing else is read of them.
    package var isFile: Bool
    /// Whether its bytes are in the quoted-printable coding.
    package var isQuotedPrintable = false

    package init(name: String, isFile: Bool = false) {
        self.name = name
        self.isFile = isFile
    }

    /// Reads the value of a part's Content-Disposition (RFC 7578 section 4.2); nil where it is not `form-data` with one
    /// sound name.
    init?(disposition value: ArraySlice<UInt8>) {
        let type = value.prefix { $0 != ParameterScanner.semicolon }
        guard type.trimmingBlanks.equalsIgnoringCase("form-data") else { return nil }
        var scanner = ParameterScanner(value[type.endIndex...])
        var name: String?
        var isFile = false
        while let (parameter, value) = scanner.next() {
            if parameter.equalsIgnoringCase("name") {
                guard name == nil, let sound = Self.text(value) else { return nil }
                name = sound
            } else if parameter.equalsIgnoringCase("filename") || parameter.equalsIgnoringCase("filename*") {
                isFile = true
            }
        }
        guard let name, !name.isEmpty else { return nil }
        self.init(name: name, isFile: isFile)
    }

    /// A token, or a quoted string in UTF-8 without control bytes; nil for anything else.
    private static func text(_ raw: ArraySlice<UInt8>) -> String? {
        var scanner = FieldScanner(raw)
        let text = scanner.token() ?? scanner.quotedString(keepsBackslashes: true)
        return scanner.isAtEnd ? text : nil
    }
}

/// Gathers the fields of a part's head that mean something in `multipart/form-data` (RFC 7578 section 4).
struct MultipartHeadBuilder: Sendable {
    var byteCount = 0
    private var fieldCount = 0
    /// The field whose next line may go on with it.
    private var field: [UInt8] = []
    private var part: MultipartPart?
    private var isQuotedPrintable = false

    /// Takes one line, without its line end.
    mutating func note(_ line: ArraySlice<UInt8>, limits: MultipartLimits) throws(MultipartError) {
        if let first = line.first, ByteClass.isBlank(first), !field.isEmpty {
            // Mail libraries fold long lines (RFC 5322 section 2.2.3).
            field.append(ByteClass.space)
            field += line.trimmingBlanks
            return
        }
        try endField()
        fieldCount += 1
        guard fieldCount <= limits.partHeadFields else {
            throw .partHeadTooLarge("a part's head has more than \(limits.partHeadFields) fields")
        }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
            line[..<colon].allSatisfy(ByteClass.isToken)
        else { throw .malformed("a line of a part's head must be a name, a colon and a value: \"\(line.excerpt)\"") }
        field = Array(line)
    }

    private mutating func endField() throws(MultipartError) {
        let name = field.prefix { $0 != UInt8(ascii: ":") }
        let value = field[name.endIndex...].dropFirst().trimmingBlanks
        field = []
        if name.equalsIgnoringCase("content-disposition") {
            guard part == nil else { throw .malformed("a part must have one Content-Disposition, and one has two") }
            part = MultipartPart(disposition: value)
            guard part != nil else {
                throw .malformed("a part's Content-Disposition must be form-data with a name: \"\(value.excerpt)\"")
            }
        } else if name.equalsIgnoringCase("content-type") {
            // Of any other type in any state: the bytes say what a part is.
            guard !value.prefix(10).equalsIgnoringCase("multipart/") else { throw .nested }
        } else if name.equalsIgnoringCase("content-transfer-encoding") {
            // Deprecated by RFC 7578 section 4.7; ignoring base64 would take the text for the content.
            let encoding = value.text.lowercased()
            isQuotedPrintable = encoding == "quoted-printable"
            guard isQuotedPrintable || ["", "binary", "8bit", "7bit"].contains(encoding) else {
                throw .malformed("a part's Content-Transfer-Encoding must be binary, not \"\(value.excerpt)\"")
            }
        } else if !value.allSatisfy(ByteClass.isFieldValue) {
            throw .malformed("the value of \(name.text) in a part's head holds a control byte")
        }
    }

    mutating func finish() throws(MultipartError) -> MultipartPart {
        try endField()
        guard var part else { throw .malformed("a part must have a Content-Disposition with a name") }
        part.isQuotedPrintable = isQuotedPrintable
        return part
    }
}
