import HTTPTypes
import HTTPWire
import Service
import Testing

@Suite("Keys, origins, logs and metrics")
struct SecurityTests {
    private static let key = "open-sesame-1234"

    private func keyed() -> ServiceUnderTest {
        ServiceUnderTest { $0.apiKeys = [Self.key, "another-key-5678"] }
    }

    @Test("with keys set, everything but health needs one")
    func keysNeeded() async {
        let subject = keyed()
        for path in ["/metrics", "/capabilities", "/openapi.yaml", "/jobs/x"] {
            let answer = await subject.send(.get, path)
            #expect(answer.status == 401)
            #expect(answer["WWW-Authenticate"]?.hasPrefix("Bearer") == true)
        }
        #expect(await subject.restore().status == 401)
        for path in ["/health", "/health/live", "/health/ready"] {
            #expect(await subject.send(.get, path).status == 200)
        }
    }

    @Test("each key opens, and nothing else does", arguments: [
        ("Bearer open-sesame-1234", 200), ("bearer another-key-5678", 200), ("Bearer  open-sesame-1234", 200),
        ("Bearer open-sesame-123", 401), ("Bearer open-sesame-12345", 401), ("Basic open-sesame-1234", 401),
        ("open-sesame-1234", 401), ("Bearer", 401), ("", 401), ("Bearer open-sesame-1234 x", 401),
    ])
    func keys(field: String, status: Int) async {
        #expect(await keyed().send(.get, "/capabilities", fields: [.authorization: field]).status == status)
    }

    @Test("keys are never logged, right or wrong")
    func keysStaySecret() async {
        let subject = keyed()
        _ = await subject.restore(fields: [.authorization: "Bearer " + Self.key])
        _ = await subject.restore("?key=wrong-key-9999", fields: [.authorization: "Bearer wrong-key-9999"])
        let log = subject.logLines.joined()
        #expect(!log.contains("sesame"))
        #expect(!log.contains("wrong-key"))
        #expect(!log.contains("Bearer"))
    }

    @Test("cross-origin answers only for the named origin, and only where one is named")
    func crossOrigin() async {
        let open = ServiceUnderTest { $0.corsOrigin = "https://photos.example" }
        let named = await open.send(.get, "/health", fields: [.origin: "https://photos.example"])
        #expect(named["Access-Control-Allow-Origin"] == "https://photos.example")
        #expect(named["Vary"] == "Origin")
        #expect(named["Access-Control-Expose-Headers"]?.contains("Restored-Seed") == true)
        let other = await open.send(.get, "/health", fields: [.origin: "https://evil.example"])
        #expect(other["Access-Control-Allow-Origin"] == nil)
        #expect(other["Vary"] == "Origin")
        let preflight = await open.send(
            .options, "/restore",
            fields: [.origin: "https://photos.example", .accessControlRequestMethod: "POST"])
        #expect(preflight.status == 204)
        #expect(preflight["Access-Control-Allow-Methods"] == "POST, OPTIONS")
        let closed = await ServiceUnderTest().send(.get, "/health", fields: [.origin: "https://photos.example"])
        #expect(closed["Access-Control-Allow-Origin"] == nil)
        #expect(closed["Vary"] == nil)
    }

    @Test("a page can read why something was no request", arguments: [
        ProtocolError.Kind.malformed, .tooSlow, .bodyTooLarge, .requestLineTooLong, .expectationFailed, .fieldsTooLarge,
        .notImplemented, .overloaded, .versionNotSupported,
    ])
    func crossOriginRefusals(kind: ProtocolError.Kind) {
        let error = ProtocolError(kind, "as it came")
        let open = ServiceUnderTest { $0.corsOrigin = "https://photos.example" }
        let fields = open.service.response(toProtocolError: error, peer: "192.0.2.7").fields
        #expect(fields[.accessControlAllowOrigin] == "https://photos.example")
        #expect(fields[.accessControlExposeHeaders]?.contains("X-Request-ID") == true)
        #expect(fields[.vary] == "Origin")
        let closed = ServiceUnderTest().service.response(toProtocolError: error, peer: "192.0.2.7").fields
        #expect(closed[.accessControlAllowOrigin] == nil && closed[.vary] == nil)
    }

