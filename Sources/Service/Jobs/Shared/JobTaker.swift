import Engine
import HTTPServer
import Logging
import Redis
import Scheduling
import Synchronization

/// Takes jobs from the store as long as this replica has room, does them, and stores what came of them.
///
/// The mutex guards how many are in hand, and who waits for the last of them.
final class JobTaker: Sendable {
    private struct State {
        var inHand = 0
        var idleWaiters: [Promise<Void>] = []
    }

    private let store: SharedJobStore
    private let claims: JobClaims
    private let work: SharedJobWork
    private let memory: MemoryBudget
    private let tasks: TaskRegistry
    /// Jobs in hand at most: one for each worker, and one that is decoded or encoded meanwhile.
    private let places: Int
    private let logger: Logger
    private let sleep: @Sendable (Duration) async throws -> Void
    private let state = Mutex(State())

    /// Between two looks at whether there is room, or work, again.
    private static let pause = Duration.milliseconds(10)
    /// After a job was given back for want of room here.
    private static let pauseAfterRelease = Duration.milliseconds(500)

    init(
        _ store: SharedJobStore, work: SharedJobWork, memory: MemoryBudget, tasks: TaskRegistry, workers: Int,
        logger: Logger, sleep: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.store = store
        self.work = work
        self.memory = memory
        self.tasks = tasks
        self.logger = logger
        self.sleep = sleep
        places = max(1, workers) + 1
        claims = JobClaims(store)
    }

    var inHand: Int { state.withLock { $0.inHand } }

    /// Returns when no job is in hand.
    func waitUntilIdle() async {
        let promise = Promise<Void>()
        let isIdle = state.withLock { state in
            if state.inHand > 0 { state.idleWaiters.append(promise) }
            return state.inHand == 0
        }
        if !isIdle { try? await promise.value() }
    }

    // MARK: Taking

    /// Takes jobs until its task is cancelled, or the service drains.
    func run() async {
        var nextSearch = ContinuousClock.now
        while !Task.isCancelled {
            guard hasRoom else {
                try? await sleep(Self.pause)
                continue
            }
            do throws(RedisError) {
                var found: (entry: String, id: String)?
                if ContinuousClock.now >= nextSearch {
                    found = try await claims.abandonedEntry()
                    if found == nil { nextSearch = .now + store.limits.searchInterval }
                }
                if found == nil {
                    found = try await claims.nextEntry(waiting: store.limits.searchInterval)
                }
                if let found { try await begin(found) }
            } catch {
                logger.debug("no jobs from the store", metadata: ["reason": "\(error.reason)"])
                try? await sleep(store.limits.progressInterval)
            }
        }
    }

    private var hasRoom: Bool {
        // What requests have brought here goes first.
        guard case .serving(let library) = work.engines.phase, inHand < places else { return false }
        return library.load.queued == 0
    }

    private func begin(_ found: (entry: String, id: String)) async throws(RedisError) {
        guard let claim = try await claims.begin(found.entry, of: found.id) else { return }
        if claim.number > 1 {
            logger.warning("job begun again", metadata: ["job": "\(claim.id.prefix(8))", "claims": "\(claim.number)"])
        }
        let reservation = memory.reservation()
        do throws(MemoryBudget.Exhausted) {
            try reservation.grow(by: claim.uploadBytes)
        } catch {
            try await claims.release(claim)
            try? await sleep(Self.pauseAfterRelease)
            return
        }
        state.withLock { $0.inHand += 1 }
        Task {
            await self.perform(claim, reservation)
            let waiters: [Promise<Void>] = state.withLock { state in
                state.inHand -= 1
                guard state.inHand == 0 else { return [] }
                defer { state.idleWaiters = [] }
                return state.idleWaiters
            }
            for waiter in waiters { waiter.resolve(.success(())) }
        }
    }

    // MARK: Doing

    private func perform(_ claim: JobClaim, _ reservation: MemoryBudget.Reservation) async {
        let progress = LatestProgress()
        let work = Task { [self] in
            try await tasks.perform { [self] in
                guard let upload = try await claims.upload(of: claim) else { throw ServiceFault.jobUploadLost }
                return try await self.work.perform(claim, upload: upload, reservation: reservation) { progress.note($0) }
            }
        }
        let ownership = Ownership { work.cancel() }
        // Hears at once where it was cancelled; `keep` hears it a little later, where that was missed.
        let watch = try? await store.watch(claim.id) { status in
            if status?.isFinal ?? true { ownership.lose() }
        }
        let keeper = Task { await keep(claim, progress, ownership) }
        let result = await work.result
        let ending = Ending(
            result, mostBytes: store.limits.largestResult, requestID: claim.requestID,
            load: self.work.engines.forQuestions?.load)
        switch ending {
        case _ where ownership.isLost: store.count { $0.lost += 1 }
        case .end(let outcome):
            if case .failed(let problem, _) = outcome { logger.note(problem, ofJob: claim.id, requestID: claim.requestID) }
            await end(claim, outcome)
        case .release: await release(claim)
        }
        keeper.cancel()
        withExtendedLifetime((watch, reservation)) {}
    }

