import Checkpoints
import HTTPServer
import HTTPTypes
import HTTPWire

/// The head of a request on its way through the service, with what was found out about it.
struct ServiceRequest: Sendable {
    /// The request's identifier, in its answer, its problem and its log line.
    let id: String
    let head: RequestHead
    let path: String
    /// What stands after the question mark, still encoded.
    let query: String?
    /// The query's parameters, once the route has said which there may be.
    var parameters = ParameterList(of: .none)
    let start: ContinuousClock.Instant
    /// Where it belongs in a trace of its caller's.
    let trace: TraceParent?
    /// The matched pattern, for metrics.
    var route = "unmatched"
    /// What stands for `{id}` in the pattern.
    var pathIdentifier = ""

    init(_ head: RequestHead, start: ContinuousClock.Instant) {
        self.head = head
        self.start = start
        id = RequestIdentifier.accepted(head.request.headerFields[.xRequestID]) ?? RequestIdentifier.make()
        trace = TraceParent(head.request.headerFields[.traceParent])
        let target = QueryParser.split(head.request.path ?? "/")
        path = String(target.path)
        query = target.query.map { String($0) }
    }

    var method: HTTPRequest.Method { head.request.method }
    var fields: HTTPFields { head.request.headerFields }
}

/// Names one request in answers and logs.
enum RequestIdentifier {
    /// What a client sent, where it is of the safe form `[A-Za-z0-9._-]{1,64}`: nothing else may reach a log or header.
    static func accepted(_ sent: String?) -> String? {
        guard let sent, (1...64).contains(sent.utf8.count), sent.utf8.allSatisfy(isSafe) else { return nil }
        return sent
    }

    /// A new one: 96 random bits in hexadecimal.
    static func make() -> String {
        // Each number drawn is a system call: two large ones, not twelve bytes.
        var generator = SystemRandomNumberGenerator()
        let (high, low) = (generator.next() as UInt64, generator.next() as UInt32)
        let bytes = withUnsafeBytes(of: high) { Array($0) } + withUnsafeBytes(of: low) { Array($0) }
        return Hexadecimal.text(bytes)
    }

    private static func isSafe(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

extension HTTPField.Name {
    // Constants of valid form, so none of these can be nil.
    static let traceParent = Self("traceparent")!
    static let xRequestID = Self("X-Request-ID")!
    static let serverTiming = Self("Server-Timing")!
    static let prefer = Self("Prefer")!
    static let preferenceApplied = Self("Preference-Applied")!
    static let restoredDegradation = Self("Restored-Degradation")!
    static let restoredConfidence = Self("Restored-Confidence")!
    static let restoredNearestLabel = Self("Restored-Nearest-Label")!
    static let restoredSeed = Self("Restored-Seed")!
    static let restoredSteps = Self("Restored-Steps")!
    static let restoredSampler = Self("Restored-Sampler")!
    static let restoredBundle = Self("Restored-Bundle")!
    static let restoredUnchanged = Self("Restored-Unchanged")!
    static let restoredMode = Self("Restored-Mode")!
    static let restoredDeclined = Self("Restored-Declined")!
    static let restoredVerdicts = Self("Restored-Verdicts")!
    static let restoredPromptCut = Self("Restored-Prompt-Cut")!

    /// All fields in which an answer says how a picture was restored.
    static let restored: [Self] = [
        .restoredDegradation, .restoredConfidence, .restoredNearestLabel, .restoredSeed, .restoredSteps, .restoredSampler,
        .restoredBundle, .restoredMode, .restoredUnchanged, .restoredDeclined,
        .restoredVerdicts, .restoredPromptCut,
    ]
}
