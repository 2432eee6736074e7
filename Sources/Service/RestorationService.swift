package import Engine
package import HTTPServer
import HTTPTypes
package import HTTPWire
package import Settings
import Synchronization

/// The service: what an HTTP server hands requests to.
///
/// The mutex guards which phase of its life the service is in.
package final class RestorationService: RequestHandler, ServerObserver {
    enum Phase: Sendable {
        case loading
        case serving(any RestorationEngine)
        case draining(any RestorationEngine)
        /// Asked to end before the weights were there.
        case ended
    }

    let configuration: Configuration
    let time: Timekeeper
    let log: ServiceLog
    let metrics = Metrics()
    let memory: MemoryBudget
    let codecs: CodecQueue
    let work = WorkRegistry()
    let jobs: JobStore
    let streams: StreamLimit
    let keys: APIKeys
    private let crossOrigin: CrossOrigin
    private let routes = RouteTable(RestorationService.routes)
    private let currentPhase = Mutex(Phase.loading)

    /// A service whose engine is still being loaded: it answers `/health/live`, and 503 to work.
    package init(configuration: Configuration, log: ServiceLog, time: Timekeeper = .system) {
        self.configuration = configuration
        self.log = log
        self.time = time
        memory = MemoryBudget(limit: configuration.requestMemory)
        codecs = CodecQueue(width: configuration.codecThreads, now: time.now)
        jobs = JobStore(
            limits: JobStore.Limits(
                lifetime: configuration.resultLifetime, resultBytes: configuration.resultMemory,
                jobs: configuration.jobLimit),
            now: time.now)
        streams = StreamLimit(configuration.eventStreamLimit)
        keys = APIKeys(configuration.apiKeys)
        crossOrigin = CrossOrigin(origin: configuration.corsOrigin)
    }

    // MARK: Life

    var phase: Phase { currentPhase.withLock { $0 } }

    /// Starts to serve.
    package func start(_ engine: any RestorationEngine) {
        currentPhase.withLock { phase in
            if case .loading = phase { phase = .serving(engine) }
        }
    }

    /// Takes no new work from now on; what is under way goes on.
    package func beginDrain() {
        currentPhase.withLock { phase in
            switch phase {
            case .serving(let engine): phase = .draining(engine)
            case .loading: phase = .ended
            case .draining, .ended: break
            }
        }
    }

    /// Returns when nothing is under way, jobs included.
    package func waitUntilIdle() async {
        await work.waitUntilIdle()
    }

    /// Ends what is still under way: requests are answered 503, jobs read failed.
    package func stopAll() {
        work.stopAll()
    }

    /// Frees what has expired, from time to time, until its task is cancelled.
    package func keepHouse() async {
        while (try? await time.sleep(.seconds(10))) != nil { jobs.sweep() }
    }

    /// Requests and jobs under way.
    package var workCount: Int { work.count }

    /// Bytes that bodies and pictures hold now.
    package var memoryUsed: Int { memory.used }

    /// The engine, for new work.
    ///
    /// - Throws: `ServiceFault.loading` or `.draining`.
    func engineForWork() throws(ServiceFault) -> any RestorationEngine {
        switch phase {
        case .serving(let engine): return engine
        case .loading: throw .loading
        case .draining, .ended: throw .draining
        }
    }

    /// The engine, for questions about it.
    var engine: (any RestorationEngine)? {
        switch phase {
        case .serving(let engine), .draining(let engine): engine
        case .loading, .ended: nil
        }
    }

    // MARK: Requests

    /// Answers what is no request: a problem document like any other, counted and logged.
    package func response(toProtocolError error: ProtocolError, peer: String) -> Response {
        metrics.requestStarted()
        let request = HTTPRequest(method: .get, scheme: nil, authority: nil, path: "-")
        let exchange = Exchange(RequestHead(request: request, declaredBodyLength: 0, peer: peer), start: time.now())
        return fail(error, exchange)
    }

    package func accept(_ head: RequestHead) -> Disposition {
        metrics.requestStarted()
        var exchange = Exchange(head, start: time.now())
        do {
            guard let route = try route(&exchange) else {
                return .respond(finish(options(exchange), exchange))
            }
            switch route.handler {
            case .immediate(let answer):
                return .respond(finish(try answer(self, exchange), exchange))
            case .working(let prepare):
                return run(try prepare(self, exchange), exchange)
            }
        } catch {
            return .respond(fail(error, exchange))
        }
    }

    private func run(_ work: @escaping Route.Work, _ exchange: Exchange) -> Disposition {
        .run(bodyLimit: configuration.bodyLimit) { [self] body in
            let counted = CountedBody(body)
            do {
                let response = try await self.work.perform { try await work(counted) }
                return finish(response, exchange, bytesIn: counted.count)
            } catch {
                return fail(error, exchange, bytesIn: counted.count)
            }
        }
    }

    /// Finds the operation and checks what is the same for all; nil for an `OPTIONS` request.
    private func route(_ exchange: inout Exchange) throws -> Route? {
        let method = exchange.request.method
        if exchange.path == "*", method == .options { return nil }
        guard let (pattern, identifier, routes) = routes.routes(at: exchange.path) else { throw ServiceFault.noSuchPath }
        exchange.route = pattern
        exchange.pathIdentifier = identifier
        // A preflight has the query of the request that it asks for, which is looked at when that comes.
        if method == .options { return nil }
        let wanted = method == .head ? .get : method
        guard let route = routes.first(where: { $0.method == wanted }) else {
            throw ServiceFault.methodNotAllowed(allowed: RouteTable.allowed(routes))
        }
        if route.access == .key, !keys.isEmpty {
            let field = exchange.fields[.authorization]
            guard keys.admit(authorization: field) else { throw ServiceFault.unauthorized(keySent: field != nil) }
        }
        if !route.offers.isEmpty {
            _ = try Negotiation.best(of: route.offers, accept: exchange.fields[.accept])
        }
        exchange.parameters = try ParameterList(query: exchange.query, of: route.parameters)
        return route
    }

    private func options(_ exchange: Exchange) -> Response {
        let methods = routes.routes(at: exchange.path).map { RouteTable.allowed($0.routes) } ?? routes.allMethods
        let list = methods.joined(separator: ", ")
        var fields: HTTPFields = [.allow: list]
        crossOrigin.applyPreflight(to: &fields, request: exchange.request, methods: list)
        return Response(status: .noContent, fields: fields)
    }

    // MARK: Answers

    private func fail(_ error: any Error, _ exchange: Exchange, bytesIn: Int = 0) -> Response {
        let problem = Problem(error, load: engine?.load)
        return finish(problem.response(instance: exchange.id), exchange, bytesIn: bytesIn, problem: problem)
    }

    /// Adds what every answer has, and counts and logs the request once its answer is known.
    private func finish(
        _ response: Response, _ exchange: Exchange, bytesIn: Int = 0, problem: Problem? = nil
    ) -> Response {
        var response = response
        response.fields[.xRequestID] = exchange.id
        response.fields[.xContentTypeOptions] = "nosniff"
        crossOrigin.apply(to: &response.fields, request: exchange.request)
        let isHead = exchange.request.method == .head
        if case .stream(let produce) = response.body {
            guard !isHead else {
                record(exchange, response, bytesIn: bytesIn, bytesOut: 0, problem: nil)
                // Still a stream, so that its head is that of GET; nothing is produced for HEAD.
                response.body = .stream { _ in }
                return response
            }
            // Recorded when the last reference goes, so that a stream that never starts is counted as well.
            let head = Response(status: response.status)
            let bytesOut = ByteCount()
            let recorded = Subscription { [self] in
                record(exchange, head, bytesIn: bytesIn, bytesOut: bytesOut.value, problem: nil)
            }
            response.body = .stream { writer in
                defer { withExtendedLifetime(recorded) {} }
                try await produce(CountedWriter(writer, bytesOut))
            }
        } else {
            record(exchange, response, bytesIn: bytesIn, bytesOut: isHead ? 0 : response.byteCount, problem: problem)
        }
        return response
    }

    private func record(_ exchange: Exchange, _ response: Response, bytesIn: Int, bytesOut: Int, problem: Problem?) {
        let seconds = exchange.start.duration(to: time.now()).seconds
        let method = Self.knownMethods.contains(exchange.request.method) ? exchange.request.method.rawValue : "other"
        metrics.requestEnded(
            route: exchange.route, method: method, status: response.status.code, seconds: seconds, bytesIn: bytesIn,
            bytesOut: bytesOut)
        log.access(
            ServiceLog.Access(
                id: exchange.id, peer: exchange.head.peer, method: exchange.request.method.rawValue,
                path: exchange.path, route: exchange.route, status: response.status.code, seconds: seconds,
                bytesIn: bytesIn, bytesOut: bytesOut, problem: problem))
    }

    /// Methods that have series of their own in the metrics.
    private static let knownMethods: Set<HTTPRequest.Method> = [
        .get, .head, .post, .put, .patch, .delete, .options, .trace, .connect,
    ]
}
