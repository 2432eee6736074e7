import Engine
import Foundation
import HTTPServer
import Images
import Service
import Settings
import Testing

/// The service as it is, behind a socket, with an engine that runs a recipe of another kind.
@Suite("A toy recipe: service", .timeLimit(.minutes(2)))
struct ToyServiceTests {
    /// The program's own parts, put together as it does; another engine apart.
    private struct Running {
        let life: ServiceLifecycle
        let port: Int

        var service: RestorationService { life.service }

        init(
            _ bundle: ToyBundle, _ probe: ToyProbe = ToyProbe(), _ configure: (inout Configuration) -> Void = { _ in }
        ) throws {
            var configuration = Configuration()
            configuration.port = 0
            configure(&configuration)
            let log = ServiceLog(level: .error, sink: LogSink { _ in })
            let service = RestorationService(configuration: configuration, log: log)
            service.start(try bundle.engine(probe) { $0.pictureMemory = service.memory })
            let server = try HTTPServer(configuration: configuration.server, handler: service, observer: service)
            try server.start()
            port = try #require(server.port)
            life = ServiceLifecycle(service: service, server: server, configuration: configuration, log: log)
        }

        func send(_ method: String, _ path: String, fields: [String] = [], body: [UInt8] = []) async throws -> Loopback {
            try await Loopback.send(method, path, to: port, fields: fields, body: body)
        }

        func restore(_ picture: Picture, _ query: String = "", fields: [String] = []) async throws -> Loopback {
            try await send("POST", "/restore" + query, fields: fields, body: ImageEncoder.png(picture))
        }
    }

