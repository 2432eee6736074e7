import HTTPServer
import HTTPTypes

/// `GET /`: what this is and how it is called, for whoever opens its address in a browser. It needs no key and answers
/// whatever the Accept field says: balancers ask for it as well.
struct FrontPage: Operation {
    func begin(_ request: ServiceRequest) -> Reply {
        .immediate(Response(status: .ok, fields: Self.fields, body: .bytes(Array(Self.page.utf8))))
    }

    private static var fields: HTTPFields {
        var fields: HTTPFields = [
            .contentType: "text/html; charset=utf-8", .cacheControl: "no-cache",
            .contentSecurityPolicy: "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ]
        fields[.referrerPolicy] = "no-referrer"
        return fields
    }

    private static let page = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>restored</title>
        </head>
        <body>
        <h1>restored</h1>
        <p>Restores degraded photographs: a JPEG or PNG goes in, the restored picture comes back.</p>
        <pre>
        curl -F image=@photo.jpg http://HOST/restore -o restored.png
        curl -F image=@photo.jpg 'http://HOST/restore?format=jpeg&amp;quality=95' -o restored.jpg
        curl -F image=@photo.jpg http://HOST/classify
        </pre>
        <p>Where the service has keys, add <code>-H 'Authorization: Bearer KEY'</code>.</p>
        <ul>
        <li><a href="openapi.yaml">openapi.yaml</a>: every operation, parameter and status</li>
        <li><a href="capabilities">capabilities</a>: labels, samplers and limits of this service</li>
        <li><a href="health">health</a>: whether it takes work</li>
        </ul>
        </body>
        </html>

        """
}

extension HTTPField.Name {
    // A constant of valid form, so it can't be nil.
    static let referrerPolicy = Self("Referrer-Policy")!
}
