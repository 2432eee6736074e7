import Engine
import HTTPServer
import Images
import Scheduling

/// Does the jobs of a store, as it does requests: what is checked there is checked here once more, for a front end without
/// weights could not, and this replica may have other bundles.
struct SharedJobWork: Sendable {
    let engines: EngineAccess
    let restoration: RestorationWork
    let classification: ClassificationWork

    private var now: ContinuousClock.Instant { restoration.now() }

    /// - Parameter reservation: holds the upload; in the end the answer and what is kept beside it.
    func perform(
        _ claim: JobClaim, upload bytes: [UInt8], reservation: MemoryBudget.Reservation,
        progress: @escaping @Sendable (RestorationProgress) -> Void
    ) async throws -> FinishedWork {
        guard let library = engines.forQuestions else { throw ServiceFault.loading }
        let deadline = now + claim.timeLeft
        guard now < deadline else { throw RestorationError.deadlineExceeded(whileQueued: true) }
        let order: JobOrder
        do {
            order = try JobOrder(json: claim.order)
        } catch {
            throw ServiceFault.internalFault("a job's order can't be read")
        }
        let files = try order.files(in: bytes)
        let header = try checkedHeader(files.picture)
        let choice = BundleChoice(library: library)
        switch order.operation {
        case .restore:
            let upload = UploadReader.Upload(
                bytes: files.picture, header: header, reference: try reference(files.reference),
                parameters: try order.list(of: RestoreParameters.names))
            let wish = try await restoration.wish(
                of: upload, accept: order.accept, choice, reservation: reservation, deadline: deadline, seed: order.seed)
            let prepared = try await restoration.prepared(wish, keepsGuidance: order.keepsGuidance ?? false) {}
            return try await restoration.perform(prepared, progress: progress)
        case .classify:
            let upload = UploadReader.Upload(
                bytes: files.picture, header: header, parameters: try order.list(of: ClassifyParameters.names))
            return FinishedWork(
                try await classification.answer(upload, choice, reservation: reservation, deadline: deadline))
        }
    }

    private func checkedHeader(_ bytes: [UInt8]) throws(ImageError) -> ImageHeader {
        let header = try ImageHeader.read(bytes)
        try header.check(restoration.intake.imageLimits)
        return header
    }

    private func reference(_ bytes: [UInt8]?) throws(RestorationError) -> UploadReader.Reference? {
        guard let bytes else { return nil }
        do throws(ImageError) {
            return UploadReader.Reference(bytes: bytes, header: try checkedHeader(bytes))
        } catch {
            throw .reference(error)
        }
    }
}
