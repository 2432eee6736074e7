import Engine
import HTTPServer
import HTTPTypes
import Images
import Scheduling
import Synchronization

/// What `/restore` and `/classify` have in common: a picture in a body.
struct PictureIntake: Sendable {
    let imageLimits: ImageLimits
    /// Bytes.
    let bodyLimit: Int
    let partLimit: Int
    let codecs: CodecQueue

    /// Checks what the head says about the body.
    ///
    /// - Parameter takesReference: whether a second picture may come with the first.
    /// - Throws: `ServiceFault` or `MultipartError`.
    func reader(for request: ServiceRequest, takesReference: Bool = false) throws -> UploadReader {
        if let coding = request.fields[.contentEncoding], coding.lowercased() != "identity" {
            throw ServiceFault.encodedBody(coding)
        }
        let form = try UploadReader.form(contentType: request.fields[.contentType])
        if let length = request.head.declaredBodyLength, length > bodyLimit {
            throw ServiceFault.bodyTooLarge(limit: bodyLimit)
        }
        return UploadReader(form: form, imageLimits: imageLimits, partLimit: partLimit, takesReference: takesReference)
    }

    /// The reference of an upload, to be decoded when its turn comes, before the picture: little of it is kept.
    ///
    /// - Parameter deadline: when the answer is no longer wanted.
    func reference(_ upload: UploadReader.Upload, deadline: ContinuousClock.Instant) -> ReferencePicture? {
        guard let reference = upload.reference else { return nil }
        return ReferencePicture(width: reference.header.width, height: reference.header.height) {
            try await codecs.run(until: deadline) { [imageLimits] shouldContinue in
                let picture = try ImageDecoder.decode(
                    reference.bytes, limits: imageLimits, shouldContinue: shouldContinue)
                return try withoutActuallyEscaping(shouldContinue) {
                    try ReferencePicture.fitted(picture, shouldContinue: $0)
                }
            }
        }
    }

    /// The picture, to be decoded when its turn comes, away from the sockets and Swift's own threads; and what is booked
    /// for it then: what decoding or the work on it takes, whichever is more.
    ///
    /// - Parameters:
    ///   - workBytes: what the work on the picture will hold at once, the picture included, and its file where that is
    ///     still wanted.
    ///   - reservation: holds the upload until then, and the work from then on.
    ///   - deadline: when the answer is no longer wanted.
    /// - Throws: where the uploads that wait leave too little for that.
    func picture(
        _ upload: UploadReader.Upload, workBytes: Int, reservation: MemoryBudget.Reservation,
        deadline: ContinuousClock.Instant
    ) throws(MemoryBudget.Exhausted) -> (source: PictureSource, booking: PictureBooking) {
        let file = UploadedFile(upload.bytes)
        let source = PictureSource(width: upload.header.width, height: upload.header.height) {
            guard let bytes = file.take() else { throw RestorationError.internalFault("a picture is decoded twice") }
            let picture = try await codecs.run(until: deadline) { [imageLimits] shouldContinue in
                try ImageDecoder.decode(bytes, limits: imageLimits, shouldContinue: shouldContinue)
            }
            let bytesOfWork = workBytes + Self.metadataBytes(picture)
            guard reservation.growForWork(to: bytesOfWork) else { throw ImageError.outOfMemory }
            reservation.shrink(to: bytesOfWork)
            return picture
        }
        // One after the other.
        let decoding = max(upload.header.decodingBytes, upload.reference?.header.decodingBytes ?? 0)
        let bytes = max(upload.fileBytes + decoding, workBytes)
        try reservation.await(work: bytes)
        return (source, PictureBooking(reservation: reservation, bytes: bytes))
    }

    /// What the profile and other metadata take, which are known only then: in the picture, in the encoded one and, a
    /// third longer, in the text of a document.
    private static func metadataBytes(_ picture: Picture) -> Int { 4 * picture.bytesBesidePixels }
}

/// The bytes of an upload until they are decoded. The mutex guards them.
private final class UploadedFile: Sendable {
    private let bytes: Mutex<[UInt8]?>

    init(_ bytes: [UInt8]) { self.bytes = Mutex(bytes) }

    func take() -> [UInt8]? { bytes.withLock { $0.take() } }
}
