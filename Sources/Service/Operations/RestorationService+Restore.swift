import HTTPServer
import HTTPTypes
import HTTPWire
import Images
import Restoration

/// `POST /restore`.
extension RestorationService {
    /// A picture ready to be restored, and what is wanted of it.
    struct Order: Sendable {
        var picture: Picture
        var parameters: RestoreParameters
        var form: AnswerForm
        var quality: Int
        var decodeDuration: Duration
        /// Holds the memory of the picture and its restoration.
        var reservation: MemoryBudget.Reservation
    }

    func restore(_ exchange: Exchange) throws -> Route.Work {
        let engine = try engineForWork()
        let reader = try uploadReader(exchange, known: RestoreParameters.names)
        let query = try queryParameters(exchange, known: RestoreParameters.names)
        // What is wrong already needn't wait for the body.
        _ = try RestoreParameters(query, bundle: engine.bundle, timeoutLimit: configuration.timeout)
        let isAsynchronous = PreferField(exchange.fields[.prefer]).respondsAsynchronously
        return { [self] body in
            let order = try await take(body, exchange, reader: reader, query: query, engine: engine)
            return isAsynchronous
                ? try await startJob(order, exchange, engine: engine)
                : try await fulfil(order, engine: engine) { _ in }
        }
    }

    /// Reads and decodes the picture, refusing what can't be done before the cost of decoding.
    private func take(
        _ body: any RequestBody, _ exchange: Exchange, reader: UploadReader, query: ParameterList,
        engine: any RestorationEngine
    ) async throws -> Order {
        let reservation = memory.reservation()
        let upload = try await reader.read(body, parameters: query, reservation: reservation)
        var parameters = try RestoreParameters(
            upload.parameters, bundle: engine.bundle, timeoutLimit: configuration.timeout)
        let form = try AnswerForm(accept: exchange.fields[.accept], format: parameters.format)
        let quality = try parameters.encodingQuality(for: form.format)
        let deadline = exchange.start + .seconds(parameters.timeout)
        parameters.options.deadline = deadline
        let estimate = try engine.estimate(
            width: upload.header.width, height: upload.header.height, options: parameters.options)
        let remaining = time.now().duration(to: deadline).seconds
        if let seconds = estimate.seconds, seconds > remaining {
            throw RestorationError.deadlineUnattainable(estimatedSeconds: seconds, allowedSeconds: remaining)
        }
        try checkOverlaps(estimate, of: upload.header)
        let (picture, duration) = try await decode(upload, reservation: reservation, pictures: 2)
        try reservation.grow(by: estimate.blendingBytes)
        return Order(
            picture: picture, parameters: parameters, form: form, quality: quality, decodeDuration: duration,
            reservation: reservation)
    }

    /// - Throws: where the sums of the overlaps that were asked for never fit beside the pictures, however idle the
    ///   service is.
    private func checkOverlaps(_ estimate: WorkEstimate, of header: ImageHeader) throws(RestorationError) {
        let pictures = 2 * PictureUpload.bytesPerPixel * header.width * header.height
        let limit = max(0, configuration.requestMemory - pictures)
        guard estimate.blendingBytes <= limit else {
            throw .overlapExceedsMemory(needed: estimate.blendingBytes, limit: limit)
        }
    }

    /// Restores and encodes.
    func fulfil(
        _ order: Order, engine: any RestorationEngine,
        progress: @escaping @Sendable (RestorationProgress) -> Void
    ) async throws -> Response {
        do {
            let result = try await engine.restore(
                order.picture, options: order.parameters.options, progress: progress)
            metrics.stage("queue", took: result.timing.queue)
            metrics.stage("classify", took: result.timing.classify)
            metrics.stage("diffuse", took: result.timing.diffuse)
            let response = try await answer(order, result, bundle: engine.bundle.identifier)
            metrics.restorationEnded(result.unchanged ? "unchanged" : "restored")
            return response
        } catch {
            metrics.restorationEnded(Problem(error).kind)
            throw error
        }
    }

    private func answer(_ order: Order, _ result: RestorationResult, bundle: String) async throws -> Response {
        let parameters = order.parameters
        let format = order.form.format
        let start = time.now()
        let bytes = try await codecs.run { shouldContinue in
            let keepsExif = parameters.metadata == .keep
            switch format {
            case .png:
                return try ImageEncoder.png(result.picture, keepsExif: keepsExif, shouldContinue: shouldContinue)
            case .jpeg:
                return try ImageEncoder.jpeg(
                    result.picture, options: ImageEncoder.JPEGOptions(quality: order.quality),
                    keepsExif: keepsExif, shouldContinue: shouldContinue)
            }
        }
        let encodeDuration = start.duration(to: time.now())
        metrics.stage("encode", took: encodeDuration)
        let answer = RestorationAnswer(
            result: result, bundle: bundle, format: format, decode: order.decodeDuration, encode: encodeDuration)
        switch order.form {
        case .picture:
            return answer.response(picture: bytes)
        case .document:
            // The picture stands in the document as text, and once more while that is put together.
            try order.reservation.grow(by: bytes.count * 3)
            return try await codecs.run { _ in answer.response(document: bytes) }
        }
    }
}
