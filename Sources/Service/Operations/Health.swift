import HTTPServer
import HTTPTypes
import Settings

/// `GET /health` and `/health/ready`: 200 where new work is taken. Answers out of memory, whatever the Accept field
/// says: a probe must not fail for that.
struct Readiness: Operation {
    let engines: EngineAccess
    /// Where jobs are kept, if replicas share them.
    let store: SharedJobStore?
    let role: ServiceRole

    func begin(_ request: ServiceRequest) -> Reply {
        switch engines.phase {
        case .serving: .immediate(serving)
        case .starting(.loading): .immediate(.status("loading", retryAfter: 2))
        case .starting(.fetching(let bundle, let received, let total)):
            .immediate(
                .health(
                    HealthDocument(status: "fetching", bundle: bundle, received_bytes: received, total_bytes: total),
                    retryAfter: 10))
        case .leaving, .draining: .immediate(.status("draining", retryAfter: 5))
        }
    }

    /// Without its store a front end or worker does nothing; a service of all roles goes on with what needs no job.
    private var serving: Response {
        guard let store else { return .status("ready") }
        let isAvailable = store.link.isAvailable
        let word = isAvailable ? "available" : "unavailable"
        if isAvailable || role == .all {
            return .health(HealthDocument(status: "ready", job_store: word), retryAfter: nil)
        }
        return .health(HealthDocument(status: "job-store-unavailable", job_store: word), retryAfter: 2)
    }
}

/// `GET /health/live`: 200 as long as the process answers and no evaluation hangs.
struct Liveness: Operation {
    let engines: EngineAccess
    /// The longest time for an evaluation, in seconds.
    let hangLimit: Int

    func begin(_ request: ServiceRequest) -> Reply {
        let longest = engines.forQuestions?.load.longestEvaluationUnderWay ?? 0
        return .immediate(longest <= Double(hangLimit) ? .status("live") : .status("hanging", retryAfter: 5))
    }
}

/// The document's members are named as they are in it.
private struct HealthDocument: Encodable {
    let status: String
    /// While its files come.
    var bundle: String?
    var received_bytes: Int?
    var total_bytes: Int?
    /// Where jobs are in a store that replicas share: `available` or `unavailable`.
    var job_store: String?
}

extension Response {
    /// 200, or 503 where the client is to try again after some seconds.
    fileprivate static func status(_ status: String, retryAfter: Int? = nil) -> Response {
        health(HealthDocument(status: status), retryAfter: retryAfter)
    }

    fileprivate static func health(_ document: HealthDocument, retryAfter: Int?) -> Response {
        var fields: HTTPFields = [.cacheControl: "no-store"]
        fields[.retryAfter] = retryAfter.map { String($0) }
        return .json(document, status: retryAfter == nil ? .ok : .serviceUnavailable, fields: fields)
    }
}
