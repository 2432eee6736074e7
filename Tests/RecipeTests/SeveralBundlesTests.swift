import Bundles
import Engine
import Foundation
import HTTPServer
import Images
import Scheduling
import Service
import Settings
import TestSupport
import Testing

/// Three bundles in one service, over sockets, where memory has room for two.
@Suite(
    "Several bundles: service", .enabled(if: FixtureBundle.isAvailable, "needs the parity fixtures' networks"),
    .timeLimit(.minutes(3)))
struct SeveralBundlesTests {
    private static let names = ["one", "two", "three"]

    /// The program's own parts, put together as it does.
    private final class Running: Sendable {
        let life: ServiceLifecycle
        let library: BundleLibrary
        let port: Int
        private let workers: RecipeWorkers

        init(_ folders: [String], weights: WeightsLimit) throws {
            var configuration = Configuration()
            configuration.port = 0
            let log = ServiceLog(level: .error, sink: LogSink { _ in })
            let service = RestorationService(configuration: configuration, log: log)
            var engine = EngineConfiguration()
            engine.pictureMemory = service.memory
            let workers = try RecipeWorkers(engine)
            self.workers = workers
            library = BundleLibrary(
                folders.map { BundleListing(folder: $0) }, limit: weights, waitingLimit: 64, load: { workers.load },
                loader: RecipeEngine.loader(on: workers))
            service.start(library)
            let server = try HTTPServer(configuration: configuration.server, handler: service, observer: service)
            try server.start()
            port = try #require(server.port)
            life = ServiceLifecycle(service: service, server: server, configuration: configuration, log: log)
        }

        func send(_ method: String, _ path: String, fields: [String] = [], body: [UInt8] = []) async throws -> Loopback {
            try await Loopback.send(method, path, to: port, fields: fields, body: body)
        }

        func restore(_ picture: Picture, _ query: String, fields: [String] = []) async throws -> Loopback {
            try await send("POST", "/restore?" + query, fields: fields, body: ImageEncoder.png(picture))
        }

        func bundles() async throws -> [[String: Any]] {
            let answer = try await send("GET", "/capabilities")
            let document = try #require(JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any])
            return try #require(document["bundles"] as? [[String: Any]])
        }

        func states() async throws -> [String] {
            try await bundles().map { "\($0["name"] ?? "") \($0["state"] ?? "")" }
        }
    }

    private let bundles: [FixtureBundle]

    init() throws {
        bundles = [
            try FixtureBundle.steered("one"), try FixtureBundle.plain("two"),
            try FixtureBundle.steered("three", network: "unet_d"),
        ]
    }

    /// Of the two largest together.
    private func roomForTwo() throws -> WeightsLimit {
        let sizes = try bundles.map { try BundleListing(folder: $0.path).contents.get().weightBytes }.sorted()
        return WeightsLimit(bytes: sizes[1] + sizes[2], isStrict: true)
    }

    private static func query(_ name: String, _ seed: Int) -> String { "bundle=\(name)&seed=\(seed)&steps=1&force=true" }

    /// What each bundle makes of a picture by itself.
    private func alone(_ picture: Picture, seed: Int) async throws -> [String: [UInt8]] {
        var made: [String: [UInt8]] = [:]
        for (name, bundle) in zip(Self.names, bundles) {
            let engine = try RecipeEngine(Bundles.Bundle.load(bundle.path), configuration: EngineConfiguration())
            let options = try engine.recipe.options(reading: [.seed: "\(seed)", .steps: "1", .force: "true"])
            made[name] = try await engine.restore(picture, options: options) { _ in }.picture.pixels
        }
        return made
    }

