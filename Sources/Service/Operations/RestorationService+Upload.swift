import HTTPServer
import HTTPTypes
import Images

/// What `/restore` and `/classify` have in common: a picture in a body.
extension RestorationService {
    /// Checks what the head says about the body.
    ///
    /// - Throws: `ServiceFault`.
    func uploadReader(_ exchange: Exchange) throws(ServiceFault) -> UploadReader {
        if let coding = exchange.fields[.contentEncoding], coding.lowercased() != "identity" {
            throw .encodedBody(coding)
        }
        let form = try UploadReader.form(contentType: exchange.fields[.contentType])
        if let length = exchange.head.declaredBodyLength, length > configuration.bodyLimit {
            throw .bodyTooLarge(limit: configuration.bodyLimit)
        }
        return UploadReader(
            form: form, imageLimits: configuration.imageLimits, partLimit: configuration.partLimit)
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
        let limits = configuration.imageLimits
        let bytes = upload.bytes
        // The upload is gone by the time that the work begins.
        try reservation.grow(by: max(upload.header.decodingBytes, workBytes - reservation.bytes))
        let start = time.now()
        let picture = try await codecs.run(until: deadline) { shouldContinue in
            try ImageDecoder.decode(bytes, limits: limits, shouldContinue: shouldContinue)
        }
        let duration = start.duration(to: time.now())
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
