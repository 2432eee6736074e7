import Redis
import Settings

/// Where a service keeps its jobs, by its configuration, and who does them.
struct ServiceJobs: Sendable {
    let store: any JobStore
    let starter: any JobStarter
    /// The store, where it is one that replicas share.
    let shared: SharedJobStore?
    /// Nil where this replica does no jobs of others.
    let taker: JobTaker?
    let board: BundleBoard?

    init(_ parts: ServiceParts, redis: RedisOptions, log: ServiceLog) {
        let configuration = parts.configuration
        guard let address = configuration.jobStoreAddress else {
            let store = MemoryJobStore(
                limits: MemoryJobStore.Limits(
                    lifetime: configuration.resultLifetime, resultBytes: configuration.resultMemory,
                    jobs: configuration.jobLimit),
                now: parts.time.now)
            self.store = store
            starter = JobRunner(store: store, tasks: parts.tasks, work: parts.restoration, logger: log.logger)
            (shared, taker, board) = (nil, nil, nil)
            return
        }
        let logger = log.logger
        let store = SharedJobStore(
            address, redis, limits: SharedJobLimits(configuration), memory: parts.memory, sleep: parts.time.sleep
        ) { event in
            switch event {
            case .available: logger.notice("job store available", metadata: ["address": "\(address)"])
            case .unavailable(let reason):
                logger.warning("job store unavailable", metadata: ["address": "\(address)", "reason": "\(reason)"])
            }
        }
        self.store = store
        shared = store
        starter = SharedJobStarter(store: store)
        board = BundleBoard(store, engines: parts.engines, isFront: configuration.serviceRole == .front)
        let work = SharedJobWork(
            engines: parts.engines, restoration: parts.restoration, classification: parts.classification)
        taker = configuration.serviceRole == .front
            ? nil
            : JobTaker(
                store, work: work, memory: parts.memory, tasks: parts.tasks, workers: configuration.workers,
                logger: logger, sleep: parts.time.sleep)
    }

    /// Connects to a shared store, looks after it and does its jobs, until its task is cancelled.
    func run(log: ServiceLog, sleep: @escaping @Sendable (Duration) async throws -> Void) async {
        guard let shared else { return }
        do {
            try shared.start()
        } catch {
            log.logger.error("no thread for the job store", metadata: ["reason": "\(error)"])
            return
        }
        await withTaskGroup { group in
            group.addTask { await shared.run() }
            if let board { group.addTask { await board.run(sleep: sleep) } }
            if let taker { group.addTask { await taker.run() } }
        }
    }
}

extension SharedJobLimits {
    init(_ configuration: Configuration) {
        lease = .seconds(configuration.jobLease)
        lifetime = .seconds(configuration.resultLifetime)
        jobs = configuration.jobLimit
        resultBytes = configuration.resultMemory
        uploadBytes = configuration.bodyLimit
        grace = max(grace, lease * 4)
    }
}