    private func members(_ answer: Loopback) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any], "\(answer.text)")
    }

    private static let dark = Picture.shade(0)
    private static let restored = dark.brightened(gain: ToyBundle.gain).picture

    @Test("a picture comes back as the recipe makes it, and the fields tell what it has and nothing that it hasn't")
    func restore() async throws {
        let running = try Running(ToyBundle())
        let answer = try await running.restore(Self.dark)
        #expect(answer.status == 200, "\(answer.text)")
        #expect(try ImageDecoder.decode(answer.body).pixels == Self.restored.pixels)
        #expect(answer["Restored-Degradation"] == "dim,dim" && answer["Restored-Bundle"] == "rows/3")
        for name in ["Restored-Seed", "Restored-Steps", "Restored-Sampler", "Restored-Unchanged"] {
            #expect(answer[name] == nil, "\(name)")
        }
        let stages = answer["Server-Timing"]?.split(separator: ",").map { $0.drop { $0 == " " }.prefix { $0 != ";" } }
        #expect(stages == ["queue", "decode", "brighten", "encode"])
        let metrics = try await running.send("GET", "/metrics").text
        #expect(metrics.contains("stage=\"brighten\""))
        #expect(await running.life.drain() == 0)
    }

    @Test("a document has its rounds, or none where the bundle names nothing", arguments: ["dim", nil])
    func document(label: String?) async throws {
        let running = try Running(ToyBundle(named: label))
        let answer = try await running.restore(Self.dark, fields: ["Accept: application/json"])
        let document = try members(answer)
        #expect((document["rounds"] as? [[String: Any]])?.compactMap { $0["degradation"] as? String } == label.map { [$0, $0] } ?? [])
        #expect(document["degradation"] as? String == label.map { "\($0),\($0)" })
        #expect((document["confidence"] == nil) == (label == nil))
        #expect(answer["Restored-Degradation"] == document["degradation"] as? String)
        #expect((answer["Restored-Confidence"] == nil) == (label == nil))
        #expect(["seed", "steps", "sampler"].allSatisfy { document[$0] == nil })
        #expect(await running.life.drain() == 0)
    }

    @Test("the capabilities are those of the recipe")
    func capabilities() async throws {
        let running = try Running(ToyBundle())
        let document = try members(try await running.send("GET", "/capabilities"))
        let bundle = try #require((document["bundles"] as? [[String: Any]])?.first)
        #expect(bundle["labels"] as? [String] == ["dim"] && bundle["options"] as? [String] == ["rounds"])
        #expect(bundle["text_tower"] as? Bool == false && bundle["classifier"] as? Bool == false)
        #expect(bundle["default_sampler"] == nil && bundle["default_steps"] == nil)
        #expect((document["samplers"] as? [Any])?.isEmpty == true)
        #expect(await running.life.drain() == 0)
    }

    @Test("its own option is taken, and one of another recipe is a 400 that names it")
    func options() async throws {
        let running = try Running(ToyBundle())
        let once = try await running.restore(Self.dark, "?rounds=1")
        #expect(once["Restored-Degradation"] == "dim")
        for option in ["steps=3", "seed=7", "sampler=sde", "degradation=dim", "force=true", "tile=64", "overlap=8"] {
            let answer = try await running.restore(Self.dark, "?" + option)
            #expect(answer.status == 400 && answer.text.contains("'\(option.prefix { $0 != "=" })'"), "\(answer.text)")
            #expect(answer.text.contains("this bundle has no such choice"))
        }
        #expect(await running.life.drain() == 0)
    }

    @Test("a classification, which it doesn't offer, is a 422 that says so", arguments: ["", "?labels=a,b"])
    func classify(query: String) async throws {
        let running = try Running(ToyBundle())
        let answer = try await running.send("POST", "/classify" + query, body: ImageEncoder.png(Self.dark))
        #expect(answer.status == 422 && answer.text.contains("rows has no classification"), "\(answer.text)")
        #expect(await running.life.drain() == 0)
    }

    @Test("a job tells its way to the end, and gives its picture")
    func job() async throws {
        let probe = ToyProbe(isOpen: false)
        let running = try Running(ToyBundle(), probe)
        let accepted = try await running.restore(Self.dark, fields: ["Prefer: respond-async"])
        #expect(accepted.status == 202)
        let place = try #require(accepted["Location"])
        async let events = running.send("GET", place + "/events")
        try await eventually("it runs") { try await running.send("GET", place).text.contains("\"running\"") }
        probe.open()
        let told = try await events.text
        #expect(told.contains("event: done"), "\(told)")
        let result = try await running.send("GET", place + "/result")
        #expect(try ImageDecoder.decode(result.body).pixels == Self.restored.pixels)
        #expect(await running.life.drain() == 0)
    }

    @Test("requests that wait for memory hold their files only; one whose time passes there is a 503 to be tried again")
    func waiting() async throws {
        let probe = ToyProbe(isOpen: false)
        let picture = Picture(width: 64, height: 64, pixels: [UInt8](repeating: 200, count: 3 << 12))
        let file = try ImageEncoder.png(picture)
        // Two pictures and the encoded one: there is room for the work on one. A small file takes a block of its own.
        let (work, block) = (12 * 64 * 64, 1_024)
        #expect(file.count <= block)
        let running = try Running(ToyBundle(), probe) { configuration in
            configuration.bodyLimit = 32 * block
            // Uploads have what a body may have, and the work on one picture the rest.
            configuration.requestMemory = work + configuration.bodyLimit
        }
        let patient = (0..<20).map { _ in Task { try await running.restore(picture) } }
        try await eventually("all are there, one at work") {
            let metrics = try await running.send("GET", "/metrics").text
            return metrics.contains("\nrestored_queue_depth 19\n") && metrics.contains("\nrestored_running 1\n")
        }
        #expect(running.service.memoryUsed <= work + 20 * block)
        let expired = try await running.restore(picture, "?timeout=1")
        #expect(expired.status == 503 && expired.text.contains("expired-in-queue"), "\(expired.text)")
        #expect(expired["Retry-After"] != nil)
        probe.open()
        for task in patient { #expect(try await task.value.status == 200) }
        await eventually("all memory has come back") { running.service.memoryUsed == 0 }
        #expect(await running.life.drain() == 0)
    }
}
