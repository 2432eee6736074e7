import Engine
import FoundationEssentials
import HTTPServer
import HTTPTypes
import HTTPWire
import Images
import Logging
import Service
import Settings
import Synchronization
import Testing

/// A service with a scripted engine, called in process: what the server does without its sockets.
final class ServiceUnderTest: Sendable {
    let engine: ScriptedEngine
    let service: RestorationService
    let clock = TestClock()
    private let sink: LogSink
    private let lines: LineCollector

    /// - Parameter time: nil for a clock that stands still until the test moves it.
    init(
        engine: ScriptedEngine = ScriptedEngine(), isStarted: Bool = true, time: Timekeeper? = nil,
        _ configure: (inout Configuration) -> Void = { _ in }
    ) {
        var configuration = Configuration()
        configure(&configuration)
        let lines = LineCollector()
        self.lines = lines
        sink = LogSink { lines.add($0) }
        self.engine = engine
        service = RestorationService(
            configuration: configuration, log: ServiceLog(level: .debug, sink: sink),
            time: time ?? clock.timekeeper)
        if isStarted { service.start(engine) }
    }

    /// What has been logged so far.
    var logLines: [String] {
        sink.flush(within: .seconds(20))
        return lines.all
    }

    /// Sends one request and waits for its whole answer.
    func send(
        _ method: HTTPRequest.Method, _ path: String, fields: HTTPFields = [:], body: [UInt8] = [],
        pieces: Int = 1, writer: (any ResponseWriter)? = nil
    ) async -> Answer {
        let request = HTTPRequest(
            method: method, scheme: "http", authority: "localhost", path: path, headerFields: fields)
        let response = await response(to: request, body: body, pieces: pieces)
        switch response.body {
        case .bytes(let bytes): return Answer(response, bytes)
        case .stream(let produce):
            let collector = StreamCollector()
            try? await produce(writer ?? collector)
            return Answer(response, collector.bytes)
        }
    }

    /// The answer to a request, as a server has it before anything of it is sent.
    func response(to request: HTTPRequest, body: [UInt8] = [], pieces: Int = 1) async -> Response {
        let head = RequestHead(request: request, declaredBodyLength: body.count, peer: "127.0.0.1")
        switch service.accept(head) {
        case .respond(let immediate): return immediate
        case .run(let bodyLimit, let work): return await work(PiecewiseBody(body, pieces: pieces, limit: bodyLimit))
        }
    }

    /// Sends a picture as the raw body.
    func restore(_ query: String = "", fields: HTTPFields = [:], body: [UInt8] = ServiceUnderTest.png) async -> Answer {
        var fields = fields
        if fields[.contentType] == nil { fields[.contentType] = "application/octet-stream" }
        return await send(.post, "/restore" + query, fields: fields, body: body)
    }

    /// Sends a form.
    func restoreForm(_ parts: [FormPart], query: String = "", pieces: Int = 1) async -> Answer {
        await send(
            .post, "/restore" + query, fields: [.contentType: "multipart/form-data; boundary=XX"],
            body: FormPart.body(parts), pieces: pieces)
    }

    /// The field that makes a job of a restoration.
    static let asynchronously: HTTPFields = {
        var fields: HTTPFields = [:]
        if let name = HTTPField.Name("Prefer") { fields[name] = "respond-async" }
        return fields
    }()

    /// Starts a job: its path.
    func startJob(_ query: String = "") async throws -> String {
        let answer = await restore(query, fields: Self.asynchronously)
        #expect(answer.status == 202)
        #expect(answer["Preference-Applied"] == "respond-async")
        return try #require(answer["Location"])
    }

    func jobState(_ job: String) async -> String? {
        await send(.get, job).json["state"]?.text
    }

    /// A small sound picture.
    static let png: [UInt8] = encoded { try ImageEncoder.png($0) }
    static let jpeg: [UInt8] = encoded { try ImageEncoder.jpeg($0) }

    private static func encoded(_ encode: (Picture) throws -> [UInt8]) -> [UInt8] {
        let pixels = (0..<(16 * 12 * 3)).map { UInt8(truncatingIfNeeded: $0 * 7) }
        return (try? encode(Picture(width: 16, height: 12, pixels: pixels))) ?? []
    }
}

/// One part of a form.
struct FormPart {
    var name: String
    var value: [UInt8]
    var filename: String?
    var type: String?

    init(_ name: String, _ value: [UInt8], filename: String? = nil, type: String? = nil) {
        (self.name, self.value, self.filename, self.type) = (name, value, filename, type)
    }

    init(_ name: String, _ value: String) {
        self.init(name, Array(value.utf8))
    }

