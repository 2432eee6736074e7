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
        // In bytes that have been sent, of all there are: what a fetch that goes on need not send again.
        var random = SeededGenerator(seed: 5)
        let moments = (0..<10).map { _ in Int.random(in: 1..<all, using: &random) }.sorted()
        struct State {
            var sent = 0
            var victim: pid_t?
            var moments: [Int]
        }
        let state = Mutex(State(moments: moments))
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
            var rest = bytes[first...]
            while !rest.isEmpty {
                let victim = state.withLock { state -> pid_t? in
                    guard let moment = state.moments.first, state.sent >= moment, let victim = state.victim else { return nil }
                    state.moments.removeFirst()
                    return victim
                }
                if let victim { kill(victim, SIGKILL) }
                let piece = rest.prefix(1 << 15)
                guard reply.send(piece) else { return }
                state.withLock { $0.sent += piece.count }
                rest = rest.dropFirst(piece.count)
            }
        }
        var killed = 0
        while true {
            let run = try RunningProgram(
                ["weights", "fetch", "toy", "--catalogue", place.catalogue, "--mirror", server.url, "--no-check"],
                environment: place.environment)
            state.withLock { $0.victim = run.process }
            let ending = try run.wait()
            state.withLock { $0.victim = nil }
            guard ending.status == nil else {
                #expect(ending.status == 0, "\(ending.error)")
                break
            }
            killed += 1
            try #require(killed <= moments.count)
            #expect(!FileManager.default.fileExists(atPath: place.weights + "/toy"))
        }
        #expect(killed > 5)
        for name in ["daclip.safetensors", "unet.safetensors"] {
            #expect(try Data(contentsOf: URL(fileURLWithPath: place.weights + "/toy/" + name)) == Data(contentsOf: Self.mini.appendingPathComponent(name)))
        }
        // Every fetch but the first has gone on in the middle of a file, or begun the one that was next.
        #expect(server.requests.dropFirst().count { ($0.firstByte ?? 0) > 0 } >= killed - 2)
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.weights) == ["toy"])
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
        var port: Substring?
        while port == nil || !server.said.contains("\"ready\"") {
            // A server that ends instead would not come back.
            try #require(kill(server.process, 0) == 0 && !server.said.contains("restored: "), "\(server.said)")
            port = server.said.firstMatch(of: /"port":"?(\d+)/)?.output.1
            usleep(5_000)
        }
        let output = place.folder.appendingPathComponent("served.png")
        let curl = Process()
        curl.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        curl.arguments = [
            "curl", "-sS", "--noproxy", "*", "-o", output.path, "-F", "image=@\(picture)",
            "http://127.0.0.1:\(port ?? "")/restore?steps=2&seed=3&force=true",
        ]
        try curl.run()
        curl.waitUntilExit()
        server.kill(SIGTERM)
        #expect(try server.wait().status == 0)
        return try Data(contentsOf: output)
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
