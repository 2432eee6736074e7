import Bundles
import Foundation
import Synchronization
import TestSupport
import Testing

/// A server that does as it should.
@Suite("Fetching")
struct FetchTests {
    private let bytes = FetchBench.bytes()

    @Test("what nobody knew before is recorded, said so, and not fetched twice")
    func firstUse() throws {
        let bench = try FetchBench { [bytes] in $1.file(bytes, to: $0) }
        let first = try bench.fetch(FetchBench.entry())
        #expect(first.files.map(\.digestBy) == [.firstUse] && !first.wasThere)
        #expect(first.files[0].sha256 == FetchBench.digest(bytes) && first.files[0].bytes == bytes.count)
        #expect(bench.fetched == bytes && bench.leftovers.isEmpty)
        #expect(bench.server.requests.map(\.path) == ["/a/data.txt"])
        let second = try bench.fetch(FetchBench.entry())
        #expect(second.wasThere && second.files == first.files)
        #expect(bench.server.requests.count == 1)
        #expect(try BundleVerification(bench.place).isSound)
    }

    @Test("what was recorded is compared with, when it is fetched once more")
    func recorded() throws {
        let other = FetchBench.bytes(seed: 2)
        let bench = try FetchBench { [bytes] in $1.file($0.number == 0 ? bytes : other, to: $0, tag: "\"\($0.number)\"") }
        try bench.fetch(FetchBench.entry())
        let error = try bench.failure(FetchBench.entry(version: "2"))
        #expect(error == .wrongDigest(
            file: "data.txt", expected: FetchBench.digest(bytes), found: FetchBench.digest(other), source: .recorded))
        #expect(bench.fetched == bytes)
    }

    @Test("the catalogue's digest goes before the user's, and that before the hub's")
    func order() throws {
        let right = FetchBench.digest(bytes)
        let bench = try FetchBench { [bytes] in
            $1.file(bytes, to: $0, fields: ["X-Linked-Etag: \"\(FetchBench.digest(bytes))\"", "X-Linked-Size: \(bytes.count)"])
        }
        #expect(try bench.fetch(FetchBench.entry(sha256: right)).files[0].digestBy == .catalogue)
        _ = try BundleRemoval(of: "toy", from: bench.weights).run(isCancelled: { false }, onWait: {})
        #expect(try bench.fetch(FetchBench.entry()) { $0.digests["data.txt"] = right }.files[0].digestBy == .given)
        _ = try BundleRemoval(of: "toy", from: bench.weights).run(isCancelled: { false }, onWait: {})
        #expect(try bench.fetch(FetchBench.entry()).files[0].digestBy == .hub)
        _ = try BundleRemoval(of: "toy", from: bench.weights).run(isCancelled: { false }, onWait: {})
        let other = FetchBench.digest([])
        let contradiction = try bench.failure(FetchBench.entry(sha256: right)) { $0.digests["data.txt"] = other }
        #expect(contradiction?.description.contains("--sha256") == true)
    }

    @Test("a hub that leads to another server is asked first, and its word on the file counts")
    func hub() throws {
        let right = FetchBench.digest(bytes)
        let bench = try FetchBench { [bytes] request, reply in
            guard request.path == "/a/data.txt" else { return reply.file(bytes, to: request) }
            reply.text(302, "elsewhere", [
                "Location: /storage/x?signed=1", "X-Linked-Etag: \"\(right)\"", "X-Linked-Size: \(bytes.count)",
            ])
        }
        let files = try bench.fetch(FetchBench.entry()).files
        #expect(files[0].digestBy == .hub && files[0].sha256 == right)
        #expect(bench.server.requests.map(\.path) == ["/a/data.txt", "/storage/x?signed=1"])
        #expect(bench.fetched == bytes)
    }

    @Test("a hub that has another file than the catalogue says is found out before any of it comes")
    func otherFileAtHub() throws {
        let (right, wrong) = (FetchBench.digest(bytes), FetchBench.digest([]))
        let bench = try FetchBench { request, reply in
            reply.text(302, "", ["Location: /storage", "X-Linked-Etag: \"\(wrong)\""])
        }
        let error = try bench.failure(FetchBench.entry(sha256: right))
        #expect(error == .wrongDigest(file: "data.txt", expected: right, found: wrong, source: .catalogue))
        #expect(bench.server.requests.count == 1)
    }

    @Test("a file of no bytes is one")
    func empty() throws {
        let bench = try FetchBench { $1.file([], to: $0) }
        #expect(try bench.fetch(FetchBench.entry()).files[0].bytes == 0)
    }

    @Test("progress tells what is there, of how much")
    func progress() throws {
        let bench = try FetchBench { [bytes] in $1.file(bytes, to: $0) }
        var seen: [FetchProgress] = []
        try bench.fetch(FetchBench.entry(), progress: { seen.append($0) })
        let received = seen.compactMap { if case .receiving(let receiving) = $0 { receiving } else { nil } }
        #expect(received.allSatisfy { $0.total == bytes.count && $0.totalOfAll == bytes.count && $0.file == "data.txt" })
        #expect(received.map(\.received) == received.map(\.received).sorted() && received.last?.received == bytes.count)
        #expect(seen.last == .converting)
    }

    @Test("a token goes to its host over https, and to nobody else")
    func tokens() throws {
        let network = try NetworkOptions(environment: ["HF_TOKEN": "hf_secret"])
        #expect(network.token(for: try WebAddress("https://huggingface.co/a")) == "hf_secret")
        #expect(network.token(for: try WebAddress("https://HuggingFace.co:443/a")) == "hf_secret")
        for other in [
            "http://huggingface.co/a", "https://cdn-lfs.huggingface.co/a", "https://huggingface.co.example/a",
            "https://example/huggingface.co", "https://xhuggingface.co/",
        ] {
            #expect(network.token(for: try WebAddress(other)) == nil, "\(other)")
        }
        let bench = try FetchBench { [bytes] in $1.file(bytes, to: $0) }
        try bench.fetch(FetchBench.entry(url: "https://huggingface.co/a/data.txt")) { $0.network.tokens = network.tokens }
        #expect(bench.server.requests.allSatisfy { $0.fields["authorization"] == nil })
        #expect(throws: FetchError.badToken(variable: "HF_TOKEN")) {
            try NetworkOptions(environment: ["HF_TOKEN": "a\nX-Other: b"])
        }
    }

    @Test("certificates are found as curl finds them", arguments: [
        ([:], nil, nil), (["CURL_CA_BUNDLE": "/a", "SSL_CERT_FILE": "/b", "SSL_CERT_DIR": "/c"], "/a", nil),
        (["SSL_CERT_FILE": "/b", "SSL_CERT_DIR": "/c"], "/b", "/c"), (["CURL_CA_BUNDLE": ""], nil, nil),
    ] as [([String: String], String?, String?)])
    func certificates(environment: [String: String], file: String?, folder: String?) throws {
        let network = try NetworkOptions(environment: environment)
        #expect(network.certificateFile == file && network.certificateFolder == folder)
    }

    @Test("cancelled, it keeps what has come and goes on from there")
    func cancelling() throws {
        let bench = try FetchBench { [bytes] request, reply in
            guard request.firstByte == nil else { return reply.file(bytes, to: request) }
            reply.head(200, ["Content-Length: \(bytes.count)", "ETag: \"one\""])
            reply.send(bytes.prefix(60_000))
            reply.waitForEnd()
        }
        let cancels = Mutex(false)
        #expect(throws: FetchError.cancelled) {
            try bench.fetch(
                FetchBench.entry(),
                progress: {
                    if case .receiving(let receiving) = $0, receiving.received >= 60_000 { cancels.withLock { $0 = true } }
                }, isCancelled: { cancels.withLock { $0 } })
        }
        #expect(bench.partial == 60_000 && bench.fetched == nil)
        try bench.fetch(FetchBench.entry())
        #expect(bench.fetched == bytes && bench.server.requests.last?.firstByte == 60_000)
    }

    @Test("offline nobody is asked: what is here is used, and what isn't is an error")
    func offline() throws {
        let bench = try FetchBench { [bytes] in $1.file(bytes, to: $0) }
        #expect(try bench.failure(FetchBench.entry()) { $0.isOffline = true } == .offline(file: "data.txt"))
        try bench.fetch(FetchBench.entry())
        #expect(try bench.fetch(FetchBench.entry()) { $0.isOffline = true }.wasThere)
        #expect(bench.server.requests.count == 1)
    }

    @Test("what stands in the way is said before anybody is asked")
    func terms() throws {
        let bench = try FetchBench { [bytes] in $1.file(bytes, to: $0) }
        #expect(try bench.failure(FetchBench.entry(accept: true)) == .licence(bundle: "toy", terms: "none"))
        guard case .unsupported = try bench.failure(FetchBench.entry(kind: "other")) else {
            Issue.record("a kind that can't be run")
            return
        }
        guard case .noAddress = try bench.failure(FetchBench.entry(url: nil)) else {
            Issue.record("no address")
            return
        }
        #expect(bench.server.requests.isEmpty)
        try bench.fetch(FetchBench.entry(accept: true, url: nil)) {
            $0.acceptsLicence = true
            $0.addresses["data.txt"] = try? WebAddress("https://files.example/elsewhere")
        }
        #expect(bench.fetched == bytes && bench.server.requests.map(\.path) == ["/elsewhere"])
        // Who has it has accepted: serve --fetch asks for no more.
        #expect(try bench.fetch(FetchBench.entry(accept: true, url: nil)).wasThere)
    }

    @Test("room on the disk is looked at before anything is written")
    func room() throws {
        let bench = try FetchBench { [bytes] in $1.file(bytes, to: $0) }
        let error = try bench.failure(FetchBench.entry(bytes: 1 << 40))
        guard case .noRoom(_, let needed, let free) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(needed > 1 << 40 && free < needed && bench.server.requests.isEmpty)
        // A size that only the server tells.
        let huge = try FetchBench { _, reply in reply.head(200, ["Content-Length: \(1 << 36)"]) }
        guard case .noRoom = try huge.failure(FetchBench.entry(), { $0.network.diskReserve = 1 << 50 }) else {
            Issue.record("no room")
            return
        }
    }

    @Test("a file of the limit is taken, one of a byte more is not")
    func fileLimit() throws {
        let bench = try FetchBench { [bytes] in $1.file(bytes, to: $0) }
        let count = bytes.count
        #expect(
            try bench.failure(FetchBench.entry()) { $0.network.fileLimit = count - 1 }
                == .overLimit(file: "data.txt", bytes: count, limit: count - 1))
        try bench.fetch(FetchBench.entry()) { $0.network.fileLimit = count }
        // Of a server that doesn't say how much will come.
        let endless = try FetchBench { [bytes] _, reply in
            reply.head(200)
            for _ in 0..<100 where reply.send(bytes) {}
        }
        #expect(
            try endless.failure(FetchBench.entry()) { $0.network.fileLimit = 3 * count }
                == .overLimit(file: "data.txt", bytes: 3 * count + 1, limit: 3 * count))
    }

    @Test("the disk's room is looked at while a file comes of which nobody says how large it is")
    func roomMeanwhile() throws {
        let bench = try FetchBench { [bytes] _, reply in
            reply.head(200)
            for _ in 0..<1_000 where reply.send(bytes) {}
        }
        let looks = Mutex(0)
        let error = try bench.failure(FetchBench.entry()) {
            $0.network.freeBytes = { _ in
                looks.withLock { looks in
                    looks += 1
                    return looks < 3 ? 1 << 40 : 1
                }
            }
        }
        guard case .noRoom(_, _, free: 1) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        // What has come is kept; it is less than would have come.
        let partial = try #require(bench.partial)
        #expect(partial >= 8 << 20 && partial < 32 << 20)
    }

    @Test("files at hand are taken in place of fetched ones, once they are right")
    func localFiles() throws {
        let bench = try FetchBench { $1.text(404, "") }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("restored-local-\(UUID())")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(bytes).write(to: file)
        let wrong = FetchBench.digest([])
        guard case .wrongDigest = try bench.failure(FetchBench.entry(sha256: wrong), { $0.localFiles["data.txt"] = file.path })
        else {
            Issue.record("a wrong file was taken")
            return
        }
        try bench.fetch(FetchBench.entry()) { $0.localFiles["data.txt"] = file.path }
        #expect(bench.fetched == bytes && bench.server.requests.isEmpty)
        #expect(FileManager.default.fileExists(atPath: file.path))
    }
}