    @Test("eight clients get from each what it makes alone, the least recently used goes, and memory stays within the limit")
    func crowd() async throws {
        let limit = try roomForTwo()
        let running = try Running(bundles.map(\.path), weights: limit)
        let pictures = [Picture.sample(width: 24, height: 16), .sample(width: 16, height: 24)]
        var expected: [[String: [UInt8]]] = []
        for (seed, picture) in pictures.enumerated() { expected.append(try await alone(picture, seed: seed)) }
        #expect(Set(expected[0].values).count == 3)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for client in 0..<8 {
                group.addTask { [expected] in
                    for turn in 0..<6 {
                        let (name, kind) = (Self.names[(client + turn * (client % 2 + 1)) % 3], turn % 2)
                        let answer = try await running.restore(pictures[kind], Self.query(name, kind))
                        #expect(answer.status == 200, "\(answer.text)")
                        #expect(answer["Restored-Bundle"] == name + "/1")
                        #expect(try ImageDecoder.decode(answer.body).pixels == expected[kind][name])
                        #expect(running.library.weights.usedBytes <= limit.bytes)
                    }
                }
            }
            try await group.waitForAll()
        }
        let metrics = try await running.send("GET", "/metrics").text
        for name in Self.names {
            #expect(metrics.contains("restored_restorations_total{outcome=\"restored\",bundle=\"\(name)\"} "))
        }
        #expect(running.library.statuses.reduce(0) { $0 + $1.evictions } > 0)
        // One after another, it is plain who goes.
        for name in ["one", "two", "three", "one"] {
            #expect(try await running.restore(pictures[0], Self.query(name, 0)).status == 200)
        }
        #expect(try await running.states() == ["one loaded", "two unloaded", "three loaded"])
        #expect(await running.life.drain() == 0)
    }

    @Test("a request that names none gets the first; a form may name one, and a job; what each offers is told before it is loaded")
    func choice() async throws {
        let running = try Running(bundles.map(\.path), weights: .none)
        let picture = Picture.sample(width: 16, height: 16)
        let told = try await running.bundles()
        #expect(told.map { $0["state"] as? String } == ["unloaded", "unloaded", "unloaded"])
        #expect(told.map { $0["default"] as? Bool } == [true, false, false])
        #expect(told.map { $0["classifier"] as? Bool } == [true, false, true])
        #expect(told.allSatisfy { ($0["samplers"] as? [Any])?.count ?? 0 >= 3 && $0["default_steps"] as? Int == 1 })
        #expect(try await running.restore(picture, "seed=1&force=true")["Restored-Bundle"] == "one/1")
        #expect(try await running.restore(picture, "seed=1&bundle=two/1")["Restored-Bundle"] == "two/1")

        var form = Array("--XX\r\nContent-Disposition: form-data; name=\"bundle\"\r\n\r\nthree\r\n".utf8)
        form += Array("--XX\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\n".utf8) + (try ImageEncoder.png(picture))
        form += Array("\r\n--XX--\r\n".utf8)
        let answer = try await running.send(
            "POST", "/restore?degradation=hazy", fields: ["Content-Type: multipart/form-data; boundary=XX"], body: form)
        #expect(answer.status == 200 && answer["Restored-Bundle"] == "three/1", "\(answer.text)")

        let job = try await running.restore(picture, "bundle=two&seed=4", fields: ["Prefer: respond-async"])
        let place = try #require(job["Location"])
        try await eventually("it is done") { try await running.send("GET", place).text.contains("\"done\"") }
        #expect(try await running.send("GET", place + "/result")["Restored-Bundle"] == "two/1")
        #expect(await running.life.drain() == 0)
    }

    @Test("unknown and broken bundles are errors that say so, and the others go on")
    func errors() async throws {
        let file = bundles[1].folder.appendingPathComponent("unet_b.pth")
        var bytes = try Data(contentsOf: file)
        bytes[bytes.count / 2] ^= 1
        try FileManager.default.removeItem(at: file)
        try bytes.write(to: file)
        try Data("{".utf8).write(to: bundles[2].folder.appendingPathComponent("bundle.json"))
        let running = try Running(bundles.map(\.path), weights: .none)
        let picture = Picture.sample(width: 16, height: 16)
        let unreadable = bundles[2].folder.lastPathComponent
        for path in ["/restore?seed=1", "/classify?"] {
            let body = try ImageEncoder.png(picture)
            let unknown = try await running.send("POST", path + "&bundle=four", body: body)
            #expect(unknown.status == 400 && unknown.text.contains("'bundle' must be one of one, two, \(unreadable), not 'four'"))
            let broken = try await running.send("POST", path + "&bundle=\(unreadable)", body: body)
            #expect(broken.status == 503 && broken["Retry-After"] != nil && broken.text.contains("bundle-unavailable"))
            #expect(broken.text.contains("bundle.json") && !broken.text.contains(bundles[2].path), "\(broken.text)")
        }
        for _ in 0..<2 {
            let broken = try await running.restore(picture, "bundle=two&seed=1")
            #expect(broken.status == 503 && broken.text.contains("unet_b.pth is not the file of this bundle"), "\(broken.text)")
        }
        #expect(try await running.restore(picture, "bundle=one&seed=1").status == 200)
        #expect(try await running.states() == ["one loaded", "two broken", "\(unreadable) broken"])
        let metrics = try await running.send("GET", "/metrics").text
        #expect(metrics.contains("restored_bundles{state=\"broken\"} 2\n") && metrics.contains("restored_bundles{state=\"loaded\"} 1\n"))
        for name in ["two", unreadable] {
            #expect(metrics.contains("restored_bundle_load_failures_total{bundle=\"\(name)\"} 1\n"))
        }
        let ready = try await running.send("GET", "/health/ready")
        #expect(ready.status == 200)

        // Mended, and listed again as SIGHUP does.
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: file)
        running.library.list(bundles.map { BundleListing(folder: $0.path) })
        #expect(try await running.restore(picture, "bundle=two&seed=1")["Restored-Bundle"] == "two/1")
        #expect(await running.life.drain() == 0)
    }

    @Test("a new bundle.json of one that is not in memory is read when it is asked for, without SIGHUP")
    func changedMeanwhile() async throws {
        let running = try Running(bundles.map(\.path), weights: .none)
        let manifest = bundles[1].folder.appendingPathComponent("bundle.json")
        var document = try #require(
            JSONSerialization.jsonObject(with: Data(contentsOf: manifest)) as? [String: Any])
        document["version"] = "2"
        try JSONSerialization.data(withJSONObject: document).write(to: manifest, options: .atomic)
        let answer = try await running.restore(.sample(width: 16, height: 16), "bundle=two&seed=1")
        #expect(answer.status == 200 && answer["Restored-Bundle"] == "two/2", "\(answer.text)")
        #expect(try await running.bundles().map { $0["version"] as? String } == ["1", "2", "1"])
        // What can't be read any more is still broken.
        try Data("{".utf8).write(to: bundles[2].folder.appendingPathComponent("bundle.json"))
        #expect(try await running.restore(.sample(width: 16, height: 16), "bundle=three&seed=1").status == 503)
        #expect(await running.life.drain() == 0)
    }

    @Test("a job is answered 202 while it waits for its bundle")
    func waitingJob() async throws {
        let sizes = try bundles.map { try BundleListing(folder: $0.path).contents.get().weightBytes }
        let running = try Running(bundles.map(\.path), weights: WeightsLimit(bytes: sizes.max() ?? 0, isStrict: true))
        var lease: EngineLease? = try await running.library.engine(named: "one")
        let job = try await running.restore(
            .sample(width: 16, height: 16), "bundle=two&seed=4", fields: ["Prefer: respond-async"])
        let place = try #require(job["Location"])
        #expect(job.status == 202)
        #expect(try await running.send("GET", place).text.contains("\"queued\""))
        #expect(lease?.bundle.name == "one")
        lease = nil
        try await eventually("it is done") { try await running.send("GET", place).text.contains("\"done\"") }
        #expect(try await running.send("GET", place + "/result")["Restored-Bundle"] == "two/1")
        #expect(await running.life.drain() == 0)
    }

    @Test("a bundle without a classifier has no classification: 422, before the body and after it")
    func noClassifier() async throws {
        let running = try Running([bundles[1].path], weights: .none)
        let answer = try await running.send("POST", "/classify", body: ImageEncoder.png(.sample(width: 16, height: 16)))
        #expect(answer.status == 422 && answer.text.contains("two has no classification"), "\(answer.text)")
        let restored = try await running.restore(.sample(width: 16, height: 16), "seed=1&force=true")
        #expect(restored.status == 200 && restored["Restored-Degradation"] == "noisy")
        #expect(restored["Restored-Confidence"] == nil)
        #expect(await running.life.drain() == 0)
    }

    @Test("words of the request's own say which label they are nearest to, in fields and documents")
    func words() async throws {
        let running = try Running([bundles[0].path], weights: .none)
        let picture = Picture.sample(width: 16, height: 16)
        let answer = try await running.restore(picture, "seed=1&degradation=thick%20fog,hazy")
        let nearest = try #require(answer["Restored-Nearest-Label"]).split(separator: ",").map(String.init)
        #expect(answer["Restored-Degradation"] == "thick fog,hazy")
        #expect(nearest.count == 2 && FixtureBundle.degradations.contains(nearest[0]) && nearest[1] == "hazy")
        let document = try await running.restore(picture, "seed=1&degradation=thick%20fog", fields: ["Accept: application/json"])
        #expect(document.text.contains("\"nearest_label\":\"\(nearest[0])\""))
        let classes = try await running.send(
            "POST", "/classify?labels=thick%20fog,too%20dark", body: ImageEncoder.png(picture))
        #expect(classes.text.contains("\"nearest_label\":\"\(nearest[0])\""), "\(classes.text)")
        let plain = try await running.send("POST", "/classify", body: ImageEncoder.png(picture))
        #expect(!plain.text.contains("nearest_label"))
        #expect(await running.life.drain() == 0)
    }
}
