import Bundles
import Checkpoints
import Foundation
import Glibc
import Images
import Synchronization
import TestSupport
import Testing
import Threads

/// `restored weights`, as a user meets it.
@Suite("Fetching weights with the program")
struct WeightsFetchTests {
    /// The weights that come with the program, as a catalogue's entry of a server's.
    private static let mini = Repository.root.appendingPathComponent("Weights/mini")

    private struct Place {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("restored-program-\(UUID())")
        var weights: String { folder.path + "/weights" }
        var catalogue: String { folder.path + "/catalogue.json" }
        var environment: [String: String] { ["RESTORED_WEIGHTS": weights] }

        init(catalogue: [UInt8]) throws {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Data(catalogue).write(to: URL(fileURLWithPath: self.catalogue))
        }

        func remove() { try? FileManager.default.removeItem(at: folder) }

        func digest(_ path: String) throws -> String { FileDigest.sha256(of: try CheckpointBytes(contentsOf: weights + path)) }

        /// By name, of the files right in a folder.
        func digests(_ folder: String) throws -> [String: String] {
            let names = try FileManager.default.contentsOfDirectory(atPath: weights + folder)
            return Dictionary(uniqueKeysWithValues: try names.filter { !$0.hasPrefix("original") }.map {
                ($0, try digest(folder + "/" + $0))
            })
        }
    }

    private static func miniCatalogue() throws -> [UInt8] {
        let json = try Data(contentsOf: mini.appendingPathComponent("bundle.json"))
        var bundle = try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
        var files: [[String: Any]] = []
        for section in ["daclip", "unet"] {
            var object = try #require(bundle[section] as? [String: Any])
            files.append([
                "file": try #require(object["file"]), "sha256": try #require(object["sha256"]),
                "url": "https://files.example/\(section).safetensors",
            ])
            object["sha256"] = nil
            bundle[section] = object
        }
        for key in ["name", "version", "licence", "trainingDataTerms"] { bundle[key] = nil }
        let entry: [String: Any] = [
            "name": "toy", "version": "1", "restores": "something", "licence": "as mini", "trainingDataTerms": "as mini",
            "page": "https://files.example", "files": files, "bundle": bundle,
        ]
        return [UInt8](try JSONSerialization.data(withJSONObject: ["bundles": [entry]]))
    }

