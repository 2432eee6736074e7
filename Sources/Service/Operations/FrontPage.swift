import HTTPServer
import HTTPTypes

/// `GET /`: the page on which people restore photographs. It needs no key, since what it asks for does, and answers
/// whatever the Accept field says: balancers ask for it as well.
struct FrontPage: Operation {
    let page: PageDocument

    func begin(_ request: ServiceRequest) -> Reply {
        var (body, tag) = (page.bytes, "\"\(page.version)\"")
        var fields: HTTPFields = [
            .contentType: "text/html; charset=utf-8", .cacheControl: "no-cache", .vary: "Accept-Encoding",
            .contentSecurityPolicy: page.policy,
        ]
        if let packed = page.packed, Gzip.isAccepted(by: request.fields[.acceptEncoding]) {
            // Other bytes want a tag of their own (RFC 9110, section 8.8.3.3).
            (body, tag) = (packed, "\"\(page.version)-gzip\"")
            fields[.contentEncoding] = "gzip"
        }
        fields[.eTag] = tag
        fields[.referrerPolicy] = "no-referrer"
        guard Self.names(request.fields[.ifNoneMatch], tag) else {
            return .immediate(Response(status: .ok, fields: fields, body: .bytes(body)))
        }
        fields[.contentType] = nil
        fields[.contentEncoding] = nil
        return .immediate(Response(status: .notModified, fields: fields))
    }

    /// Whether an If-None-Match field has the tag, compared weakly (RFC 9110, section 13.1.2).
    private static func names(_ field: String?, _ tag: String) -> Bool {
        (field ?? "").split(separator: ",").contains { element in
            let sent = element.filter { $0 != " " && $0 != "\t" }
            return sent == "*" || sent == tag || sent == "W/" + tag
        }
    }
}

extension HTTPField.Name {
    // A constant of valid form, so it can't be nil.
    static let referrerPolicy = Self("Referrer-Policy")!
}
