package import Engine
package import HTTPServer
import HTTPTypes
package import HTTPWire
package import Redis
package import Scheduling
package import Settings

/// The service: what an HTTP server hands requests to. It puts the operations together, finds the one that a request
/// is for, and gives every answer what all have.
package final class RestorationService: RequestHandler, ServerObserver {
    private let configuration: Configuration
    private let time: Timekeeper
    private let log: ServiceLog
    private let engines = EngineAccess()
    private let metrics = Metrics()
    /// What uploads, pictures and answers hold, for the engine to book pictures in.
    package let memory: MemoryBudget
    private let tasks = TaskRegistry()
    private let jobs: ServiceJobs
    private let keys: APIKeys
    private let crossOrigin: CrossOrigin
    private let routes: RouteTable

    /// A service whose engine is still being loaded: it answers `/health/live`, and 503 to work.
    ///
    /// - Parameter redis: how it connects to a job store, where the configuration names one.
    package init(
        configuration: Configuration, log: ServiceLog, time: Timekeeper = .system, redis: RedisOptions = RedisOptions()
    ) {
        self.configuration = configuration
        self.log = log
        self.time = time
        memory = configuration.makeMemoryBudget()
        keys = APIKeys(configuration.apiKeys)
        crossOrigin = CrossOrigin(origin: configuration.corsOrigin)
        let codecs = CodecQueue(width: configuration.codecThreads, now: time.now)
        let intake = PictureIntake(
            imageLimits: configuration.imageLimits, bodyLimit: configuration.bodyLimit,
            partLimit: configuration.partLimit, codecs: codecs)
        let parts = ServiceParts(
            configuration: configuration, time: time, engines: engines, metrics: metrics, memory: memory, tasks: tasks,
            streams: StreamLimit(configuration.eventStreamLimit), codecs: codecs, intake: intake)
        jobs = ServiceJobs(parts, redis: redis, log: log)
        routes = RouteTable(parts.routes(jobs))
    }

    // MARK: Life

    /// Says what keeps it from taking work.
    package func prepare(_ preparation: Preparation) { engines.prepare(preparation) }

    /// Takes work from now on.
    package func start(_ library: BundleLibrary) { engines.start(library) }

    /// Takes work for one bundle from now on.
    package func start(_ engine: any RestorationEngine) { start(BundleLibrary(engine)) }

    /// Is no longer ready, so that balancers send work elsewhere, and takes what still comes.
    ///
    /// - Returns: false where it took none before.
    package func announceDrain() -> Bool { engines.announceDrain() }

    /// Takes no new work from now on; what is under way goes on.
    package func beginDrain() { engines.beginDrain() }

    /// Returns when nothing is under way, jobs included.
    package func waitUntilIdle() async {
        await tasks.waitUntilIdle()
        await jobs.taker?.waitUntilIdle()
    }

    /// Returns when jobs that other replicas can do were given back, or when the time for that is over.
    package func waitForReturnedJobs(atMost time: Duration) async {
        guard let taker = jobs.taker else { return }
        let end = ContinuousClock.now + time
        while taker.inHand > 0, ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(10)) }
    }

    /// Ends what is still under way: requests are answered 503, jobs read failed.
    package func stopAll() { tasks.stopAll() }

    /// Frees what has expired, and takes jobs of a shared store, until its task is cancelled.
    package func run() async {
        await withTaskGroup { group in
            group.addTask { [self] in
                while (try? await time.sleep(.seconds(10))) != nil { await jobs.store.sweep() }
            }
            group.addTask { [self] in await jobs.run(log: log, sleep: time.sleep) }
        }
    }

    /// Requests and jobs under way.
    package var taskCount: Int { tasks.count + (jobs.taker?.inHand ?? 0) }

    /// Bytes that bodies and pictures hold now.
    package var memoryUsed: Int { memory.used }

    // MARK: Connections, for the metrics

    package func connectionOpened(peer: String) { metrics.connectionOpened() }
    package func connectionClosed(peer: String) { metrics.connectionClosed() }

    package func connectionRefused(peer: String) {
        metrics.connectionRefused()
        log.logger.debug("connection refused", metadata: ["peer": "\(peer)"])
    }

    // MARK: Requests

    package func accept(_ head: RequestHead) -> Disposition {
        metrics.requestStarted()
        var request = ServiceRequest(head, start: time.now())
        do {
            guard let operation = try operation(for: &request) else {
                return .respond(finish(options(request), request))
            }
            switch try operation.begin(request) {
            case .immediate(let response): return .respond(finish(response, request))
            case .question(let answer): return ask(answer, request)
            case .afterBody(let answer): return run(answer, request)
            }
        } catch {
            return .respond(fail(error, request))
        }
    }

    /// Of what could not be read as a request.
    private static let noMethod = HTTPRequest.Method("-") ?? .get

    /// Answers what is no request: a problem document like any other, counted and logged.
    package func response(toProtocolError error: ProtocolError, peer: String) -> Response {
        metrics.requestStarted()
        let nothing = HTTPRequest(method: Self.noMethod, scheme: nil, authority: nil, path: "-")
        let head = RequestHead(request: nothing, declaredBodyLength: 0, peer: peer)
        var response = fail(error, ServiceRequest(head, start: time.now()))
        crossOrigin.applyToRefusal(&response.fields)
        return response
    }

    /// Finds the operation and checks what is the same for all; nil for an `OPTIONS` request.
    private func operation(for request: inout ServiceRequest) throws -> (any Operation)? {
        let method = request.method
        if request.path == "*", method == .options { return nil }
        guard let (pattern, identifier, routes) = routes.routes(at: request.path) else {
            // Balancers ask for it where there is no page as well.
            if request.path == "/", method == .options { return nil }
            throw ServiceFault.noSuchPath
        }
        request.route = pattern
        request.pathIdentifier = identifier
        // A preflight has the query of the request that it asks for, which is looked at when that comes.
        if method == .options { return nil }
        let wanted = method == .head ? .get : method
        guard let route = routes.first(where: { $0.method == wanted }) else {
            throw ServiceFault.methodNotAllowed(allowed: RouteTable.allowed(routes))
        }
        if route.needsKey, !keys.isEmpty {
            let field = request.fields[.authorization]
            guard keys.admit(authorization: field) else { throw ServiceFault.unauthorized(keySent: field != nil) }
        }
        let operation = route.operation
        if !operation.mediaTypes.isEmpty {
            _ = try Negotiation.best(of: operation.mediaTypes, accept: request.fields[.accept])
        }
        request.parameters = try ParameterList(query: request.query, of: operation.parameters)
        return operation
    }

    private func options(_ request: ServiceRequest) -> Response {
        let methods = routes.routes(at: request.path).map { RouteTable.allowed($0.routes) } ?? routes.allMethods
        let list = methods.joined(separator: ", ")
        var fields: HTTPFields = [.allow: list]
        crossOrigin.applyPreflight(to: &fields, request: request.head.request, methods: list)
        // Balancers that ask OPTIONS / for a server's health by default want a 200.
        return Response(status: request.path == "/" ? .ok : .noContent, fields: fields)
    }

    private func ask(_ answer: @escaping @Sendable () async throws -> Response, _ request: ServiceRequest) -> Disposition {
        .run(bodyLimit: configuration.bodyLimit) { [self] _ in
            do {
                return finish(try await answer(), request)
            } catch {
                return fail(error, request)
            }
        }
    }

    private func run(
        _ answer: @escaping @Sendable (any RequestBody) async throws -> Response, _ request: ServiceRequest
    ) -> Disposition {
        .run(bodyLimit: configuration.bodyLimit) { [self] body in
            let counted = CountedBody(body)
            do {
                let response = try await tasks.perform { try await answer(counted) }
                return finish(response, request, bytesIn: counted.count)
            } catch {
                return fail(error, request, bytesIn: counted.count)
            }
        }
    }

    // MARK: Answers

    private func fail(_ error: any Error, _ request: ServiceRequest, bytesIn: Int = 0) -> Response {
        let problem = Problem(error, load: engines.forQuestions?.load)
        return finish(problem.response(instance: request.id), request, bytesIn: bytesIn, problem: problem)
    }

    /// Adds what every answer has, and counts and logs the request once its answer is known.
    private func finish(
        _ response: Response, _ request: ServiceRequest, bytesIn: Int = 0, problem: Problem? = nil
    ) -> Response {
        var response = response
        response.fields[.xRequestID] = request.id
        response.fields[.xContentTypeOptions] = "nosniff"
        crossOrigin.apply(to: &response.fields, request: request.head.request)
        let isHead = request.method == .head
        if case .stream(let produce) = response.body {
            guard !isHead else {
                record(request, response, bytesIn: bytesIn, bytesOut: 0, problem: nil)
                // Still a stream, so that its head is that of GET; nothing is produced for HEAD.
                response.body = .stream { _ in }
                return response
            }
            // Recorded when the last reference goes, so that a stream that never starts is counted as well.
            let head = Response(status: response.status)
            let bytesOut = ByteCount()
            let recorded = Subscription { [self] in
                record(request, head, bytesIn: bytesIn, bytesOut: bytesOut.value, problem: nil)
            }
            response.body = .stream { writer in
                defer { withExtendedLifetime(recorded) {} }
                try await produce(CountedWriter(writer, bytesOut))
            }
        } else {
            record(request, response, bytesIn: bytesIn, bytesOut: isHead ? 0 : response.byteCount, problem: problem)
        }
        return response
    }

    private func record(
        _ request: ServiceRequest, _ response: Response, bytesIn: Int, bytesOut: Int, problem: Problem?
    ) {
        let seconds = request.start.duration(to: time.now()).seconds
        let method = Self.knownMethods.contains(request.method) ? request.method.rawValue : "other"
        metrics.requestEnded(
            route: request.route, method: method, status: response.status.code, seconds: seconds, bytesIn: bytesIn,
            bytesOut: bytesOut)
        log.access(
            request, status: response.status.code, seconds: seconds, bytesIn: bytesIn, bytesOut: bytesOut,
            declined: response.fields[.restoredDeclined], verdicts: response.fields[.restoredVerdicts], problem: problem)
    }

    /// Methods that have series of their own in the metrics.
    private static let knownMethods: Set<HTTPRequest.Method> = [
        .get, .head, .post, .put, .patch, .delete, .options, .trace, .connect,
    ]
}
