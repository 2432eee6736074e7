import Engine
import HTTPServer
import Images
import Scheduling

/// The work behind `/restore`: what becomes of a picture's file, whoever brings it.
struct RestorationWork: Sendable {
    let intake: PictureIntake
    let codecs: CodecQueue
    let memory: MemoryBudget
    let metrics: Metrics
    /// The longest time for a request, in seconds.
    let timeoutLimit: Int
    let now: @Sendable () -> ContinuousClock.Instant

    /// A picture that has come, and what is wanted of it, before its bundle is in memory.
    struct Wish: Sendable {
        fileprivate let bundle: BundleChoice.Chosen
        let upload: UploadReader.Upload
        /// The Accept field that the form comes of.
        let accept: String?
        let parameters: RestoreParameters
        fileprivate let form: AnswerForm
        fileprivate let quality: Int
        /// When the answer is no longer wanted.
        let deadline: ContinuousClock.Instant
        let reservation: MemoryBudget.Reservation
    }

    /// A picture that waits to be decoded, and what is wanted of it.
    struct Restoration: Sendable {
        /// Keeps its bundle in memory until the work is done.
        fileprivate let engine: EngineLease
        fileprivate let source: PictureSource
        /// What it is decoded from, and an unchanged answer is made of.
        fileprivate let file: [UInt8]
        fileprivate let parameters: RestoreParameters
        fileprivate let form: AnswerForm
        fileprivate let quality: Int
        fileprivate let deadline: ContinuousClock.Instant
        /// Whether what is drawn to restore with is kept beside the answer.
        fileprivate let keepsGuidance: Bool
        /// The memory of the picture, its restoration and the answer.
        let memory: PictureBooking
    }

    /// Checks what is wanted of a picture, refusing what can't be done before it waits.
    ///
    /// - Parameters:
    ///   - accept: the request's Accept fields, joined.
    ///   - reservation: holds the upload.
    ///   - deadline: when the answer is no longer wanted; nil for what the parameters say, from now on.
    ///   - seed: of the noise, where the request names none; nil lets the engine draw one.
    func wish(
        of upload: UploadReader.Upload, accept: String?, _ choice: BundleChoice, reservation: MemoryBudget.Reservation,
        deadline: ContinuousClock.Instant? = nil, seed: UInt64? = nil
    ) async throws -> Wish {
        let arrival = now()
        let bundle = try await choice.chosen(
            by: upload.parameters, deadline: deadline ?? arrival + .seconds(timeoutLimit))
        var parameters = try RestoreParameters(upload.parameters, recipe: bundle.recipe, timeoutLimit: timeoutLimit)
        let form = try AnswerForm(accept: accept, format: parameters.format)
        let quality = try parameters.encodingQuality(for: form.format)
        let (width, height) = (upload.header.width, upload.header.height)
        try ImageEncoder.check(width: width, height: height, as: form.format)
        let end = deadline ?? arrival + .seconds(parameters.timeout)
        parameters.options.deadline = end
        parameters.options.reference = intake.reference(upload, deadline: end)
        do throws(OptionFault) { try bundle.recipe.check(parameters.options) } catch { throw RestorationError.option(error) }
        if parameters.options.seed == nil, bundle.recipe.options.contains(.seed) { parameters.options.seed = seed }
        return Wish(
            bundle: bundle, upload: upload, accept: accept, parameters: parameters, form: form, quality: quality,
            deadline: end, reservation: reservation)
    }

    /// Once its bundle is in memory.
    ///
    /// - Parameters:
    ///   - keepsGuidance: whether what is drawn to restore with can be asked for afterwards.
    ///   - onWait: called where that takes a while.
    func prepared(
        _ wish: Wish, keepsGuidance: Bool = false, onWait: @Sendable () -> Void
    ) async throws -> Restoration {
        let (upload, parameters) = (wish.upload, wish.parameters)
        let engine = try await wish.bundle.engine(by: wish.deadline, onWait: onWait)
        let estimate = try engine.estimate(
            width: upload.header.width, height: upload.header.height, options: parameters.options)
        try check(estimate, secondsLeft: now().duration(to: wish.deadline).seconds)
        let drawn = parameters.options.drawsGuidance && (keepsGuidance || wish.form.hasGuidance) ? GuidanceLimits.pixels : 0
        let workBytes = try workBytes(estimate, of: upload, form: wish.form, drawn: drawn)
        let (source, booking) = try intake.picture(
            upload, workBytes: workBytes, reservation: wish.reservation, deadline: wish.deadline)
        return Restoration(
            engine: engine, source: source, file: upload.bytes, parameters: parameters, form: wish.form,
            quality: wish.quality, deadline: wish.deadline, keepsGuidance: keepsGuidance, memory: booking)
    }