    /// Keeps the claim, and tells progress, until cancelled. While the store is away nobody else can take the job either.
    private func keep(_ claim: JobClaim, _ progress: LatestProgress, _ ownership: Ownership) async {
        var told: JobProgress?
        var nextRenewal = ContinuousClock.now
        while !Task.isCancelled {
            let new = progress.value
            if new != told || ContinuousClock.now >= nextRenewal {
                do throws(RedisError) {
                    guard try await claims.renew(claim, new == told ? nil : new) else { return ownership.lose() }
                    told = new
                    nextRenewal = .now + store.limits.renewalInterval
                } catch {
                    logger.debug("a job's claim is not renewed", metadata: ["reason": "\(error.reason)"])
                }
            }
            try? await sleep(min(store.limits.progressInterval, store.limits.renewalInterval))
        }
    }

    /// Stores what came of a job; while the store is away, again and again for a while.
    private func end(_ claim: JobClaim, _ outcome: JobOutcome) async {
        let patienceEnd = ContinuousClock.now + store.limits.endPatience
        var delay = Duration.milliseconds(50)
        while true {
            do throws(RedisError) {
                if try await !claims.end(claim, with: outcome) { store.count { $0.lost += 1 } }
                return
            } catch {
                guard ContinuousClock.now < patienceEnd else {
                    logger.error(
                        "a job's end can't be stored",
                        metadata: ["job": "\(claim.id.prefix(8))", "reason": "\(error.reason)"])
                    return
                }
                try? await Task.sleep(for: delay)
                delay = min(delay * 2, .seconds(1))
            }
        }
    }

    private func release(_ claim: JobClaim) async {
        do throws(RedisError) {
            try await claims.release(claim)
        } catch {
            // Then its lease runs out.
            logger.debug("a job is not given back", metadata: ["reason": "\(error.reason)"])
        }
        try? await sleep(Self.pauseAfterRelease)
    }
}

/// What is done about a job whose work is over.
private enum Ending {
    case end(JobOutcome)
    /// Nothing is wrong with the job: this replica ends, or has no room after all.
    case release

    init(
        _ result: Result<FinishedWork, any Error>, mostBytes: Int, requestID: String, load: @autoclosure () -> EngineLoad?
    ) {
        switch result {
        case .success(let work) where work.byteCount <= mostBytes:
            self = .end(.done(work, requestID: requestID))
        case .success(let work):
            let fault = ServiceFault.answerTooLarge(needed: work.byteCount, limit: mostBytes)
            self = .end(.failed(Problem(fault), requestID: requestID))
        case .failure(let error):
            switch error {
            case ServiceFault.draining, ServiceFault.loading, ServiceFault.memoryExhausted, ServiceFault.deadlineUnattainableNow,
                RestorationError.draining, RestorationError.queueFull, RestorationError.cancelled,
                RestorationError.picture(.outOfMemory), is CancellationError, is MemoryBudget.Exhausted, is RedisError:
                self = .release
            default: self = .end(.failed(Problem(error, load: load()), requestID: requestID))
            }
        }
    }
}

/// Whether a job is still this replica's. The mutex guards it.
private final class Ownership: Sendable {
    private let lost = Mutex(false)
    private let onLoss: @Sendable () -> Void

    init(onLoss: @escaping @Sendable () -> Void) { self.onLoss = onLoss }

    var isLost: Bool { lost.withLock { $0 } }

    func lose() {
        let isNew = lost.withLock { lost in
            defer { lost = true }
            return !lost
        }
        if isNew { onLoss() }
    }
}

/// The newest progress of a job. The mutex guards it.
private final class LatestProgress: Sendable {
    private let latest = Mutex<JobProgress?>(nil)

    var value: JobProgress? { latest.withLock { $0 } }

    func note(_ progress: RestorationProgress) {
        // Until it runs here it counts as waiting.
        guard case .running(let completed, let total, let remaining) = progress else { return }
        latest.withLock {
            $0 = JobProgress(step: completed, steps: total, seconds: remaining.map { ($0 * 10).rounded() / 10 })
        }
    }
}
