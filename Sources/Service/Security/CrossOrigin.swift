import HTTPTypes

/// Cross-origin sharing (the Fetch standard, section 3.2): off unless the operator names one origin.
struct CrossOrigin: Sendable {
    /// Empty where sharing is off.
    let origin: String

    /// Response fields that scripts of that origin may read.
    private static let exposed = (HTTPField.Name.restored.map(\.rawName) + [
        "X-Request-ID", "Server-Timing", "Location", "Preference-Applied", "Retry-After",
    ]).joined(separator: ", ")

    /// Adds what a cross-origin answer needs. `Vary` is there for every origin, so that caches don't mix answers.
    func apply(to fields: inout HTTPFields, request: HTTPRequest) {
        guard !origin.isEmpty else { return }
        fields[.vary] = fields[.vary].map { $0 + ", Origin" } ?? "Origin"
        guard request.headerFields[.origin] == origin else { return }
        fields[.accessControlAllowOrigin] = origin
        fields[.accessControlExposeHeaders] = Self.exposed
    }

    /// Adds what a page needs to read why something was no request. Whose page sent it is not known: where the origin is
    /// another than the one named here, the browser keeps the answer to itself.
    func applyToRefusal(_ fields: inout HTTPFields) {
        guard !origin.isEmpty else { return }
        fields[.vary] = "Origin"
        fields[.accessControlAllowOrigin] = origin
        fields[.accessControlExposeHeaders] = Self.exposed
    }

    /// Adds what the answer to a preflight request needs.
    func applyPreflight(to fields: inout HTTPFields, request: HTTPRequest, methods: String) {
        guard !origin.isEmpty, request.headerFields[.origin] == origin,
            request.headerFields[.accessControlRequestMethod] != nil
        else { return }
        fields[.accessControlAllowMethods] = methods
        fields[.accessControlAllowHeaders] = "Authorization, Content-Type, Last-Event-ID, Prefer, traceparent, X-Request-ID"
        fields[.accessControlMaxAge] = "600"
    }
}
