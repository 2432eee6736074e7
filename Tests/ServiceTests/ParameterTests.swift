import Engine
import HTTPTypes
import Service
import Testing

@Suite("Parameters")
struct ParameterTests {
    let subject = ServiceUnderTest()

    @Test("what is unknown, twice or out of range is a 400 that names it", arguments: [
        ("shade=red", "shade"), ("Steps=3", "Steps"), ("steps", "steps"), ("steps=", "steps"), ("steps=0", "steps"),
        ("steps=101", "steps"), ("steps=+5", "steps"), ("steps=5.0", "steps"), ("steps=-1", "steps"),
        ("steps=0x5", "steps"), ("steps=99999999999999999999999", "steps"), ("steps=5&steps=5", "steps"),
        ("steps=%D9%A3", "steps"), ("steps=1_0", "steps"), ("steps=%205", "steps"),
        ("sampler=ddim", "posterior, sde, ode, mr-ode, mr-sde"), ("sampler=mr_sde", "sampler"),
        ("sampler=SDE", "sampler"), ("sampler=", "sampler"),
        ("sampler=sde&steps=9", "10 to 100"), ("sampler=ode&steps=1", "10 to 100"),
        ("seed=-1", "seed"), ("seed=18446744073709551616", "seed"), ("seed=abc", "seed"), ("seed=", "seed"),
        ("degradation=foggy", "foggy"), ("degradation=", "degradation"), ("degradation=rainy,,noisy", "degradation"),
        ("degradation=rainy,rainy", "degradation"), ("degradation=auto,rainy", "auto"),
        ("format=gif", "format"), ("format=JPG", "format"), ("format=jpg%20", "format"), ("quality=50&format=pn", "format"), ("format=PNG", "format"), ("quality=0", "quality"), ("quality=101", "quality"),
        ("quality=50&format=png", "quality"), ("metadata=yes", "metadata"), ("force=1", "force"), ("force=", "force"),
        ("timeout=0", "timeout"), ("timeout=601", "timeout"), ("timeout=1.5", "timeout"),
        ("tile=63", "tile"), ("tile=1025", "tile"), ("overlap=-1", "overlap"), ("overlap=513", "overlap"),
        ("bundle=other", "one of scripted"), ("bundle=", "bundle"),
        ("tile=64&overlap=33", "from 0 to 32"), ("overlap=193", "from 0 to 192"), ("labels=a", "labels"), ("image=x", "image"),
    ])
    func refused(query: String, named: String) async {
        let answer = await subject.restore("?" + query)
        #expect(answer.status == 400)
        #expect(answer.detail.contains(named), "\(answer.detail)")
        #expect(subject.engine.seen.isEmpty)
        // The same as a form field.
        if !query.contains("&"), !query.contains("%"), query.contains("="), !query.hasPrefix("image") {
            let pair = query.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map { String($0) }
            // But for an empty field, which counts as absent.
            guard !pair[1].isEmpty else { return }
            let form = await subject.restoreForm(
                [FormPart("image", ServiceUnderTest.png), FormPart(pair[0], pair[1])])
            #expect(form.status == 400)
            #expect(form.detail.contains(named), "\(form.detail)")
        }
    }

    @Test("an operation without parameters refuses any, by name and before it does anything", arguments: [
        ("GET", "/"), ("GET", "/health"), ("GET", "/health/live"), ("GET", "/health/ready"), ("GET", "/metrics"),
        ("GET", "/capabilities"), ("GET", "/openapi.yaml"), ("GET", "/jobs/x"), ("DELETE", "/jobs/x"),
        ("GET", "/jobs/x/events"), ("GET", "/jobs/x/result"),
    ])
    func refusedEverywhere(method: String, path: String) async throws {
        let method = try #require(HTTPRequest.Method(method))
        for query in ["verbose", "verbose=1", "steps=3", "labels=a&verbose=1"] {
            let answer = await subject.send(method, "\(path)?\(query)")
            let name = query.prefix { $0 != "=" }
            #expect(answer.status == 400)
            #expect(answer.detail.contains(name), "\(answer.detail)")
            #expect(answer.detail.contains("there are none here"), "\(answer.detail)")
        }
        #expect(await subject.send(method, "\(path)?a=%").status == 400)
        // An empty query has no parameter.
        let plain = await subject.send(method, path)
        #expect(await subject.send(method, path + "?").status == plain.status)
        #expect(await subject.send(method, path + "?&").status == plain.status)
    }

