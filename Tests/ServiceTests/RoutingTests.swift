import HTTPTypes
import Service
import Testing

@Suite("Routes")
struct RoutingTests {
    let subject = ServiceUnderTest()

    @Test("a path that no operation has is 404", arguments: [
        "", "/index.html", "/restor", "/restore/", "/Restore", "/jobs", "/jobs/", "/jobs//events", "/jobs/a/b", "/..", "/health/",
        "/jobs/{id}", "//", "/openapi.yml", "/%72estore", "*",
    ])
    func unknownPaths(path: String) async {
        let answer = await subject.send(.get, path)
        #expect(answer.status == 404)
        #expect(answer["Content-Type"] == "application/problem+json")
    }

    @Test("what is wrong with a request is told without asking the engine how busy it is")
    func mistakesDoNotAskTheEngine() async {
        #expect(await subject.send(.get, "/nowhere").status == 404)
        #expect(await subject.send(.get, "/restore").status == 405)
        #expect(await subject.restore("?steps=0").status == 400)
        #expect(subject.engine.loadsRead == 0)
        subject.engine.change { $0.failure = .deadlineExceeded(whileQueued: true) }
        let busy = await subject.restore()
        #expect(busy.status == 503)
        #expect(busy["Retry-After"] == "3")
    }

    @Test("another method is 405 and Allow names those there are", arguments: [
        ("GET", "/restore", "POST, OPTIONS"), ("PUT", "/classify", "POST, OPTIONS"),
        ("POST", "/health", "GET, HEAD, OPTIONS"), ("DELETE", "/metrics", "GET, HEAD, OPTIONS"),
        ("PATCH", "/jobs/x", "GET, HEAD, DELETE, OPTIONS"), ("TRACE", "/health", "GET, HEAD, OPTIONS"),
        ("HEAD", "/restore", "POST, OPTIONS"), ("BREW", "/capabilities", "GET, HEAD, OPTIONS"),
    ])
    func wrongMethods(method: String, path: String, allow: String) async throws {
        let answer = await subject.send(try #require(HTTPRequest.Method(method)), path)
        #expect(answer.status == 405)
        #expect(answer["Allow"] == allow)
        #expect(answer.json["status"]?.number == 405)
    }

    @Test("OPTIONS tells the methods of a path, and of all paths for *")
    func options() async {
        let one = await subject.send(.options, "/restore")
        #expect(one.status == 204)
        #expect(one["Allow"] == "POST, OPTIONS")
        let all = await subject.send(.options, "*")
        #expect(all.status == 204)
        #expect(Set((all["Allow"] ?? "").split(separator: ", ")) == ["GET", "HEAD", "POST", "DELETE", "OPTIONS"])
        #expect(await subject.send(.options, "/nowhere").status == 404)
        let front = await subject.send(.options, "/")
        #expect(front.status == 200)
        #expect(front["Allow"] == "GET, HEAD, OPTIONS")
        #expect(front.body.isEmpty)
    }

    @Test("every answer has the request's id and says nosniff", arguments: ["/health", "/nowhere", "/metrics"])
    func commonFields(path: String) async throws {
        let answer = await subject.send(.get, path)
        #expect(answer["X-Content-Type-Options"] == "nosniff")
        let id = try #require(answer["X-Request-ID"])
        #expect(id.count == 24)
        let second = await subject.send(.get, path)
        #expect(second["X-Request-ID"] != id)
    }

    @Test("a sent request id comes back where it is of the safe form", arguments: [
        "a", "A-b_c.9", String(repeating: "x", count: 64),
    ])
    func safeIdentifiers(id: String) async throws {
        let name = try #require(HTTPField.Name("X-Request-ID"))
        let answer = await subject.send(.get, "/nowhere", fields: [name: id])
        #expect(answer["X-Request-ID"] == id)
        #expect(answer.json["instance"]?.text == id)
    }

    @Test("any other request id is replaced", arguments: [
        "", "a b", "ä", "a;b", "<script>", String(repeating: "x", count: 65), "a\u{7F}b", "a/b",
    ])
    func unsafeIdentifiers(id: String) async throws {
        let name = try #require(HTTPField.Name("X-Request-ID"))
        let answer = await subject.send(.get, "/nowhere", fields: [name: id])
        #expect(answer["X-Request-ID"] != id)
        #expect(answer["X-Request-ID"]?.count == 24)
        #expect(!subject.logLines.joined().contains("<script>"))
    }

    @Test("a form that the client doesn't accept is 406 before any work", arguments: [
        ("POST", "/restore", "text/html"), ("POST", "/restore", "image/*;q=0, application/json;q=0"),
        ("POST", "/classify", "image/png"), ("GET", "/capabilities", "text/plain"),
        ("GET", "/openapi.yaml", "application/json"),
    ])
    func notAcceptable(method: String, path: String, accept: String) async throws {
        let answer = await subject.send(
            try #require(HTTPRequest.Method(method)), path, fields: [.accept: accept], body: ServiceUnderTest.png)
        #expect(answer.status == 406)
        #expect(subject.engine.seen.isEmpty)
    }

    @Test("health and metrics answer whatever the Accept field says")
    func probesAreNeverRefused() async {
        for path in ["/health", "/health/live", "/health/ready", "/metrics"] {
            #expect(await subject.send(.get, path, fields: [.accept: "image/webp"]).status == 200)
        }
    }

    @Test("the description is the file at the project's root")
    func description() async {
        let answer = await subject.send(.get, "/openapi.yaml")
        #expect(answer.status == 200)
        #expect(answer["Content-Type"] == "application/yaml")
        #expect(answer.text.hasPrefix("openapi: 3.1"))
    }

    @Test("the description names every operation, and no other")
    func descriptionIsComplete() async {
        let text = await subject.send(.get, "/openapi.yaml").text
        var paths: Set<String> = []
        for line in text.split(separator: "\n") where line.hasPrefix("  /") {
            paths.insert(line.trimmingPrefix("  ").split(separator: ":").first.map { String($0) } ?? "")
        }
        #expect(
            paths == [
                "/", "/restore", "/classify", "/health", "/health/live", "/health/ready", "/metrics", "/capabilities",
                "/openapi.yaml", "/openapi.json", "/jobs/{id}", "/jobs/{id}/events", "/jobs/{id}/result",
                "/jobs/{id}/guidance",
            ])
    }

    @Test("capabilities tell the bundle, its digests and every published limit")
    func capabilities() async {
        let document = await subject.send(.get, "/capabilities").json
        let bundle = document["bundles"]?.items?.first?.members
        #expect(bundle?["name"]?.text == "scripted")
        #expect(bundle?["sha256"]?.members?["unet.safetensors"]?.text?.count == 64)
        let limits = document["limits"]?.members
        #expect(limits?["body-limit"]?.members?["value"]?.number == 33_554_432)
        #expect(limits?["body-limit"]?.members?["unit"]?.text == "bytes")
        #expect(limits?["body-limit"]?.members?["text"]?.text == "32MiB")
        #expect(limits?["timeout"]?.members?["text"]?.text == "10m")
        #expect(limits?["queue-limit"]?.members?["value"]?.number == 64)
        #expect(limits?["smallest-side"]?.members?["value"]?.number == 8)
        #expect(limits?["port"] == nil)
        #expect(document["samplers"]?.items?.count == 5)
    }
}
