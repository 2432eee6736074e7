import HTTPServer
import Redis
import Synchronization

/// A job that this replica has taken.
struct JobClaim: Sendable {
    let id: String
    /// In the stream.
    let entry: String
    /// New with each claim: who shows another one changes nothing.
    let token: String
    let order: [UInt8]
    let uploadBytes: Int
    let timeLeft: Duration
    /// How often it has been begun, this time included.
    let number: Int
    let requestID: String
}

/// How this replica takes jobs from the store, keeps and ends them. Used by one task at a time, but for what concerns a
/// claim.
///
/// The mutex guards where the search for silent owners' entries goes on.
final class JobClaims: Sendable {
    private let store: SharedJobStore
    /// This replica among the stream's consumers.
    private let consumer = RequestIdentifier.make()
    private let cursor = Mutex("0-0")

    private static let group = "workers"

    init(_ store: SharedJobStore) { self.store = store }

    private var limits: SharedJobLimits { store.limits }
    private var stream: String { limits.prefix + "jobs" }

    // MARK: Taking

    /// An entry whose owner has been silent for the lease; nil where there is none.
    func abandonedEntry() async throws(RedisError) -> (entry: String, id: String)? {
        let start = cursor.withLock { $0 }
        let answer: RedisValue
        do throws(RedisError) {
            answer = try await store.link.send(
                RedisCommand(
                    "XAUTOCLAIM", stream, Self.group, consumer, String(limits.lease.wholeMilliseconds), start, "COUNT", "1"))
        } catch where error.code == "NOGROUP" {
            try await makeGroup()
            return nil
        }
        guard let items = answer.items, items.count >= 2, let next = items[0].text else {
            throw .malformed("an answer to XAUTOCLAIM of another form")
        }
        cursor.withLock { $0 = next }
        return items[1].items?.first.flatMap(Self.entry)
    }

    /// The next entry that nobody has taken; nil where none came for a while.
    func nextEntry(waiting: Duration) async throws(RedisError) -> (entry: String, id: String)? {
        do throws(RedisError) {
            let answer = try await store.link.send(
                RedisCommand(
                    "XREADGROUP", "GROUP", Self.group, consumer, "COUNT", "1", "BLOCK", String(max(1, waiting.wholeMilliseconds)),
                    "STREAMS", stream, ">"), on: .waiting, longer: waiting)
            return answer.items?.first?.items?.last?.items?.first.flatMap(Self.entry)
        } catch where error.code == "NOGROUP" {
            try await makeGroup()
            return nil
        }
    }

    private func makeGroup() async throws(RedisError) {
        do throws(RedisError) {
            _ = try await store.link.send(RedisCommand("XGROUP", "CREATE", stream, Self.group, "0", "MKSTREAM"))
        } catch where error.code == "BUSYGROUP" {
            // Another replica was first.
        }
    }

    private static func entry(_ value: RedisValue) -> (entry: String, id: String)? {
        guard let items = value.items, items.count == 2, let entry = items[0].text,
            let fields = items[1].items, fields.count >= 2, let id = fields[1].text
        else { return nil }
        return (entry, id)
    }

    /// Becomes the owner of a job; nil where there is nothing left to do.
    func begin(_ entry: String, of id: String) async throws(RedisError) -> JobClaim? {
        let token = RequestIdentifier.make()
        let abandoned = StoredProblem(Problem(ServiceFault.jobAbandoned(claims: limits.claims), load: nil))
        let lost = StoredProblem(Problem(ServiceFault.jobUploadLost, load: nil))
        let answer = try await store.link.runTwice(
            .begin,
            .arguments(id, entry, token, String(limits.claims), String(limits.lifetime.wholeMilliseconds))
                + [abandoned.json, lost.json])
        guard let items = answer.items else { return nil }
        guard items.count == 5, let order = items[0].bytes, let size = items[1].number, size > 0,
            let milliseconds = items[2].number, let number = items[3].number
        else { throw .malformed("a claim of another form") }
        store.count { figures in
            figures.claims += 1
            if number > 1 { figures.retries += 1 }
        }
        return JobClaim(
            id: id, entry: entry, token: token, order: order, uploadBytes: size, timeLeft: .milliseconds(milliseconds),
            number: number, requestID: items[4].text ?? "")
    }

    /// The picture's file; nil where it is gone.
    func upload(of claim: JobClaim) async throws(RedisError) -> [UInt8]? {
        try await store.link.send(
            RedisCommand("GET", limits.prefix + "upload:" + claim.id), on: .long,
            longer: StoreLink.time(of: claim.uploadBytes)).bytes
    }

    // MARK: Keeping and ending

    /// - Parameter progress: what is new of the job; nil for nothing.
    /// - Returns: false where the job is this replica's no more.
    func renew(_ claim: JobClaim, _ progress: JobProgress?) async throws(RedisError) -> Bool {
        var arguments: [[UInt8]] = .arguments(claim.id, claim.entry, claim.token, consumer)
        if let progress {
            arguments += .arguments(
                progress.state.rawValue, progress.step.map { String($0) } ?? "", progress.steps.map { String($0) } ?? "",
                progress.seconds.map { String($0) } ?? "")
        }
        return try await store.link.run(.renew, arguments).text == "ok"
    }

    /// - Returns: false where the job was this replica's no more.
    func end(_ claim: JobClaim, with outcome: JobOutcome) async throws(RedisError) -> Bool {
        var arguments: [[UInt8]] = .arguments(claim.id, claim.token)
        let bounds: [[UInt8]] = .arguments(String(limits.lifetime.wholeMilliseconds), String(limits.resultBytes))
        var size = 0
        switch outcome {
        case .done(let work, _):
            guard case .bytes(let body) = work.answer.body else { return false }
            size = work.byteCount
            arguments += .arguments("done") + bounds + [StoredHead.json(work.answer.fields), body]
            if let guidance = work.guidance { arguments.append(guidance) }
        case .failed(let problem, _):
            arguments += .arguments("failed") + bounds + [StoredProblem(problem).json]
        case .cancelled: return true
        }
        return try await store.link.run(
            .end, arguments, on: size > 0 ? .long : .short, longer: StoreLink.time(of: size)).text == "ok"
    }

    /// Gives a job back, for another replica to do.
    func release(_ claim: JobClaim) async throws(RedisError) {
        _ = try await store.link.run(
            .release,
            .arguments(claim.id, claim.entry, claim.token, consumer, String(limits.lease.wholeMilliseconds)))
    }
}

/// How far a job is.
struct JobProgress: Sendable, Equatable {
    var state = JobStatus.State.running
    var step: Int?
    var steps: Int?
    var seconds: Double?
}
