import Glibc
import HTTPServer
import HTTPTypes
import HTTPWire
import Synchronization
import Testing

/// All suites with sockets, one test at a time: they count descriptors and threads.
@Suite(.serialized) enum Sockets {}

/// A value behind a lock.
final class Locked<Value: Sendable>: Sendable {
    private let storage: Mutex<Value>
    init(_ value: Value) { storage = Mutex(value) }
    var value: Value { storage.withLock { $0 } }
    func change(_ body: (inout Value) -> Void) { storage.withLock { body(&$0) } }
}

/// Waits until `condition` holds, however busy the machine.
func eventually(
    _ comment: Comment, patience: Duration = TestClient.patience, sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async -> Bool
) async {
    let start = ContinuousClock.now
    while ContinuousClock.now - start < patience {
        if await condition() { return }
        try? await Task.sleep(for: .milliseconds(2))
    }
    Issue.record(comment, sourceLocation: sourceLocation)
}

/// What tests look at from outside of a handler.
final class Witness: ServerObserver {
    struct State: Sendable {
        var accepted: [String] = []
        var started = 0
        var cancelled = 0
        var bodyErrors: [RequestBodyError] = []
        var bytesRead = 0
        /// Of them, those that lay where the kernel had put them.
        var bytesInPlace = 0
        var opened = 0
        var closed = 0
        var refused = 0
        var refusedPeers: [String] = []
        /// Answers that let go of what they retained.
        var released = 0
    }

    let state = Locked(State())
    /// The memory that the kernel has filled, where a test notes it.
    let filled = Locked<@Sendable () -> [Range<UInt>]>({ [] })
    var value: State { state.value }

    func connectionOpened(peer: String) { state.change { $0.opened += 1 } }
    func connectionClosed(peer: String) { state.change { $0.closed += 1 } }
    func connectionRefused(peer: String) { state.change { $0.refused += 1 } }
}

/// What an answer retains: tells the witness when it goes.
private final class Keepsake: Sendable {
    private let witness: Witness
    init(_ witness: Witness) { self.witness = witness }
    deinit { witness.state.change { $0.released += 1 } }
}

/// Routes for tests: `/hello`, `/empty`, `/echo`, `/hang`, `/big`, `/kept`, `/events`, `/late`, `/lazy` and others; 404
/// for what isn't among them.
struct TestHandler: RequestHandler {
    static let echoLimit = 100_000
    /// What every `/kept` answers: not a multiple of what is sent in one turn, so that the last turn sends what is more
    /// than the next request waits for.
    static let kept = [UInt8](repeating: 0x6B, count: (8 << 20) + (512 << 10))
    let witness: Witness
    /// `/late` answers once that is true.
    let gate = Locked(false)

    func accept(_ head: RequestHead) -> Disposition {
        let path = head.request.path ?? ""
        witness.state.change { $0.accepted.append("\(head.request.method.rawValue) \(path)") }
        switch path {
        case "/hello":
            return .respond(
                Response(status: .ok, fields: [.contentType: "text/plain"], body: .bytes(Array("hello".utf8))))
        case "/empty": return .respond(Response(status: .noContent))
        case "/big": return .respond(Response(status: .ok, body: .bytes([UInt8](repeating: 0x62, count: 8 << 20))))
        case "/kept":
            var response = Response(status: .ok, body: .bytes(Self.kept))
            response.retained = Keepsake(witness)
            return .respond(response)
        case "/echo": return .run(bodyLimit: Self.echoLimit) { await echo($0) }
        case "/hang": return .run(bodyLimit: Self.echoLimit) { _ in await hang() }
        case "/late": return .run(bodyLimit: Self.echoLimit) { _ in await late() }
        case "/lazy": return .run(bodyLimit: Self.echoLimit) { _ in Response(status: .ok) }
        case "/slowly": return .run(bodyLimit: 64 << 20) { await readSlowly($0) }
        case "/events": return .run(bodyLimit: 0) { _ in Response(status: .ok, body: .stream(events)) }
        case "/broken": return .run(bodyLimit: 0) { _ in Response(status: .ok, body: .stream(broken)) }
        case "/flood": return .run(bodyLimit: 0) { _ in Response(status: .ok, body: .stream(flood)) }
        default: return .respond(Response(status: .notFound))
        }
    }

    func response(toProtocolError error: ProtocolError, peer: String) -> Response {
        witness.state.change { $0.refusedPeers.append(peer) }
        return Response(status: error.status, fields: [.server: "problem"], body: .bytes(Array(error.detail.utf8)))
    }

