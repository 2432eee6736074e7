import Engine
import HTTPServer
import HTTPWire
import Images
import Scheduling

/// Reads a picture and parameters out of a request's body, raw or as a form; of a form also a second picture.
struct UploadReader {
    /// A complete upload.
    struct Upload: Sendable {
        var bytes: [UInt8]
        var header: ImageHeader
        var reference: Reference?
        var parameters: ParameterList

        /// Of all files.
        var fileBytes: Int { bytes.count + (reference?.bytes.count ?? 0) }
    }

    /// Another picture, from which the restoration may borrow.
    struct Reference: Sendable {
        var bytes: [UInt8]
        var header: ImageHeader
    }

    /// How the body carries the picture.
    enum Form: Sendable {
        /// The picture alone, of that format; nil where its first bytes tell.
        case raw(ImageFormat?)
        case multipart(MultipartBoundary)
    }

    /// The field that holds the picture.
    static let imageField = "image"
    /// And the one that holds a second one.
    static let referenceField = RestorationOption.reference.name

    let form: Form
    let imageLimits: ImageLimits
    let partLimit: Int
    /// Whether a form may have a second picture.
    let takesReference: Bool

    /// Types that say nothing of what the body is: `application/x-www-form-urlencoded` is what curl sends where nobody
    /// names a type, `image/*` what pickers of files do.
    private static let openTypes: Set<String> = [
        "application/octet-stream", "application/x-www-form-urlencoded", "image/*", "*/*",
    ]

    /// What the Content-Type field says about the body.
    ///
    /// - Throws: `ServiceFault.unsupportedBody`, or `MultipartError` where a form's boundary is in doubt.
    static func form(contentType: String?) throws -> Form {
        guard let contentType, !contentType.isEmpty else { return .raw(nil) }
        if let boundary = try MultipartBoundary(contentType: contentType) { return .multipart(boundary) }
        // Parameters mean nothing for a picture, so they may be in any state.
        let essence = contentType.prefix { $0 != ";" }
        guard let media = MediaType.parse(String(essence))?.registered else {
            throw ServiceFault.unsupportedBody(sent: contentType)
        }
        if openTypes.contains(media.essence) { return .raw(nil) }
        guard let format = ImageFormat(mediaType: media.essence) else {
            throw ServiceFault.unsupportedBody(sent: media.essence)
        }
        return .raw(format)
    }

    /// Reads to the end of the body.
    ///
    /// - Parameter parameters: those of the query, to which a form's fields are added.
    /// - Throws: `RequestBodyError`, `MultipartError`, `ImageError` or `ServiceFault`.
    func read(
        _ body: any RequestBody, parameters: ParameterList, reservation: MemoryBudget.Reservation
    ) async throws -> Upload {
        switch form {
        case .raw(let format):
            var picture = PictureUpload(
                declared: format, bodyBytes: body.declaredByteCount, limits: imageLimits, reservation: reservation)
            while let chunk = try await body.next() { try picture.append(chunk) }
            let (bytes, header) = try picture.finish()
            return Upload(bytes: bytes, header: header, parameters: parameters)
        case .multipart(let boundary):
            return try await readForm(body, boundary, parameters: parameters, reservation: reservation)
        }
    }

    private func readForm(
        _ body: any RequestBody, _ boundary: MultipartBoundary, parameters: ParameterList,
        reservation: MemoryBudget.Reservation
    ) async throws -> Upload {
        var limits = MultipartLimits()
        limits.parts = partLimit
        var parser = MultipartParser(boundary: boundary, limits: limits)
        var fields = FormFields(
            parameters: parameters, bodyBytes: body.declaredByteCount, imageLimits: imageLimits,
            reservation: reservation, takesReference: takesReference)
        var isEmpty = true
        while let chunk = try await body.next() {
            isEmpty = isEmpty && chunk.isEmpty
            parser.append(chunk)
            while let event = try parser.next() { try fields.take(event) }
        }
        guard !isEmpty else { throw ImageError.empty }
        parser.finish()
        while let event = try parser.next() { try fields.take(event) }
        guard let (bytes, header) = try fields.picture?.finish() else { throw ServiceFault.noImageField }
        return Upload(
            bytes: bytes, header: header, reference: try fields.finishReference(), parameters: fields.parameters)
    }
}

