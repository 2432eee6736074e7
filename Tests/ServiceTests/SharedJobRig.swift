import HTTPServer
import HTTPTypes
import Redis
import Service
import Settings
import Synchronization
import TestSupport
import Testing

/// A Redis server and replicas of the service that share their jobs in it, all in this process.
final class SharedJobRig: Sendable {
    let server: RedisServer
    private let prober: RedisConnection
    private let replicas = Mutex<[Replica]>([])

    /// A service with a scripted engine that runs until the rig goes.
    struct Replica: Sendable {
        let subject: ServiceUnderTest
        let running: Task<Void, Never>
        var engine: ScriptedEngine { subject.engine }
    }

    init(_ arguments: [String] = []) throws {
        server = try RedisServer(arguments)
        prober = RedisConnection(try RedisAddress(server.url), RedisOptions())
        try prober.start(name: "prober")
    }

    deinit {
        prober.close()
        for replica in replicas.withLock({ $0 }) { replica.running.cancel() }
    }

    /// Starts a replica, and waits until it has found the store.
    func replica(
        _ role: ServiceRole = .all, isServing: Bool = true, url: String? = nil, engine: ScriptedEngine = ScriptedEngine(),
        _ configure: (inout Configuration) -> Void = { _ in }
    ) async throws -> Replica {
        let subject = ServiceUnderTest(engine: engine, isStarted: isServing, time: .system) { configuration in
            configuration.jobStore = url ?? server.url
            configuration.role = role.rawValue
            // Longer than this machine may stand still under all tests at once: none loses a job that a test did not take.
            configuration.jobLease = 40
            configuration.workers = 1
            configure(&configuration)
        }
        let replica = Replica(subject: subject, running: Task { await subject.service.run() })
        replicas.withLock { $0.append(replica) }
        if url == nil { await eventually { await Self.storeState(of: subject) == "available" } }
        return replica
    }

    static func storeState(of subject: ServiceUnderTest) async -> String? {
        await subject.send(.get, "/health").json["job_store"]?.text
    }

    /// Asks the server behind the replicas' backs.
    @discardableResult
    func redis(_ words: String...) async throws -> RedisValue {
        while true {
            do throws(RedisError) {
                return try await prober.send(RedisCommand(words), within: .seconds(20))
            } catch {
                guard case .unavailable = error else { throw error }
                try await Task.sleep(for: .milliseconds(5))
            }
        }
    }

    /// Makes another replica the owner of a job that is under way, one that has been silent for longer than the lease.
    func takeAway(_ job: String, claims: Int? = nil) async throws {
        let key = key(job)
        try await redis("HSET", key, "owner", "another")
        if let claims { try await redis("HSET", key, "claims", String(claims)) }
        let entry = try #require(try await redis("HGET", key, "entry").text)
        try await redis("XCLAIM", "restored:jobs", "workers", "another", "0", entry, "IDLE", "3600000", "JUSTID")
    }

    /// The key of a job, by its path.
    func key(_ job: String) -> String { "restored:job:" + (job.split(separator: "/").last ?? "") }
    func name(_ job: String) -> String { String(job.split(separator: "/").last ?? "") }
}

extension SharedJobRig.Replica {
    func metric(_ name: String) async -> Double? {
        await subject.send(.get, "/metrics").text.split(separator: "\n").first { $0.hasPrefix(name + " ") }
            .flatMap { Double($0.dropFirst(name.count + 1)) }
    }

    /// Waits for a job's end.
    func end(of job: String) async -> String? {
        await eventually { !["queued", "running", nil].contains(await subject.jobState(job)) }
        return await subject.jobState(job)
    }

    func hold() { engine.change { $0.holds = true } }
}