    private func echo(_ body: any RequestBody) async -> Response {
        witness.state.change { $0.started += 1 }
        var bytes: [UInt8] = []
        do throws(RequestBodyError) {
            while let chunk = try await body.next() { bytes += chunk }
        } catch {
            witness.state.change { $0.bodyErrors.append(error) }
            switch error {
            case .tooLarge: return Response(status: .contentTooLarge)
            case .tooSlow: return Response(status: .requestTimeout)
            case .malformed(let detail): return Response(status: .badRequest, body: .bytes(Array(detail.utf8)))
            case .trailersTooLarge: return Response(status: .requestHeaderFieldsTooLarge)
            case .disconnected: return Response(status: .internalServerError)
            }
        }
        return Response(status: .ok, body: .bytes(bytes))
    }

    private func readSlowly(_ body: any RequestBody) async -> Response {
        do throws(RequestBodyError) {
            while let chunk = try await body.next() {
                let start = chunk.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
                let end = start + UInt(chunk.count)
                let isInPlace = witness.filled.value().contains { $0.contains(start) && $0.upperBound >= end }
                witness.state.change {
                    $0.bytesRead += chunk.count
                    if isInPlace { $0.bytesInPlace += chunk.count }
                }
                while !gate.value { try? await Task.sleep(for: .milliseconds(2)) }
            }
        } catch {
            witness.state.change { $0.bodyErrors.append(error) }
            return Response(status: .internalServerError)
        }
        return Response(status: .ok)
    }

    private func hang() async -> Response {
        witness.state.change { $0.started += 1 }
        while !Task.isCancelled { try? await Task.sleep(for: .milliseconds(2)) }
        witness.state.change { $0.cancelled += 1 }
        return Response(status: .serviceUnavailable)
    }

    private func late() async -> Response {
        witness.state.change { $0.started += 1 }
        while !gate.value, !Task.isCancelled { try? await Task.sleep(for: .milliseconds(2)) }
        if Task.isCancelled { witness.state.change { $0.cancelled += 1 } }
        return Response(status: .ok, body: .bytes(Array("late".utf8)))
    }

    private func events(_ writer: any ResponseWriter) async throws {
        for number in 1...3 { try await writer.write(ServerSentEvent(data: "\(number)").bytes) }
    }

    private func broken(_ writer: any ResponseWriter) async throws {
        try await writer.write(Array("half".utf8))
        throw CancellationError()
    }

    private func flood(_ writer: any ResponseWriter) async throws {
        witness.state.change { $0.started += 1 }
        do {
            while true {
                try await writer.write([UInt8](repeating: 0x66, count: 16384))
                witness.state.change { $0.bytesRead += 16384 }
            }
        } catch {
            witness.state.change { $0.cancelled += 1 }
            throw error
        }
    }
}

/// A server on a free port, with a handler and a witness.
struct TestServer {
    let server: HTTPServer
    let handler: TestHandler
    let witness: Witness
    var port: Int? { server.port }

    init(
        system: SystemCalls = .live, addresses: [ServerConfiguration.Address] = [.tcp(host: "127.0.0.1", port: 0)],
        _ configure: (inout ServerConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = ServerConfiguration()
        configuration.addresses = addresses
        configuration.limits.timerTick = .milliseconds(10)
        configure(&configuration)
        witness = Witness()
        handler = TestHandler(witness: witness)
        server = try HTTPServer(
            configuration: configuration, handler: handler, observer: witness, systemCalls: system)
        try server.start()
    }

    func client(receiveBuffer: Int32? = nil) throws -> TestClient {
        try TestClient(port: port, receiveBuffer: receiveBuffer)
    }

    /// Sends bytes over a new connection and gives all that comes back until the server closes.
    func answers(to bytes: String) async throws -> [TestResponse] {
        let client = try client()
        try await client.send(bytes)
        client.halfClose()
        return try await responses(of: client)
    }

    func responses(of client: TestClient) async throws -> [TestResponse] {
        var rest = try await client.readToEnd()
        var result: [TestResponse] = []
        while let (response, used) = TestResponse.parse(rest, toHead: false, isAtEnd: true) {
            result.append(response)
            rest.removeFirst(used)
        }
        #expect(rest.isEmpty)
        return result
    }
}

/// A request in one string.
func request(_ line: String, _ fields: String..., body: String = "") -> String {
    line + " HTTP/1.1\r\nHost: test\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n" + body
}
