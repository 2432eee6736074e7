import HTTPServer
import Scheduling
import Settings

/// What the operations share, and how they are put together.
struct ServiceParts: Sendable {
    let configuration: Configuration
    let time: Timekeeper
    let engines: EngineAccess
    let metrics: Metrics
    let memory: MemoryBudget
    let tasks: TaskRegistry
    let streams: StreamLimit
    let codecs: CodecQueue
    let intake: PictureIntake

    var restoration: RestorationWork {
        RestorationWork(
            intake: intake, codecs: codecs, memory: memory, metrics: metrics, timeoutLimit: configuration.timeout,
            now: time.now)
    }

    var classification: ClassificationWork {
        ClassificationWork(
            intake: intake, memory: memory, metrics: metrics, timeoutLimit: configuration.timeout, now: time.now)
    }

    /// Where each operation is. A worker has only those that ask about it.
    func routes(_ jobs: ServiceJobs) -> [Route] {
        let readiness = Readiness(engines: engines, store: jobs.shared, role: configuration.serviceRole)
        let about = [
            Route(.get, "/health", needsKey: false, readiness),
            Route(.get, "/health/ready", needsKey: false, readiness),
            Route(
                .get, "/health/live", needsKey: false,
                Liveness(engines: engines, hangLimit: configuration.hangLimit)),
            Route(
                .get, "/metrics",
                MetricsPage(engines: engines, metrics: metrics, memory: memory, jobs: jobs.store, streams: streams)),
        ]
        switch configuration.serviceRole {
        case .worker: return about
        case .all: return [restore(jobs), classify] + about + clients(jobs)
        case .front: return forwarded(jobs) + about + clients(jobs)
        }
    }

    private func restore(_ jobs: ServiceJobs) -> Route {
        Route(.post, "/restore", Restore(engines: engines, work: restoration, jobs: jobs.starter))
    }

    private var classify: Route { Route(.post, "/classify", Classify(engines: engines, work: classification)) }

    private func forwarded(_ jobs: ServiceJobs) -> [Route] {
        // The settings are checked for that: a front end has a store.
        guard let store = jobs.shared else { return [] }
        func work(_ operation: JobOrder.Operation, _ names: ParameterNames, _ types: [String]) -> ForwardedWork {
            ForwardedWork(
                operation: operation, engines: engines, intake: intake, memory: memory, store: store,
                timeoutLimit: configuration.timeout, sleep: time.sleep, parameters: names, mediaTypes: types)
        }
        return [
            Route(.post, "/restore", work(.restore, RestoreParameters.names, AnswerForm.offers)),
            Route(.post, "/classify", work(.classify, ClassifyParameters.names, ["application/json"])),
        ]
    }

    private func clients(_ jobs: ServiceJobs) -> [Route] {
        [
            Route(
                .get, "/capabilities",
                Capabilities(
                    engines: engines, configuration: configuration,
                    board: configuration.serviceRole == .front ? jobs.board : nil)),
            Route(.get, "/openapi.yaml", Description()),
            Route(.get, "/openapi.json", DescriptionInJSON()),

            Route(.get, "/jobs/{id}", ShowJob(jobs: jobs.store)),
            Route(.delete, "/jobs/{id}", DeleteJob(jobs: jobs.store)),
            Route(
                .get, "/jobs/{id}/events",
                JobEvents(
                    jobs: jobs.store, streams: streams, heartbeatInterval: .seconds(configuration.heartbeat),
                    sleep: time.sleep)),
            Route(.get, "/jobs/{id}/result", ShowJobResult(jobs: jobs.store)),
            Route(.get, "/jobs/{id}/guidance", ShowJobGuidance(jobs: jobs.store)),
        ] + (configuration.showsPage ? [Route(.get, "/", needsKey: false, FrontPage(page: .standard))] : [])
    }
}
