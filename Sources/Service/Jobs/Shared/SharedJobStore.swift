import Engine
import HTTPServer
import HTTPTypes
import Redis
import Scheduling
import Synchronization
import Threads

/// Jobs in a Redis or Valkey server, where every replica finds them; `README.md` beside this file says what always holds.
///
/// The mutex guards who watches which job, what was counted, and what is remembered of the server.
final class SharedJobStore: JobStore {
    private struct State {
        var watchers: [String: [Int: Watcher]] = [:]
        /// Jobs whose statuses are being read for their watchers; true where they changed meanwhile.
        var reads: [String: Bool] = [:]
        var nextWatcher = 0
        var identifiers: JobIdentifier?
        var figures = JobFigures()
    }

    let link: StoreLink
    let limits: SharedJobLimits
    let memory: MemoryBudget
    private let sleep: @Sendable (Duration) async throws -> Void
    private let changes = StoreChanges()
    private let state = Mutex(State())

    /// - Parameters:
    ///   - memory: where results are booked while clients read them.
    ///   - onEvent: told when the server comes and goes.
    init(
        _ address: RedisAddress, _ options: RedisOptions, limits: SharedJobLimits, memory: MemoryBudget,
        sleep: @escaping @Sendable (Duration) async throws -> Void,
        onEvent: @escaping @Sendable (StoreLink.Event) -> Void
    ) {
        self.limits = limits
        self.memory = memory
        self.sleep = sleep
        link = StoreLink(
            address, options, limits: limits, onChange: { [changes] in changes.tell($0) }, onEvent: onEvent)
    }

    deinit { link.close() }

    /// Connects, and looks after the store until its task is cancelled.
    ///
    /// - Throws: where the system gives no thread.
    func start() throws(WorkerThread.StartFailure) {
        changes.listen { [weak self] in self?.changed($0) }
        try link.start()
    }

    /// Sees to what expires, and to changes that went unheard, until its task is cancelled.
    func run() async {
        repeat {
            await sweep()
            changed(nil)
        } while (try? await sleep(link.isAvailable ? limits.sweepInterval : limits.progressInterval)) != nil
    }

    // MARK: What clients ask

    func status(_ id: String) async throws -> JobStatus {
        let names = ["state", "step", "steps", "seconds", "revision", "head", "problem", "request", "guidance"]
        try await check(id)
        do throws(RedisError) {
            let key = limits.prefix + "job:" + id
            let answer = try await link.send(RedisCommand(["HMGET", key] + names))
            if let status = JobStatus(id: id, fields: names, answer) {
                guard status.state == .queued else { return status }
                var queued = status
                // None where a replica has it in hand.
                let rank = try await link.send(RedisCommand("ZRANK", limits.prefix + "waiting", id))
                queued.queuePosition = rank.number ?? 0
                return queued
            }
        } catch {
            throw ServiceFault(error)
        }
        throw try await absence(of: id)
    }

    func delete(_ id: String) async throws {
        try await check(id)
        do throws(RedisError) {
            let answer = try await link.runTwice(
                .cancel, .arguments(id, String(limits.lifetime.wholeMilliseconds), RequestIdentifier.make()))
            if answer.text == "ok" { return }
        } catch {
            throw ServiceFault(error)
        }
        throw try await absence(of: id)
    }

    func watch(_ id: String, _ watcher: @escaping Watcher) async throws -> Subscription {
        let subscription = watchPatiently(id, watcher)
        watcher(try await status(id))
        return subscription
    }

    /// The same, but that the present status is told when it can be read.
    func watchPatiently(_ id: String, _ watcher: @escaping Watcher) -> Subscription {
        let number = state.withLock { state in
            state.nextWatcher += 1
            state.watchers[id, default: [:]][state.nextWatcher] = watcher
            return state.nextWatcher
        }
        tellWatchers(of: id)
        return Subscription { [weak self] in
            self?.state.withLock { state in
                state.watchers[id]?[number] = nil
                if state.watchers[id]?.isEmpty == true { state.watchers[id] = nil }
            }
        }
    }

    // MARK: Changes

    /// - Parameter name: of the job; nil or `*` for any.
    private func changed(_ name: String?) {
        let ids: [String] = state.withLock { state in
            if let name, name != "*" { return state.watchers[name] == nil ? [] : [name] }
            return Array(state.watchers.keys)
        }
        for id in ids { tellWatchers(of: id) }
    }

