import Engine
import HTTPServer
import HTTPTypes
import HTTPWire
import Images

/// `POST /restore`.
extension RestorationService {
    /// A picture ready to be restored, and what is wanted of it.
    struct Order: Sendable {
        var picture: Picture
        var parameters: RestoreParameters
        var form: AnswerForm
        var quality: Int
        var decodeDuration: Duration
        /// When the answer is no longer wanted.
        var deadline: ContinuousClock.Instant
        /// Holds the memory of the picture, its restoration and the answer.
        var reservation: MemoryBudget.Reservation
    }

    func restore(_ exchange: Exchange) throws -> Route.Work {
        let engine = try engineForWork()
        let reader = try uploadReader(exchange)
        // What is wrong already needn't wait for the body.
        _ = try RestoreParameters(exchange.parameters, bundle: engine.bundle, timeoutLimit: configuration.timeout)
        let isAsynchronous = PreferField(exchange.fields[.prefer]).respondsAsynchronously
        return { [self] body in
            let order = try await take(body, exchange, reader: reader, engine: engine)
            if isAsynchronous { return try await startJob(order, exchange, engine: engine) }
            var response = try await fulfil(order, engine: engine) { _ in }
            // Slow readers hold answers: they count until they have left.
            order.reservation.shrink(to: response.byteCount)
            response.retained = order.reservation
            return response
        }
    }

    /// Reads and decodes the picture, refusing what can't be done before the cost of decoding.
    private func take(
        _ body: any RequestBody, _ exchange: Exchange, reader: UploadReader, engine: any RestorationEngine
    ) async throws -> Order {
        let reservation = memory.reservation()
        let upload = try await reader.read(body, parameters: exchange.parameters, reservation: reservation)
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
        let workBytes = try workBytes(estimate, of: upload.header, options: parameters.options, form: form)
        let (picture, duration) = try await decode(
            upload, reservation: reservation, workBytes: workBytes, deadline: deadline)
        return Order(
            picture: picture, parameters: parameters, form: form, quality: quality, decodeDuration: duration,
            deadline: deadline, reservation: reservation)
    }

    /// What the work holds at once: first pictures and the sums of overlapping tiles, then the picture that came, the
    /// restored one and the answer that is made of it.
    ///
    /// - Throws: where the sums of the overlaps that were asked for, or a document, never fit beside the pictures,
    ///   however idle the service is.
    private func workBytes(
        _ estimate: WorkEstimate, of header: ImageHeader, options: RestorationOptions, form: AnswerForm
    ) throws -> Int {
        let pictures = PictureMemory.bytes(width: header.width, height: header.height, options: options)
        let limit = max(0, configuration.requestMemory - pictures)
        guard estimate.blendingBytes <= limit else {
            throw RestorationError.overlapExceedsMemory(needed: estimate.blendingBytes, limit: limit)
        }
        let pixels = header.width * header.height
        let answering = 2 * PictureMemory.bytesPerPixel * pixels + form.bytes(pixels: pixels)
        // That a picture fits is checked at the start.
        if case .document = form, answering > configuration.requestMemory {
            throw ServiceFault.answerTooLarge(needed: answering, limit: configuration.requestMemory)
        }
        return max(pictures + estimate.blendingBytes, answering)
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
        let bytes = try await codecs.run(until: order.deadline, isBegun: true) { shouldContinue in
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
            return try await codecs.run(until: order.deadline, isBegun: true) { _ in answer.response(document: bytes) }
        }
    }
}