    /// - Throws: where the deadline can't be met: for good where other work has no part in that, else for now.
    private func check(_ estimate: RestorationEstimate, secondsLeft: Double) throws {
        if let seconds = estimate.idleSeconds, seconds > secondsLeft {
            throw RestorationError.deadlineUnattainable(estimatedSeconds: seconds, allowedSeconds: secondsLeft)
        }
        if let seconds = estimate.seconds, seconds > secondsLeft {
            throw ServiceFault.deadlineUnattainableNow(estimatedSeconds: seconds, allowedSeconds: secondsLeft)
        }
    }

    /// What the work holds at once: the files, of one of which an unchanged answer is made, what is looked at of a reference, and first pictures and the sums of
    /// overlapping tiles, then the picture that came, the restored one and the answer that is made of it.
    ///
    /// - Parameter drawn: pixels of a guidance that is a part of the answer or kept beside it, at most.
    /// - Throws: where the sums of the overlaps that were asked for, or a document, never fit beside the pictures,
    ///   however idle the service is.
    private func workBytes(
        _ estimate: RestorationEstimate, of upload: UploadReader.Upload, form: AnswerForm, drawn: Int
    ) throws -> Int {
        let header = upload.header
        let fileBytes = upload.fileBytes + (upload.reference == nil ? 0 : 3 * ReferenceLimits.pixels)
        let pictures = fileBytes + PictureMemory.bytes(width: header.width, height: header.height)
        let limit = max(0, memory.limit - pictures)
        guard estimate.blendingBytes <= limit else {
            throw RestorationError.overlapExceedsMemory(needed: estimate.blendingBytes, limit: limit)
        }
        let pixels = header.width * header.height
        let answering = fileBytes + 2 * PictureMemory.bytesPerPixel * pixels + form.bytes(pixels: pixels, drawn: drawn)
        // A picture alone always fits: the settings are checked for that at the start.
        if answering > memory.limit, drawn > 0 || !form.isPicture {
            throw ServiceFault.answerTooLarge(needed: answering, limit: memory.limit)
        }
        return max(pictures + estimate.blendingBytes, answering)
    }

    /// Restores and encodes.
    func perform(
        _ restoration: Restoration, progress: @escaping @Sendable (RestorationProgress) -> Void
    ) async throws -> FinishedWork {
        let engine = restoration.engine
        do {
            let result = try await engine.restore(
                restoration.source, options: restoration.parameters.options, memory: restoration.memory,
                progress: progress)
            metrics.stage("queue", took: result.timing.queue)
            metrics.stage("decode", took: result.timing.decode)
            for stage in result.timing.stages { metrics.stage(stage.name, took: stage.duration) }
            let finished = try await finished(restoration, result)
            metrics.restorationEnded(result.outcome, of: engine.bundle.name)
            return finished
        } catch {
            metrics.restorationFailed(error, of: engine.bundle.name)
            throw error
        }
    }

    private func finished(_ restoration: Restoration, _ result: RestorationResult) async throws -> FinishedWork {
        let form = restoration.form, format = form.format
        let imageAnswer = ImageAnswer(
            as: format, quality: restoration.quality, keepsMetadata: restoration.parameters.metadata == .keep,
            limits: intake.imageLimits)
        let start = now()
        let bytes = try await codecs.run(until: restoration.deadline, isBegun: true) { shouldContinue in
            try imageAnswer.file(
                of: result.picture, isUnchanged: result.unchanged, source: restoration.file,
                shouldContinue: shouldContinue)
        }
        let encodeDuration = start.duration(to: now())
        metrics.stage("encode", took: encodeDuration)
        let answer = RestorationAnswer(
            result: result, bundle: restoration.engine.bundle.identifier, format: format, encode: encodeDuration)
        let isShown = restoration.keepsGuidance || form.hasGuidance
        let guidance = isShown ? try await file(ofGuidance: result.guidance, until: restoration.deadline) : nil
        let response =
            switch form {
            case .picture: answer.response(picture: bytes)
            case .document:
                try await codecs.run(until: restoration.deadline, isBegun: true) { _ in answer.response(document: bytes) }
            case .parts:
                try await codecs.run(until: restoration.deadline, isBegun: true) { _ in
                    answer.response(picture: bytes, guidance: guidance)
                }
            }
        return FinishedWork(response, guidance: restoration.keepsGuidance ? guidance : nil)
    }

    /// A PNG; nil where nothing was drawn.
    private func file(ofGuidance picture: Picture?, until deadline: ContinuousClock.Instant) async throws -> [UInt8]? {
        guard let picture else { return nil }
        return try await codecs.run(until: deadline, isBegun: true) { shouldContinue in
            try ImageEncoder.encode(picture, as: .png, shouldContinue: shouldContinue)
        }
    }
}

extension RestorationResult {
    /// For the metrics.
    fileprivate var outcome: String { declined != nil ? "declined" : unchanged ? "unchanged" : "restored" }
}