    @Test("HEAD refuses what GET refuses; a preflight asks for another request, and is answered")
    func otherMethods() async {
        #expect(await subject.send(.head, "/health?verbose=1").status == 400)
        #expect(await subject.send(.options, "/health?verbose=1").status == 204)
        #expect(await subject.send(.options, "/restore?steps=3").status == 204)
    }

    @Test("a parameter is looked at after path, method and key")
    func order() async {
        #expect(await subject.send(.get, "/nowhere?verbose=1").status == 404)
        #expect(await subject.send(.put, "/health?verbose=1").status == 405)
        let guarded = ServiceUnderTest { $0.apiKeys = ["open-sesame-1234"] }
        #expect(await guarded.send(.get, "/metrics?verbose=1").status == 401)
        #expect(await guarded.send(.get, "/health?verbose=1").status == 400)
    }

    @Test("a deleted job is deleted by a request without faults only")
    func jobs() async throws {
        let prefer = try #require(HTTPField.Name("Prefer"))
        let started = await subject.send(
            .post, "/restore", fields: [prefer: "respond-async"], body: ServiceUnderTest.png)
        let location = try #require(started["Location"])
        #expect(await subject.send(.delete, location + "?force=true").status == 400)
        #expect(await subject.send(.get, location).status == 200)
        #expect(await subject.send(.delete, location).status == 204)
    }

    @Test("values within their ranges reach the engine", arguments: [
        ("steps=1", 1, nil), ("steps=100", 100, nil), ("", nil, nil), ("sampler=posterior&steps=1", 1, "posterior"),
        ("sampler=sde", nil, "sde"), ("sampler=ode&steps=10", 10, "ode"), ("sampler=ode&steps=100", 100, "ode"),
        ("sampler=posterior", nil, "posterior"), ("sampler=mr-ode&steps=1", 1, "mr-ode"), ("sampler=mr-sde", nil, "mr-sde"),
    ] as [(String, Int?, String?)])
    func steps(query: String, steps: Int?, sampler: String?) async {
        #expect(await subject.restore("?" + query).status == 200)
        #expect(subject.engine.seen.last?.steps == steps)
        #expect(subject.engine.seen.last?.sampler == sampler)
    }

    @Test("the steps that may be asked for are the engine's, as the capabilities tell them", arguments: [20, 50, 1000])
    func stepsOfTheEngine(most: Int) async {
        let subject = ServiceUnderTest(engine: ScriptedEngine(mostSteps: most))
        let samplers = await subject.send(.get, "/capabilities").json["samplers"]?.items ?? []
        #expect(samplers.compactMap { $0.members?["most_steps"]?.number } == [Double](repeating: Double(most), count: 5))
        #expect(samplers.compactMap { $0.members?["fewest_steps"]?.number } == [1, 10, 10, 1, 1])
        for sampler in ["posterior", "ode", "mr-sde"] {
            #expect(await subject.restore("?sampler=\(sampler)&steps=\(most)").status == 200)
            let refused = await subject.restore("?sampler=\(sampler)&steps=\(most + 1)")
            #expect(refused.status == 400 && refused.detail.contains("to \(most) with the sampler \(sampler)"))
        }
        #expect(await subject.restore("?steps=\(most + 1)").status == 400)
    }

    @Test("tiles go to the engine as asked for, and else are its own choice")
    func tiles() async {
        #expect(await subject.restore("?tile=256&overlap=128").status == 200)
        #expect(subject.engine.seen.last?.tile == 256)
        #expect(subject.engine.seen.last?.overlap == 128)
        #expect(await subject.restore().status == 200)
        #expect(subject.engine.seen.last?.tile == nil)
        #expect(subject.engine.seen.last?.overlap == nil)
    }

