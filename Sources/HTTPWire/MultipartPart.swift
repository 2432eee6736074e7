/// A part's head (RFC 7578 section 4).
package struct MultipartPart: Sendable, Equatable {
    /// The form field's name.
    package var name: String
    /// As the client gave it; never to be used as a path.
    package var filename: String?
    package var contentType: MediaType?

    package init(name: String, filename: String? = nil, contentType: MediaType? = nil) {
        self.name = name
        self.filename = filename
        self.contentType = contentType
    }
}

/// Gathers the fields of a part's head that mean something in `multipart/form-data` (RFC 7578 section 4).
struct MultipartHeadBuilder: Sendable {
    var byteCount = 0
    private var fieldCount = 0
    private var name: String?
    private var filename: String?
    private var contentType: MediaType?

    mutating func note(_ line: ArraySlice<UInt8>, limits: MultipartLimits) throws(MultipartError) {
        fieldCount += 1
        guard fieldCount <= limits.partHeadFields else {
            throw .partHeadTooLarge("a part's head has more than \(limits.partHeadFields) fields")
        }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
            line[..<colon].allSatisfy(ByteClass.isToken)
        else { throw .malformed("a line of a part's head must be a name, a colon and a value: \"\(line.excerpt)\"") }
        let fieldName = line[..<colon]
        let value = line[(colon + 1)...].trimmingBlanks
        guard value.allSatisfy(ByteClass.isFieldValue) else {
            throw .malformed("the value of \(fieldName.text) in a part's head holds a control byte")
        }
        if fieldName.equalsIgnoringCase("content-disposition") {
            try noteDisposition(value)
        } else if fieldName.equalsIgnoringCase("content-type") {
            guard contentType == nil, let type = MediaType.parse(value.text) else {
                throw .malformed("a part must have at most one, sound Content-Type: \"\(value.excerpt)\"")
            }
            guard type.type != "multipart" else { throw .nested }
            contentType = type
        } else if fieldName.equalsIgnoringCase("content-transfer-encoding") {
            // Deprecated by RFC 7578 section 4.7; ignoring base64 would take the text for the content.
            guard ["binary", "8bit", "7bit"].contains(value.text.lowercased()) else {
                throw .malformed("a part's Content-Transfer-Encoding must be binary, not \"\(value.excerpt)\"")
            }
        }
    }

    private mutating func noteDisposition(_ value: ArraySlice<UInt8>) throws(MultipartError) {
        guard name == nil else { throw .malformed("a part must have one Content-Disposition, and one has two") }
        var scanner = FieldScanner(value)
        guard scanner.token()?.lowercased() == "form-data",
            let parameters = scanner.parameters(keepsBackslashes: true), scanner.isAtEnd,
            let name = parameters.first(where: { $0.name == "name" })?.value, !name.isEmpty
        else {
            throw .malformed("a part's Content-Disposition must be form-data with a name: \"\(value.excerpt)\"")
        }
        self.name = name
        filename = parameters.first { $0.name == "filename" }?.value
    }

    func finish() throws(MultipartError) -> MultipartPart {
        guard let name else { throw .malformed("a part must have a Content-Disposition with a name") }
        return MultipartPart(name: name, filename: filename, contentType: contentType)
    }
}