/// Sorts the parts of a form into the pictures and parameters.
private struct FormFields {
    private enum Part {
        case none
        case picture
        case reference
        case parameter(MultipartPart, value: [UInt8])
    }

    var parameters: ParameterList
    var picture: PictureUpload?
    private var reference: PictureUpload?
    private let bodyBytes: Int?
    private let imageLimits: ImageLimits
    private let reservation: MemoryBudget.Reservation
    private let takesReference: Bool
    private var part = Part.none

    init(
        parameters: ParameterList, bodyBytes: Int?, imageLimits: ImageLimits, reservation: MemoryBudget.Reservation,
        takesReference: Bool
    ) {
        self.parameters = parameters
        self.bodyBytes = bodyBytes
        self.imageLimits = imageLimits
        self.reservation = reservation
        self.takesReference = takesReference
    }

    /// The second picture, checked; nil for none, as a field that nobody filled in.
    ///
    /// - Throws: `RestorationError.reference`, or `ServiceFault.memoryExhausted`.
    mutating func finishReference() throws -> UploadReader.Reference? {
        guard reference?.isEmpty == false else { return nil }
        return try Self.ofReference { try reference?.finish() }.map { UploadReader.Reference(bytes: $0.bytes, header: $0.header) }
    }

    /// Names the reference as what is broken.
    private static func ofReference<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as ImageError where error != .outOfMemory {
            throw RestorationError.reference(error)
        }
    }

    mutating func take(_ event: MultipartParser.Event) throws {
        switch event {
        case .partBegin(let head): try begin(head)
        case .bytes(let bytes): try append(bytes)
        case .partEnd: try end()
        case .end: break
        }
    }

    private mutating func begin(_ head: MultipartPart) throws(ServiceFault) {
        let offered = parameters.known.offered
        if head.name == UploadReader.imageField {
            // An empty field counts as absent: pages have one that is filled in and others that are not.
            guard picture?.isEmpty ?? true else { throw .severalImageFields }
            picture = try upload(head)
            part = .picture
            return
        }
        if takesReference, head.name == UploadReader.referenceField {
            guard reference?.isEmpty ?? true else { throw .severalReferenceFields }
            reference = try upload(head)
            part = .reference
            return
        }
        guard offered.contains(head.name) else {
            if head.isFile { throw .unexpectedFile(name: head.name) }
            let pictures = [UploadReader.imageField] + (takesReference ? [UploadReader.referenceField] : [])
            throw .unknownParameter(name: head.name, known: offered + pictures)
        }
        part = .parameter(head, value: [])
    }

    /// The part's type is whatever the client made of the file's name: the bytes say what it is.
    private func upload(_ head: MultipartPart) throws(ServiceFault) -> PictureUpload {
        guard !head.isQuotedPrintable else {
            throw .malformedForm("the Content-Transfer-Encoding of a picture must be binary")
        }
        return PictureUpload(declared: nil, bodyBytes: bodyBytes, limits: imageLimits, reservation: reservation)
    }

    private mutating func append(_ bytes: ArraySlice<UInt8>) throws {
        switch part {
        case .none: break
        case .picture: try picture?.append(bytes)
        case .reference: try Self.ofReference { try reference?.append(bytes) }
        case .parameter(let head, var value):
            part = .none
            value.append(contentsOf: bytes)
            guard value.count <= ParameterList.valueLimit else {
                throw ServiceFault.invalidParameter(
                    name: head.name, value: String(decoding: value, as: UTF8.self),
                    expected: "at most \(ParameterList.valueLimit) bytes long")
            }
            part = .parameter(head, value: value)
        }
    }

    private mutating func end() throws(ServiceFault) {
        // An empty field counts as absent: pages send those that nobody filled in.
        if case .parameter(let head, let value) = part, !value.isEmpty {
            guard let decoded = head.isQuotedPrintable ? QuotedPrintable.decode(value) : value,
                let text = String(validating: decoded, as: UTF8.self)
            else {
                throw .invalidParameter(
                    name: head.name, value: String(decoding: value, as: UTF8.self), expected: "UTF-8 text")
            }
            try parameters.add(head.name, text)
        }
        part = .none
    }
}