    @Test("degradations go to the engine in their order; auto is none")
    func degradations() async {
        let answer = await subject.restore("?degradation=noisy,rainy")
        #expect(subject.engine.seen.last?.degradations == ["noisy", "rainy"])
        #expect(answer["Restored-Degradation"] == "noisy,rainy")
        _ = await subject.restore("?degradation=noisy%2C+rainy")
        #expect(subject.engine.seen.last?.degradations == ["noisy", "rainy"])
        _ = await subject.restore("?degradation=auto&force=true")
        #expect(subject.engine.seen.last?.degradations == nil)
        #expect(subject.engine.seen.last?.force == true)
    }

    @Test("force is true or false, with a capital as well", arguments: [
        ("true", true), ("True", true), ("false", false), ("False", false),
    ])
    func force(value: String, isForced: Bool) async {
        #expect(await subject.restore("?force=\(value)").status == 200)
        #expect(subject.engine.seen.last?.force == isForced)
    }

    @Test("a list has its pieces in order, none empty and none twice", arguments: [
        ("a", ["a"]), ("a,b", ["a", "b"]), ("b, a ,c d", ["b", "a", "c d"]), ("", nil), (" ", nil), ("a,", nil),
        ("a,,b", nil), ("a,b,a", nil), ("a, a", nil),
    ] as [(String, [String]?)])
    func lists(text: String, pieces: [String]?) {
        #expect(CommaList.pieces(of: text) == pieces)
    }

    @Test("a malformed query is 400", arguments: ["steps=%", "steps=%zz", "%FF=1", "steps=3%0d%0aX: y", "a=%00"])
    func malformed(query: String) async {
        let answer = await subject.restore("?" + query)
        #expect(answer.status == 400)
        #expect(!answer.detail.contains("\r"))
    }

    @Test("a long value is quoted short, and control characters not at all")
    func quoting() async {
        let long = await subject.restore("?degradation=" + String(repeating: "x", count: 4000))
        #expect(long.status == 400)
        #expect(long.detail.utf8.count < 300)
        let bytes = await subject.restoreForm(
            [FormPart("image", ServiceUnderTest.png), FormPart("degradation", "a\r\nSet-Cookie: b\u{1B}[2J\u{202E}")])
        #expect(bytes.status == 400)
        #expect(!bytes.detail.contains("\u{1B}"))
        #expect(!bytes.detail.contains("\u{202E}"))
        #expect(!bytes.detail.contains("\r"))
    }

    @Test("a value over 8 KiB is 400")
    func longValue() async {
        let image = FormPart("image", ServiceUnderTest.png)
        let value = [UInt8](repeating: UInt8(ascii: "1"), count: 8193)
        #expect(await subject.restoreForm([image, FormPart("seed", value)]).status == 400)
    }

    @Test("labels need a text tower, and then go to the engine")
    func labels() async {
        let without = await subject.send(.post, "/classify?labels=a,b", body: ServiceUnderTest.png)
        #expect(without.status == 400)
        #expect(without.detail.contains("text tower"))
        let subject = ServiceUnderTest(engine: ScriptedEngine(hasTextTower: true))
        let answer = await subject.send(.post, "/classify?labels=a%20dog,b", body: ServiceUnderTest.png)
        #expect(answer.status == 200)
        #expect(subject.engine.state.withLock { $0.labelsSeen } == [["a dog", "b"]])
        let many = (0..<65).map { "l\($0)" }.joined(separator: ",")
        #expect(await subject.send(.post, "/classify?labels=" + many, body: ServiceUnderTest.png).status == 400)
        for none in ["", ",", "%20", "a,", "a,,b"] {
            #expect(await subject.send(.post, "/classify?labels=" + none, body: ServiceUnderTest.png).status == 400)
        }
        #expect(await subject.send(.post, "/classify?steps=3", body: ServiceUnderTest.png).status == 400)
    }

    @Test("a classification lists all labels, the likeliest first")
    func classification() async {
        let document = await subject.send(.post, "/classify", body: ServiceUnderTest.png).json
        #expect(document["degradation"]?.text == "rainy")
        #expect(document["confidence"]?.number == 0.9)
        #expect(document["bundle"]?.text == "scripted/1")
        #expect(document["width"]?.number == 16)
        #expect(document["probabilities"]?.items?.count == 3)
        #expect(document["probabilities"]?.items?.first?.members?["label"]?.text == "rainy")
        #expect(document["file"] == nil)
    }
}