    private static func miniFiles() throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for name in ["/daclip.safetensors", "/unet.safetensors"] { files[name] = [UInt8](try Data(contentsOf: mini.appendingPathComponent(name))) }
        return files
    }

    @Test("kill -9 at ten random moments, and the next fetch goes on; in the end all is right")
    func kills() throws {
        let place = try Place(catalogue: Self.miniCatalogue())
        defer { place.remove() }
        let files = try Self.miniFiles()
        let all = files.values.reduce(0) { $0 + $1.count }
        // Seven in bytes of all there are; three more when all has come, by what is on the disk.
        var random = SeededGenerator(seed: 5)
        let moments = (0..<7).map { _ in Int.random(in: 1..<all, using: &random) }.sorted()
        struct State {
            var victim: pid_t?
            var moments: [Int]
        }
        let state = Mutex(State(moments: moments))
        let parts = place.weights + "/.toy.part/original/"
        let server = try LoopbackServer { request, reply in
            guard let bytes = files[request.path] else { return reply.text(404, "") }
            let first = request.firstByte ?? 0
            if first > 0 {
                reply.head(206, [
                    "Content-Range: bytes \(first)-\(bytes.count - 1)/\(bytes.count)", "Content-Length: \(bytes.count - first)", "ETag: \"a\"",
                ])
            } else {
                reply.head(200, ["Content-Length: \(bytes.count)", "ETag: \"a\""])
            }
            let before = request.path.hasPrefix("/unet") ? files["/daclip.safetensors"]?.count ?? 0 : 0
            var rest = bytes[first...]
            while !rest.isEmpty {
                let piece = rest.prefix(1 << 18)
                guard reply.send(piece) else { return }
                rest = rest.dropFirst(piece.count)
                // While the client writes this piece, or reads the next one.
                let victim = state.withLock { state -> pid_t? in
                    guard let moment = state.moments.first, before + rest.startIndex >= moment else { return nil }
                    guard let victim = state.victim else { return nil }
                    state.moments.removeFirst()
                    state.victim = nil
                    return victim
                }
                if let victim { kill(victim, SIGKILL) }
                // The network holds megabytes that nobody has taken: they are no progress.
                let wanted = rest.startIndex - 2 * piece.count
                while wanted > 0, Self.size(of: parts + request.path + ".part") < wanted, reply.isTaken { usleep(500) }
            }
        }
        let arguments = ["weights", "fetch", "toy", "--catalogue", place.catalogue, "--mirror", server.url, "--no-check"]
        var killed = 0
        func run(_ watch: (RunningProgram) -> Void) throws -> Bool {
            let run = try RunningProgram(arguments, environment: place.environment)
            watch(run)
            let ending = try run.wait()
            if ending.status == nil { killed += 1 } else { #expect(ending.status == 0, "\(ending.error)") }
            return ending.status == 0
        }
        while !state.withLock(\.moments.isEmpty) {
            let isWhole = try run { run in state.withLock { $0.victim = run.process } }
            #expect(!isWhole && !FileManager.default.fileExists(atPath: place.weights + "/toy"))
        }
        #expect(killed == 7)
        for mark in ["/.toy.part/daclip.safetensors", "/.toy.part/bundle.json", "/toy"] {
            _ = try run { run in
                while !FileManager.default.fileExists(atPath: place.weights + mark),
                    !FileManager.default.fileExists(atPath: place.weights + "/toy"), !run.said.contains("restored: ") {
                    usleep(200)
                }
                run.kill()
            }
            // All of it or nothing.
            if FileManager.default.fileExists(atPath: place.weights + "/toy") {
                #expect(try BundleVerification(place.weights + "/toy").isSound)
            }
        }
        #expect(try run { _ in })
        for name in ["daclip.safetensors", "unet.safetensors"] {
            #expect(try Data(contentsOf: URL(fileURLWithPath: place.weights + "/toy/" + name)) == Data(contentsOf: Self.mini.appendingPathComponent(name)))
        }
        // What had come was gone on with.
        #expect(server.requests.count { ($0.firstByte ?? 0) > 0 } >= 4)
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.weights) == ["toy"])
    }

    private static func size(of path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    @Test("two processes at once fetch once")
    func twoProcesses() throws {
        let place = try Place(catalogue: Self.miniCatalogue())
        defer { place.remove() }
        let files = try Self.miniFiles()
        let hasBegun = DispatchSemaphore(value: 0), mayGoOn = DispatchSemaphore(value: 0)
        let server = try LoopbackServer { request, reply in
            guard let bytes = files[request.path] else { return reply.text(404, "") }
            if request.number == 0 {
                hasBegun.signal()
                mayGoOn.wait()
            }
            reply.file(bytes, to: request)
        }
        let arguments = ["weights", "fetch", "toy", "--catalogue", place.catalogue, "--mirror", server.url, "--no-check"]
        let first = try RunningProgram(arguments, environment: place.environment)
        hasBegun.wait()
        let second = try RunningProgram(arguments, environment: place.environment)
        while !second.said.contains("waiting") { usleep(5_000) }
        mayGoOn.signal()
        let endings = try [first.wait(), second.wait()]
        #expect(endings.map(\.status) == [0, 0], "\(endings.map(\.error))")
        #expect(endings[0].output.contains("toy is ready") && endings[1].output.contains("toy is here already"))
        #expect(Set(server.requests.map(\.path)) == Set(files.keys) && server.requests.count == files.count)
    }

    @Test("proxies are those that curl would use")
    func proxy() throws {
        let place = try Place(catalogue: Self.miniCatalogue())
        defer { place.remove() }
        let files = try Self.miniFiles()
        let proxy = try LoopbackServer { request, reply in
            guard let bytes = files[request.path.replacing("http://files.example", with: "")] else { return reply.text(404, "") }
            reply.file(bytes, to: request)
        }
        var environment = place.environment
        environment["http_proxy"] = proxy.url
        let arguments = ["weights", "fetch", "toy", "--catalogue", place.catalogue, "--mirror", "http://files.example", "--no-check"]
        let ending = try RunningProgram(arguments, environment: environment).wait()
        #expect(ending.status == 0, "\(ending.error)")
        #expect(Set(proxy.requests.map(\.path)) == Set(files.keys.map { "http://files.example" + $0 }))
    }

    @Test("the official names and paths bring bundles that restore; converted or not, the same bytes", arguments: [
        OfficialSketch.universal, .wild,
    ])
    func official(sketch: OfficialSketch) throws {
        let place = try Place(catalogue: OfficialSketch.catalogue([sketch]))
        defer { place.remove() }
        let files = try sketch.files()
        let server = try LoopbackServer { request, reply in
            guard let bytes = files[request.path] else { return reply.text(404, "") }
            reply.file(bytes, to: request)
        }
        func run(_ arguments: String...) throws -> RunningProgram.Ending {
            try RunningProgram(arguments, environment: place.environment).wait()
        }
        let fetched = try run(
            "weights", "fetch", sketch.name, "--catalogue", place.catalogue, "--mirror", server.url, "--keep-original")
        try #require(fetched.status == 0, "\(fetched.error)")
        #expect(fetched.output.contains("Terms of the weights: MIT") && fetched.output.contains("now recorded"))
        #expect(Set(server.requests.map(\.path)) == Set(files.keys))

        // All of it is in safetensors, without what stands there twice, and with the labels' features.
        let folder = "/" + sketch.name
        let bundle = try BundleVerification(place.weights + folder)
        #expect(bundle.isSound && bundle.files.allSatisfy { $0.name.hasSuffix(".safetensors") || $0.name.hasSuffix(".gz") })
        let encoder = try #require(bundle.files.first { $0.name.contains("daclip") })
        let tensors = try StateDict(contentsOf: place.weights + folder + "/" + encoder.name)
        #expect(!tensors.names.contains { $0.hasPrefix("visual.") })
        #expect(tensors["label_features"]?.shape == [3, 8] && tensors["clip.token_embedding.weight"] != nil)

        let verified = try run("weights", "verify", sketch.name, "--run")
        #expect(verified.status == 0 && verified.output.contains("It computes what was recorded"), "\(verified.error)")

        let picture = Repository.root.appendingPathComponent("Tests/Fixtures/Images/source.png").path
        var results: [Data] = []
        for bundle in [sketch.name, place.weights + folder + "/original"] {
            let output = place.folder.path + "/restored.png"
            let restored = try run(
                "restore", picture, "-o", output, "--bundle", bundle, "--steps", "2", "--seed", "3", "--force")
            try #require(restored.status == 0, "\(restored.error)")
            results.append(try Data(contentsOf: URL(fileURLWithPath: output)))
        }
        #expect(results[0] == results[1] && !results[0].isEmpty)

        let served = try serve(sketch.name, place, picture)
        #expect(served == results[0], "the service answers otherwise")

        let before = try place.digests(folder)
        let again = try run("weights", "convert", sketch.name)
        #expect(again.status == 0 && again.output.contains("is converted already"), "\(again.error)")
        #expect(try place.digests(folder) == before)
    }

    /// What the service makes of a picture.
    private func serve(_ bundle: String, _ place: Place, _ picture: String) throws -> Data {
        let server = try RunningProgram(
            ["serve", "--bundle", bundle, "--port", "0", "--log-format", "json"], environment: place.environment)
        try waitUntil(server, says: "\"ready\"")
        let answer = try curl(
            server, "/restore?steps=2&seed=3&force=true", place, "-F", "image=@\(picture)")
        server.kill(SIGTERM)
        #expect(try server.wait().status == 0)
        return answer
    }

    /// A server that ends instead would not come back.
    private func waitUntil(_ server: RunningProgram, says words: String) throws {
        while !server.said.contains(words) {
            try #require(kill(server.process, 0) == 0 && !server.said.contains("restored: "), "\(server.said)")
            usleep(5_000)
        }
    }

    private func curl(_ server: RunningProgram, _ path: String, _ place: Place, _ arguments: String...) throws -> Data {
        let port = try #require(server.said.firstMatch(of: /"port":"?(\d+)/)?.output.1)
        let output = place.folder.appendingPathComponent("answer")
        let curl = Process()
        curl.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        curl.arguments =
            ["curl", "-sS", "--noproxy", "*", "-o", output.path] + arguments + ["http://127.0.0.1:\(port)\(path)"]
        try curl.run()
        curl.waitUntilExit()
        return try Data(contentsOf: output)
    }

    @Test("serve --fetch says how far it is until it serves, and ends at once where that is asked for")
    func serveFetches() throws {
        let place = try Place(catalogue: Self.miniCatalogue())
        defer { place.remove() }
        let files = try Self.miniFiles()
        let mayGoOn = DispatchSemaphore(value: 0)
        let server = try LoopbackServer { request, reply in
            guard let bytes = files[request.path] else { return reply.text(404, "") }
            guard request.firstByte == nil, request.path.hasPrefix("/daclip") else { return reply.file(bytes, to: request) }
            reply.head(200, ["Content-Length: \(bytes.count)", "ETag: \"one\""])
            reply.send(bytes.prefix(1 << 20))
            mayGoOn.wait()
            reply.send(bytes.suffix(from: 1 << 20))
        }
        let arguments = [
            "serve", "--fetch", "toy", "--catalogue", place.catalogue, "--mirror", server.url, "--port", "0", "--log-format", "json",
        ]
        func fetching() throws -> RunningProgram {
            let service = try RunningProgram(arguments, environment: place.environment)
            try waitUntil(service, says: "\"fetching\"")
            var said = ""
            while !said.contains("\"received_bytes\":1048576") {
                said = String(decoding: try curl(service, "/health/ready", place), as: UTF8.self)
                try #require(said.contains("\"status\":\"loading\"") || said.contains("\"status\":\"fetching\""), "\(said)")
            }
            #expect(said.contains("\"bundle\":\"toy\"") && said.contains("\"total_bytes\":"))
            return service
        }
        let stopped = try fetching()
        stopped.kill(SIGTERM)
        #expect(try stopped.wait().status == 0)
        mayGoOn.signal()
        // What has come is gone on with, and asked for behind it.
        let service = try RunningProgram(arguments, environment: place.environment)
        try waitUntil(service, says: "\"ready\"")
        #expect(server.requests.contains { $0.firstByte == 1 << 20 })
        #expect(service.said.contains("\"bundle fetched\""))
        let capabilities = String(decoding: try curl(service, "/capabilities", place), as: UTF8.self)
        #expect(capabilities.contains("\"name\":\"toy\"") && !capabilities.contains("\"name\":\"mini\""))
        service.kill(SIGTERM)
        #expect(try service.wait().status == 0)

        // What is there is not fetched again.
        let asked = server.requests.count
        let third = try RunningProgram(arguments, environment: place.environment)
        try waitUntil(third, says: "\"ready\"")
        #expect(third.said.contains("\"bundle is here already\"") && server.requests.count == asked)
        third.kill(SIGTERM)
        #expect(try third.wait().status == 0)
    }

    @Test("serve --fetch of what can't be fetched is one line and its status, before anything comes", arguments: [
        ("nothing", 64, "the catalogue has no nothing"), ("toy", 69, "answered 404"),
    ] as [(String, Int32, String)])
    func serveFails(name: String, status: Int32, words: String) throws {
        let place = try Place(catalogue: Self.miniCatalogue())
        defer { place.remove() }
        let server = try LoopbackServer { $1.text(404, "") }
        let ending = try RunningProgram(
            [
                "serve", "--fetch", "toy", "--fetch", name, "--catalogue", place.catalogue, "--mirror", server.url,
                "--port", "0", "--log-format", "json",
            ], environment: place.environment
        ).wait()
        #expect(ending.status == status && ending.error.contains(words), "\(ending)")
        #expect(server.requests.count == (name == "toy" ? 1 : 0))
    }

    @Test("what goes wrong is one line and a status of its own", arguments: [
        (["fetch", "nothing"], 64, "the catalogue has no nothing"),
        (["fetch", "later"], 69, "later can't be run by this version: its networks are not built in yet"),
        (["fetch", "other"], 69, "other can't be run by this version: expected a bundle of the kind"),
        (["fetch", "hand"], 69, "no address of a.pth is known: see https://p.example: shared; then restored weights convert --as hand"),
        (["fetch", "terms"], 64, "--accept-licence: not for sale"),
        (["fetch", "daclip-universal", "--offline"], 66, "--offline"),
        (["fetch", "daclip-universal", "--mirror", "ftp://127.0.0.1"], 64, "expected https or http"),
        (["fetch", "daclip-universal", "--mirror", "http://127.0.0.1:1", "--retries", "0"], 69, "127.0.0.1:1"),
        (["fetch", "daclip-universal", "--catalogue", "/nowhere.json"], 66, "/nowhere.json"),
        (["remove", "daclip-universal"], 66, "has no daclip-universal"),
        (["verify", "daclip-universal"], 66, "there is no bundle daclip-universal"),
        (["convert", "/nowhere"], 66, "/nowhere: No such file"),
        (["convert", "/dev/null"], 64, "-o NAME.safetensors"),
    ] as [([String], Int32, String)])
    func faults(arguments: [String], status: Int32, words: String) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("restored-faults-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let catalogue = folder.appendingPathComponent("own.json")
        let own = ["later", "other", "hand", "terms"].contains(arguments.last)
        try Data(Self.odd.utf8).write(to: catalogue)
        let ending = try RunningProgram(
            ["weights"] + arguments + (own ? ["--catalogue", catalogue.path] : []), environment: ["XDG_DATA_HOME": folder.path]
        ).wait()
        #expect(ending.status == status && ending.error.contains(words), "\(ending)")
    }

    /// What can't simply be fetched.
    private static var odd: String {
        let entries = [
            ("later", "", ""), ("other", "", ",\"bundle\":{\"kind\":\"odd\",\"n\":{\"file\":\"a.pth\"}}"),
            ("hand", "", ",\"bundle\":{\"n\":{\"file\":\"a.pth\"}}"),
            ("terms", "\"accept\":true,", ",\"bundle\":{\"n\":{\"file\":\"a.pth\"}}"),
        ].map { name, more, bundle in
            """
            {"name":"\(name)","version":"1","restores":"x","licence":"not for sale","trainingDataTerms":"x",\(more)
            "page":"https://p.example","obtain":"shared","files":[{"file":"a.pth"}]\(bundle)}
            """
        }
        return "{\"bundles\":[\(entries.joined(separator: ","))]}"
    }

    @Test("list shows what there is, and which of it this version can run")
    func list() throws {
        let ending = try RunningProgram.run("weights", "list", environment: ["XDG_DATA_HOME": "/nowhere"])
        #expect(ending.status == 0 && ending.output.contains("daclip-universal: to fetch, 1.2 GB, MIT\n"))
        #expect(ending.output.contains("nafnet-gopro: ") && ending.output.contains("https://github.com/megvii-research/NAFNet"))
        let json = try RunningProgram.run("weights", "list", "--json", environment: ["XDG_DATA_HOME": "/nowhere"])
        #expect(json.output.contains(#""state":"to fetch""#) && json.output.filter { $0 == "\n" }.count == 1)
    }
}
