import HTTPTypes

/// Cross-origin sharing (the Fetch standard, section 3.2): off unless the operator names one origin.
struct CrossOrigin: Sendable {
    /// Empty where sharing is off.
    let origin: String

    /// Response fields that scripts of that origin may read.
    private static let exposed = [
        "Restored-Degradation", "Restored-Confidence", "Restored-Seed", "Restored-Steps", "Restored-Sampler",
        "Restored-Bundle", "Restored-Unchanged", "X-Request-ID", "Server-Timing", "Location", "Preference-Applied",
        "Retry-After",
    ].joined(separator: ", ")

    /// Adds what a cross-origin answer needs. `Vary` is there for every origin, so that caches don't mix answers.
    func apply(to fields: inout HTTPFields, request: HTTPRequest) {
        guard !origin.isEmpty else { return }
        fields[.vary] = "Origin"
        guard request.headerFields[.origin] == origin else { return }
        fields[.accessControlAllowOrigin] = origin
        fields[.accessControlExposeHeaders] = Self.exposed
    }

    /// Adds what the answer to a preflight request needs.
    func applyPreflight(to fields: inout HTTPFields, request: HTTPRequest, methods: String) {
        guard !origin.isEmpty, request.headerFields[.origin] == origin,
            request.headerFields[.accessControlRequestMethod] != nil
        else { return }
        fields[.accessControlAllowMethods] = methods
        fields[.accessControlAllowHeaders] = "Authorization, Content-Type, Prefer, X-Request-ID"
        fields[.accessControlMaxAge] = "600"
    }

    /// Scheme and authority without a path: what browsers send as `Origin`.
    static func isOrigin(_ text: String) -> Bool {
        let schemes = ["https://", "http://"]
        guard let scheme = schemes.first(where: text.hasPrefix) else { return false }
        let authority = text.dropFirst(scheme.count)
        let allowed = authority.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"):
                true
            default: false
            }
        }
        return !authority.isEmpty && allowed
    }
}
