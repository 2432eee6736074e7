import Engine
import HTTPServer
import Redis

/// Makes jobs of restorations in a store that replicas share: whichever has room does them.
struct SharedJobStarter: JobStarter {
    let store: SharedJobStore

    func start(
        _ wish: RestorationWork.Wish, requestID: String, load: @escaping @Sendable () -> EngineLoad
    ) async throws -> JobStatus {
        try await start(
            .restore, of: wish.upload, accept: wish.accept, keepsGuidance: true, seconds: wish.parameters.timeout,
            requestID: requestID)
    }

    /// - Parameters:
    ///   - accept: the request's Accept fields, joined.
    ///   - keepsGuidance: whether what is drawn to restore with can be asked for afterwards.
    ///   - seconds: to the job's deadline.
    /// - Returns: the status of a job that is in the store.
    func start(
        _ operation: JobOrder.Operation, of upload: UploadReader.Upload, accept: String?, keepsGuidance: Bool, seconds: Int,
        requestID: String
    ) async throws -> JobStatus {
        var order = JobOrder(operation, upload.parameters, accept: accept)
        order.referenceBytes = upload.reference?.bytes.count
        if keepsGuidance { order.keepsGuidance = true }
        let files = upload.reference.map { upload.bytes + $0.bytes } ?? upload.bytes
        return try await start(order, upload: files, seconds: seconds, requestID: requestID)
    }

    /// - Parameters:
    ///   - upload: the picture's file, behind it that of a reference.
    ///   - seconds: to the job's deadline.
    /// - Returns: the status of a job that is in the store.
    private func start(_ order: JobOrder, upload: [UInt8], seconds: Int, requestID: String) async throws -> JobStatus {
        let (limits, id) = (store.limits, try await store.makeName())
        let time = Duration.seconds(seconds)
        let bounds = [
            time.wholeMilliseconds, (time + limits.keyReserve).wholeMilliseconds, limits.jobs, limits.resultBytes,
        ]
        let answer: RedisValue
        do throws(RedisError) {
            answer = try await store.link.runTwice(
                .accept,
                [Array(id.utf8), upload, order.json, Array(requestID.utf8)] + bounds.map { Array(String($0).utf8) },
                on: .long, longer: StoreLink.time(of: upload.count))
        } catch {
            throw ServiceFault(error)
        }
        switch answer.text {
        case "ok": break
        case "full": throw RestorationError.queueFull(limit: limits.jobs, retryAfterSeconds: 1)
        default: throw ServiceFault.jobStoreFull
        }
        var status = JobStatus(id: id)
        status.queuePosition = try? await store.status(id).queuePosition
        return status
    }
}