    @Test("a page can read why its body was refused", arguments: [("/restore", 415), ("/health", 405), ("/nowhere", 404)])
    func crossOriginProblems(path: String, status: Int) async {
        let open = ServiceUnderTest { $0.corsOrigin = "https://photos.example" }
        let answer = await open.send(.post, path, fields: [.origin: "https://photos.example", .contentType: "text/plain"])
        #expect(answer.status == status)
        #expect(answer["Access-Control-Allow-Origin"] == "https://photos.example")
    }

    @Test("a preflight needs no key, as browsers send none")
    func preflightWithoutKey() async {
        #expect(await keyed().send(.options, "/restore").status == 204)
    }

    @Test("every request is one line, with its id, and nothing can break the line")
    func accessLog() async throws {
        let subject = ServiceUnderTest()
        let answer = await subject.send(.get, "/no\u{1B}[31m\r\nwhere?secret=1")
        #expect(answer.status == 404)
        _ = await subject.restore("?seed=1")
        let lines = subject.logLines.filter { $0.contains("\"message\":\"request\"") }
        #expect(lines.count == 2)
        for line in lines {
            #expect(line.hasSuffix("}\n"))
            #expect(line.filter { $0 == "\n" }.count == 1)
            #expect(!line.contains("\u{1B}"))
            #expect(!line.contains("\r"))
        }
        let id = try #require(answer["X-Request-ID"])
        #expect(lines[0].contains(id))
        #expect(lines[0].contains("\"problem\":\"no-such-path\""))
        #expect(!lines[0].contains("secret"))
        #expect(lines[1].contains("\"route\":\"/restore\""))
    }

    @Test("a trace that a request belongs to is in its line; what is none leaves no mark")
    func traces() async throws {
        let subject = ServiceUnderTest()
        let name = try #require(HTTPField.Name("traceparent"))
        for field in ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-nothing", ""] {
            _ = await subject.send(.get, "/health", fields: [name: field])
        }
        let lines = subject.logLines.filter { $0.contains("\"message\":\"request\"") }
        #expect(lines[0].contains("\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"parent_id\":\"00f067aa0ba902b7\""))
        #expect(lines.dropFirst().count == 2 && lines.dropFirst().allSatisfy { !$0.contains("trace_id") && !$0.contains("nothing") })
    }

    @Test("what is no request is logged with the address that it came from")
    func peerOfRefusals() {
        let subject = ServiceUnderTest()
        for kind in [ProtocolError.Kind.malformed, .tooSlow, .overloaded] {
            let error = ProtocolError(kind, "as it came")
            let answer = subject.service.response(toProtocolError: error, peer: "192.0.2.7")
            #expect(answer.status == error.status)
        }
        let lines = subject.logLines.filter { $0.contains("\"message\":\"request\"") }
        #expect(lines.count == 3)
        #expect(lines.allSatisfy { $0.contains("\"peer\":\"192.0.2.7\"") })
    }

    @Test("metrics count by route pattern, whatever paths clients invent")
    func metrics() async {
        let subject = ServiceUnderTest()
        for number in 0..<50 { _ = await subject.send(.get, "/invented/\(number)") }
        for number in 0..<50 { _ = await subject.send(.get, "/jobs/\(number)") }
        _ = await subject.restore()
        _ = await subject.restore("?steps=0")
        _ = await subject.send(HTTPRequest.Method("BREW") ?? .get, "/health")
        await eventually { subject.service.memoryUsed == 0 }
        let text = await subject.send(.get, "/metrics").text
        #expect(!text.contains("invented"))
        for line in [
            #"restored_http_requests_total{route="unmatched",method="GET",status="404"} 50"#,
            #"restored_http_requests_total{route="/jobs/{id}",method="GET",status="404"} 50"#,
            #"restored_http_requests_total{route="/restore",method="POST",status="200"} 1"#,
            #"restored_http_requests_total{route="/restore",method="POST",status="400"} 1"#,
            #"restored_http_requests_total{route="/health",method="other",status="405"} 1"#,
            #"restored_http_request_duration_seconds_bucket{route="/restore",le="+Inf"} 2"#,
            #"restored_restorations_total{outcome="restored",bundle="scripted"} 1"#,
            #"restored_http_requests_in_flight 1"#,
            #"restored_request_memory_bytes 0"#,
        ] {
            #expect(text.contains(line + "\n"), "\(line)")
        }
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            #expect(line.wholeMatch(of: #/[a-z_]+(\{[^\n]*\})? [0-9.e+-]+/#) != nil, "\(line)")
        }
    }
}
