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
    ///   - reservation: holds the upload's bytes before, and then `pictures` decoded ones.
    ///   - pictures: how many pictures of this size the work will hold at once.
    func decode(
        _ upload: UploadReader.Upload, reservation: MemoryBudget.Reservation, pictures: Int
    ) async throws -> (picture: Picture, duration: Duration) {
        let limits = configuration.imageLimits
        let bytes = upload.bytes
        try reservation.grow(by: upload.header.decodingBytes)
        let start = time.now()
        let picture = try await codecs.run { shouldContinue in
            try ImageDecoder.decode(bytes, limits: limits, shouldContinue: shouldContinue)
        }
        let duration = start.duration(to: time.now())
        metrics.stage("decode", took: duration)
        try reservation.resize(to: pictures * PictureUpload.bytesPerPixel * picture.width * picture.height)
        return (picture, duration)
    }
}