    static func body(_ parts: [FormPart]) -> [UInt8] {
        var body: [UInt8] = []
        for part in parts {
            var head = "--XX\r\nContent-Disposition: form-data; name=\"\(part.name)\""
            if let filename = part.filename { head += "; filename=\"\(filename)\"" }
            if let type = part.type { head += "\r\nContent-Type: \(type)" }
            body += Array((head + "\r\n\r\n").utf8) + part.value + Array("\r\n".utf8)
        }
        return body + Array("--XX--\r\n".utf8)
    }
}

/// An answer, looked at from outside.
struct Answer: Sendable {
    let status: Int
    let fields: HTTPFields
    let body: [UInt8]

    init(_ response: Response, _ body: [UInt8]) {
        status = response.status.code
        fields = response.fields
        self.body = body
    }

    subscript(_ name: String) -> String? { HTTPField.Name(name).flatMap { fields[$0] } }

    var text: String { String(decoding: body, as: UTF8.self) }

    var json: [String: JSONValue] {
        (try? JSONDecoder().decode([String: JSONValue].self, from: Data(body))) ?? [:]
    }

    /// What the problem document says, where this is one.
    var detail: String { json["detail"]?.text ?? "" }
    var kind: String { (json["type"]?.text ?? "").split(separator: ":").last.map { String($0) } ?? "" }
}

/// A decoded JSON value.
enum JSONValue: Decodable, Equatable, Sendable {
    case null, flag(Bool), number(Double), string(String), list([JSONValue]), object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .flag(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .list(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    var text: String? { if case .string(let text) = self { text } else { nil } }
    var number: Double? { if case .number(let number) = self { number } else { nil } }
    var members: [String: JSONValue]? { if case .object(let members) = self { members } else { nil } }
    var items: [JSONValue]? { if case .list(let items) = self { items } else { nil } }
}

/// Time that stands still until a test moves it. The mutex guards it and those who sleep.
final class TestClock: Sendable {
    private struct State {
        var now = ContinuousClock.now
        var step = Duration.zero
        var sleepers: [(wakes: ContinuousClock.Instant, continuation: CheckedContinuation<Void, any Error>)] = []
    }

    private let state = Mutex(State())

    var timekeeper: Timekeeper {
        Timekeeper(now: { self.look() }, sleep: { try await self.sleep($0) })
    }

    /// Lets that much time pass whenever anyone looks.
    func run(by step: Duration) { state.withLock { $0.step = step } }

    private func look() -> ContinuousClock.Instant {
        state.withLock { state in
            state.now += state.step
            return state.now
        }
    }

    var sleeperCount: Int { state.withLock { $0.sleepers.count } }

    func advance(by duration: Duration) {
        let woken = state.withLock { state in
            state.now += duration
            let woken = state.sleepers.filter { $0.wakes <= state.now }
            state.sleepers.removeAll { $0.wakes <= state.now }
            return woken
        }
        for sleeper in woken { sleeper.continuation.resume() }
    }

    private func sleep(_ duration: Duration) async throws {
        try Task.checkCancellation()
        try await withCheckedThrowingContinuation { continuation in
            state.withLock { $0.sleepers.append(($0.now + duration, continuation)) }
        }
    }
}

/// A body that comes in pieces and keeps to the limit as the server does.
final class PiecewiseBody: RequestBody {
    private let rest: Mutex<[ArraySlice<UInt8>]>
    private let isTooLarge: Bool
    private let limit: Int
    let declaredByteCount: Int?

    init(_ bytes: [UInt8], pieces: Int, limit: Int) {
        self.limit = limit
        declaredByteCount = bytes.count
        isTooLarge = bytes.count > limit
        let size = max(1, (bytes.count + pieces - 1) / max(1, pieces))
        rest = Mutex(
            stride(from: 0, to: bytes.count, by: size).map { bytes[$0..<min($0 + size, bytes.count)] }.reversed())
    }

    func next() async throws(RequestBodyError) -> ArraySlice<UInt8>? {
        if isTooLarge { throw .tooLarge(limit: limit) }
        return rest.withLock { $0.popLast() }
    }
}

/// Keeps what a stream writes.
final class StreamCollector: ResponseWriter {
    private let written = Mutex<[UInt8]>([])

    var bytes: [UInt8] { written.withLock { $0 } }
    var text: String { String(decoding: bytes, as: UTF8.self) }

    func write(_ bytes: [UInt8]) async throws { written.withLock { $0 += bytes } }
}

/// Keeps log lines.
final class LineCollector: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }
    func add(_ lines: [String]) { self.lines.withLock { $0 += lines } }
}

/// Waits until something holds that other tasks bring about; the limit only ends a test that would hang.
func eventually(_ condition: @Sendable () async -> Bool, _ comment: Comment = "never came true") async {
    for _ in 0..<20_000 {
        if await condition() { return }
        try? await Task.sleep(for: .milliseconds(1))
    }
    Issue.record(comment)
}
