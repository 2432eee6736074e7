import HTTPServer
import HTTPTypes
import HTTPWire

/// One request on its way through the service.
struct Exchange: Sendable {
    /// The request's identifier, in its answer, its problem and its log line.
    let id: String
    let head: RequestHead
    let path: String
    /// What stands after the question mark, still encoded.
    let query: String?
    /// The query's parameters, once the route has said which there may be.
    var parameters = ParameterList(of: .none)
    let start: ContinuousClock.Instant
    /// The matched pattern, for metrics.
    var route = "unmatched"
    /// What stands for `{id}` in the pattern.
    var pathIdentifier = ""

    init(_ head: RequestHead, start: ContinuousClock.Instant) {
        self.head = head
        self.start = start
        id = RequestIdentifier.accepted(head.request.headerFields[.xRequestID]) ?? RequestIdentifier.make()
        let target = QueryParser.split(head.request.path ?? "/")
        path = String(target.path)
        query = target.query.map { String($0) }
    }

    var request: HTTPRequest { head.request }
    var fields: HTTPFields { head.request.headerFields }
}

extension HTTPField.Name {
    // Constants of valid form, so none of these can be nil.
    static let xRequestID = Self("X-Request-ID")!
    static let serverTiming = Self("Server-Timing")!
    static let prefer = Self("Prefer")!
    static let preferenceApplied = Self("Preference-Applied")!
    static let restoredDegradation = Self("Restored-Degradation")!
    static let restoredConfidence = Self("Restored-Confidence")!
    static let restoredSeed = Self("Restored-Seed")!
    static let restoredSteps = Self("Restored-Steps")!
    static let restoredSampler = Self("Restored-Sampler")!
    static let restoredBundle = Self("Restored-Bundle")!
    static let restoredUnchanged = Self("Restored-Unchanged")!
}
