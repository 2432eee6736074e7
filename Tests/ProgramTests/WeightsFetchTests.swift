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
    @Test("two processes at once fetch once")
    func twoProcesses() throws {
        let place = try WeightsPlace(catalogue: ToyBundle.catalogue())
        defer { place.remove() }
        let files = try ToyBundle.files()
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
        let place = try WeightsPlace(catalogue: ToyBundle.catalogue())
        defer { place.remove() }
        let files = try ToyBundle.files()
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
        let place = try WeightsPlace(catalogue: OfficialSketch.catalogue([sketch]))
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
    private func serve(_ bundle: String, _ place: WeightsPlace, _ picture: String) throws -> Data {
        let server = try RunningProgram(
            ["serve", "--bundle", bundle, "--port", "0", "--log-format", "json"], environment: place.environment)
        try WeightsPlace.wait(for: server, toSay: "\"ready\"")
        let answer = try place.curl(
            server, "/restore?steps=2&seed=3&force=true", "-F", "image=@\(picture)")
        server.kill(SIGTERM)
        #expect(try server.wait().status == 0)
        return answer
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