    /// Reads a job's status and tells it; where it changes meanwhile, once more.
    private func tellWatchers(of id: String) {
        let begins = state.withLock { state in
            defer { state.reads[id] = state.reads[id] != nil }
            return state.reads[id] == nil
        }
        guard begins else { return }
        Task {
            repeat {
                state.withLock { $0.reads[id] = false }
                let status: JobStatus?
                do {
                    status = try await self.status(id)
                } catch ServiceFault.jobGone, ServiceFault.noSuchJob {
                    status = nil
                } catch {
                    // Away for now; it is asked again.
                    continue
                }
                let watchers = state.withLock { $0.watchers[id].map { Array($0.values) } ?? [] }
                for watcher in watchers { watcher(status) }
            } while state.withLock { state in
                let again = state.reads[id] == true
                if !again { state.reads[id] = nil }
                return again
            }
        }
    }

    // MARK: Looking after the store

    func sweep() async {
        do throws(RedisError) {
            let overdue = StoredProblem(Problem(RestorationError.deadlineExceeded(whileQueued: true), load: nil))
            let answer = try await link.run(
                .overview,
                .arguments(
                    String(limits.lifetime.wholeMilliseconds), String(limits.grace.wholeMilliseconds))
                    + [overdue.json, Array(String(limits.consumerSilence.wholeMilliseconds).utf8)])
            let counts = (answer.items ?? []).map { $0.number ?? 0 }
            guard counts.count == 7 else { throw .malformed("an overview of \(counts.count) numbers") }
            state.withLock { state in
                state.figures.counts = [
                    .queued: counts[0], .running: counts[1] - counts[0], .done: counts[2], .failed: counts[3],
                    .cancelled: counts[4],
                ]
                state.figures.resultBytes = counts[5]
                state.figures.uploadBytes = counts[6]
                state.figures.lag = counts[0]
            }
            link.noteSweep(nil)
        } catch {
            link.noteSweep(error)
        }
    }

    var figures: JobFigures {
        var figures = state.withLock { $0.figures }
        figures.isStoreAvailable = link.isAvailable
        figures.storeErrors = link.errors
        return figures
    }

    func count(_ change: (inout JobFigures) -> Void) { state.withLock { change(&$0.figures) } }

    // MARK: Names

    /// A new job's name.
    func makeName() async throws -> String { try await identifiers().make() }

    /// Names that can't be are not looked up: they would become parts of keys.
    func check(_ id: String) async throws {
        guard JobIdentifier.isWellFormed(id) else { throw ServiceFault.noSuchJob }
    }

    func absence(of id: String) async throws -> ServiceFault {
        try await identifiers().made(id) ? .jobGone : .noSuchJob
    }

    /// All replicas make and recognise names with the key that the first of them has left in the store.
    private func identifiers() async throws -> JobIdentifier {
        if let known = state.withLock({ $0.identifiers }) { return known }
        let own = JobIdentifier.newKey()
        do throws(RedisError) {
            let key = limits.prefix + "name-key"
            let found = try await link.send(RedisCommand(["SET", key], bytes: [own, Array("NX".utf8), Array("GET".utf8)]))
            let identifiers = JobIdentifier(key: found.bytes ?? own)
            state.withLock { $0.identifiers = identifiers }
            return identifiers
        } catch {
            throw ServiceFault(error)
        }
    }
}

/// Who hears of changes: known once there is a store, whose connections come first. The mutex guards it.
private final class StoreChanges: Sendable {
    private let listener = Mutex<(@Sendable (String?) -> Void)?>(nil)

    func listen(_ listener: @escaping @Sendable (String?) -> Void) { self.listener.withLock { $0 = listener } }
    func tell(_ name: String?) { listener.withLock { $0 }?(name) }
}

extension ServiceFault {
    /// What a client is told of a store that doesn't do as it is asked.
    init(_ error: RedisError) {
        self = error.code == "OOM" ? .jobStoreFull : .jobStoreUnavailable
    }
}

extension [[UInt8]] {
    /// The arguments of a command or script.
    static func arguments(_ words: String...) -> Self { words.map { [UInt8]($0.utf8) } }
}
