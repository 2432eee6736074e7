import Checkpoints
import HTTPServer
package import HTTPTypes

/// What went wrong with one request, as clients are told (RFC 9457).
package struct Problem: Error, Sendable, Equatable {
    package var status: HTTPResponse.Status
    /// The last part of the type's URI, and the name under which logs and metrics know it: `queue-full`.
    package var kind: String
    /// The same for every problem of this kind.
    package var title: String
    /// What to know about this one. Nothing of the inside of the program.
    package var detail: String
    /// Whole seconds after which trying again may help.
    package var retryAfter: Int?
    /// Fields that go with the status, such as `Allow`.
    package var fields: HTTPFields = [:]
    /// What only the log is told.
    package var secret: String?

    init(
        _ status: HTTPResponse.Status, _ kind: String, _ title: String, _ detail: String, retryAfter: Int? = nil,
        fields: HTTPFields = [:], secret: String? = nil
    ) {
        self.status = status
        self.kind = kind
        self.title = title
        self.detail = detail
        self.retryAfter = retryAfter
        self.fields = fields
        self.secret = secret
    }

    /// A tag URI (RFC 4151): it names the kind and promises no page behind it.
    var type: String { "tag:restored,2026:" + kind }

    static let mediaType = "application/problem+json"

    /// - Parameter instance: the request's identifier.
    func response(instance: String) -> Response {
        var fields = self.fields
        fields[.contentType] = Self.mediaType
        fields[.cacheControl] = "no-store"
        if let retryAfter { fields[.retryAfter] = String(retryAfter) }
        return Response(status: status, fields: fields, body: .bytes(JSON.bytes(document(instance: instance))))
    }

    func document(instance: String) -> Document {
        Document(type: type, title: title, status: status.code, detail: detail, instance: instance)
    }

    /// The members of the document.
    struct Document: Encodable, Sendable, Equatable {
        let type: String
        let title: String
        let status: Int
        let detail: String
        let instance: String
    }
}

extension HTTPResponse.Status {
    /// 499, the usual name in logs for a client that left before its answer; never sent.
    static let clientClosedRequest = Self(code: 499, reasonPhrase: "Client Closed Request")
}

/// Text from a client, made fit to be shown: short, and without control characters.
enum Quoted {
    static func text(_ value: String, limit: Int = 80) -> String {
        var text = ""
        for scalar in value.unicodeScalars {
            if text.unicodeScalars.count == limit { return "'\(text)...'" }
            text.unicodeScalars.append(isHarmless(scalar) ? scalar : "\u{FFFD}")
        }
        return "'\(text)'"
    }

    private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned, .privateUse: false
        default: true
        }
    }
}
