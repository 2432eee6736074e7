import HTTPServer
import HTTPTypes
import Images

/// What `/restore` and `/classify` have in common: a picture in a body.
struct PictureIntake: Sendable {
    let imageLimits: ImageLimits
    /// Bytes.
    let bodyLimit: Int
    let partLimit: Int
    let codecs: CodecQueue
    let metrics: Metrics
    let now: @Sendable () -> ContinuousClock.Instant

    /// Checks what the head says about the body.
    ///
    /// - Throws: `ServiceFault`.
    func reader(for request: ServiceRequest) throws(ServiceFault) -> UploadReader {
        if let coding = request.fields[.contentEncoding], coding.lowercased() != "identity" {
            throw .encodedBody(coding)
        }
        let form = try UploadReader.form(contentType: request.fields[.contentType])
        if let length = request.head.declaredBodyLength, length > bodyLimit { throw .bodyTooLarge(limit: bodyLimit) }
        return UploadReader(form: form, imageLimits: imageLimits, partLimit: partLimit)
    }

    /// Decodes away from the sockets and Swift's own threads.
    ///
    /// - Parameters:
    ///   - reservation: holds the upload's bytes before, and then `workBytes`.
    ///   - workBytes: what the work on the picture will hold at once, the picture included; reserved before decoding,
    ///     so that no picture is decoded in vain.
    ///   - deadline: when the answer is no longer wanted.
    func decode(
        _ upload: UploadReader.Upload, reservation: MemoryBudget.Reservation, workBytes: Int,
        deadline: ContinuousClock.Instant
    ) async throws -> (picture: Picture, duration: Duration) {
        let bytes = upload.bytes
        // The upload is gone by the time that the work begins.
        try reservation.grow(by: max(upload.header.decodingBytes, workBytes - reservation.bytes))
        let start = now()
        let picture = try await codecs.run(until: deadline) { [imageLimits] shouldContinue in
            try ImageDecoder.decode(bytes, limits: imageLimits, shouldContinue: shouldContinue)
        }
        let duration = start.duration(to: now())
        metrics.stage("decode", took: duration)
        try reservation.resize(to: workBytes + Self.metadataBytes(picture))
        return (picture, duration)
    }

    /// What the profile and the EXIF block take, which are known only now: in the picture, in the encoded one and, a
    /// third longer, in the text of a document.
    private static func metadataBytes(_ picture: Picture) -> Int {
        4 * ((picture.colourProfile?.count ?? 0) + (picture.exif?.count ?? 0))
    }
}
