import HTTPServer

/// The jobs of clients that don't wait, wherever they are kept: in this process, or where other processes find them too.
protocol JobStore: Sendable {
    /// Told a job's status; nil where the job is gone without an end.
    typealias Watcher = @Sendable (JobStatus?) -> Void

    /// - Throws: `ServiceFault.noSuchJob`, or `.jobGone` for one that there was.
    func status(_ id: String) async throws -> JobStatus

    /// - Throws: the problem that the job failed with, or a fault that says why there is no result.
    func result(_ id: String) async throws -> Response

    /// What was drawn to restore with: a PNG.
    ///
    /// - Throws: as `result`, and `ServiceFault.noGuidance` for a job that is done and drew none.
    func guidance(_ id: String) async throws -> Response

    /// Cancels an unfinished job, which then reads cancelled; removes a finished one.
    func delete(_ id: String) async throws

    /// Calls `watcher` now and after every change of a job until the subscription goes. Changes at the same time may be
    /// told in any order, the last status included.
    func watch(_ id: String, _ watcher: @escaping Watcher) async throws -> Subscription

    /// Removes what has expired, so that memory is freed in time where nobody asks for anything.
    func sweep() async

    /// For metrics, out of memory.
    var figures: JobFigures { get }
}

/// How a job ended.
enum JobOutcome: Sendable {
    case done(FinishedWork, requestID: String)
    case failed(Problem, requestID: String)
    case cancelled
}

/// How many jobs there are, and what they hold.
struct JobFigures: Sendable, Equatable {
    var counts: [JobStatus.State: Int] = [:]
    /// Bytes of results, those included whose jobs are gone and that clients still read.
    var resultBytes = 0

    // Only where replicas share a store. What is counted is counted in this replica, since its start.

    var isStoreAvailable = true
    /// Bytes of pictures whose jobs have not ended.
    var uploadBytes = 0
    /// Jobs that no replica has taken yet.
    var lag = 0
    /// Jobs that were begun, and those of them that had been begun before.
    var claims = 0
    var retries = 0
    /// Jobs that were begun, and then another's or cancelled.
    var lost = 0
    /// Commands that failed or were refused.
    var storeErrors = 0
}
