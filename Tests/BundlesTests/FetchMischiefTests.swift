import Bundles
import Foundation
import Synchronization
import TestSupport
import Testing

/// Servers that misbehave: each fetch ends in a good file, or in a clear error with what was good before still there.
@Suite("Fetching from servers that misbehave")
struct FetchMischiefTests {
    private let bytes = FetchBench.bytes()
    private let other = FetchBench.bytes(seed: 2)

    /// A fetch that must fail although a good bundle is there, which must stay.
    private func failure(
        _ entry: CatalogueEntry? = nil, _ change: (inout FetchOptions) -> Void = { _ in },
        _ behaviour: @escaping LoopbackServer.Behaviour
    ) throws -> (FetchError?, FetchBench) {
        let bench = try FetchBench { [bytes] request, reply in
            if request.path == "/good" { reply.file(bytes, to: request) } else { behaviour(request, reply) }
        }
        try bench.fetch(FetchBench.entry(version: "0")) { $0.addresses["data.txt"] = try? WebAddress("https://files.example/good") }
        let error = try bench.failure(entry ?? FetchBench.entry(version: "1"), change)
        #expect(bench.fetched == bytes, "what was good before is gone")
        #expect(try BundleVerification(bench.place).isSound)
        return (error, bench)
    }

    @Test("one that ignores Range gives the file from its beginning")
    func ignoresRange() throws {
        let bench = try FetchBench { [bytes] request, reply in
            reply.head(200, ["Content-Length: \(bytes.count)", "ETag: \"one\""])
            reply.send(bytes.prefix(request.number == 0 ? 70_000 : bytes.count))
        }
        let file = try bench.fetch(FetchBench.entry()).files[0]
        #expect(bench.fetched == bytes && file.sha256 == FetchBench.digest(bytes))
        #expect(bench.server.requests.map(\.firstByte) == [nil, 70_000])
        #expect(bench.server.requests[1].fields["if-range"] == "\"one\"")
    }

    @Test("one that refuses Range is asked for the whole file")
    func refusesRange() throws {
        let bench = try FetchBench { [bytes] request, reply in
            guard request.firstByte == nil else { return reply.text(416, "no", ["Content-Range: bytes */5"]) }
            reply.file(bytes, to: request, cut: request.number == 0 ? 70_000 : nil)
        }
        try bench.fetch(FetchBench.entry())
        #expect(bench.fetched == bytes && bench.server.requests.map(\.firstByte) == [nil, 70_000, nil])
    }

    @Test("a part that is the whole file is complete, as the refusal says")
    func wholeAlready() throws {
        let bench = try FetchBench { [bytes] request, reply in
            guard request.firstByte == nil else { return reply.file(bytes, to: request) }
            // Says one byte more than there is.
            reply.head(200, ["Content-Length: \(bytes.count + 1)", "ETag: \"one\""])
            reply.send(bytes)
        }
        try bench.fetch(FetchBench.entry())
        #expect(bench.fetched == bytes && bench.server.requests.map(\.firstByte) == [nil, bytes.count])
    }

    @Test("one that truncates every answer is given up in the end")
    func truncates() throws {
        let (error, bench) = try failure { [other] _, reply in
            reply.head(200, ["Content-Length: \(other.count)"])
            reply.send(other.prefix(500))
        }
        guard case .unreachable(_, let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(!reason.isEmpty && bench.server.requests.count == 1 + 1 + NetworkOptions().retries)
    }

    @Test("one that says less than the catalogue is refused at once, one that says nothing at the end")
    func shorter() throws {
        for says in [true, false] {
            let count = bytes.count
            let (error, _) = try failure(try FetchBench.entry(version: "1", bytes: count)) { [other] _, reply in
                reply.head(200, says ? ["Content-Length: 500"] : [])
                reply.send(other.prefix(500))
            }
            if says {
                #expect(error == .wrongSize(file: "data.txt", expected: count, found: 500))
            } else if case .unreachable(_, let reason) = error {
                #expect(reason.contains("500 of \(count)"))
            } else {
                Issue.record("\(String(describing: error))")
            }
        }
    }

    @Test("one that drips has stalled")
    func drips() throws {
        let (error, _) = try failure(nil, {
            $0.network.stallSeconds = 1
            $0.network.retries = 0
        }) { [other] _, reply in
            reply.head(200, ["Content-Length: \(other.count)"])
            for byte in other where reply.send([byte]) { usleep(20_000) }
        }
        guard case .unreachable(_, let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains("too slow"))
    }

    @Test("a wrong file is told by its digest, and nothing of it stays")
    func wrongDigest() throws {
        let right = FetchBench.digest(bytes)
        let (error, bench) = try failure(
            try FetchBench.entry(version: "1", sha256: right), { _ in }) { [other] in $1.file(other, to: $0, tag: "\"two\"") }
        #expect(error == .wrongDigest(
            file: "data.txt", expected: right, found: FetchBench.digest(other), source: .catalogue))
        #expect(bench.leftovers.isEmpty)
    }

    @Test("redirections are followed ten times and no further", arguments: [10, 11])
    func redirections(count: Int) throws {
        let bench = try FetchBench { [bytes] request, reply in
            if request.number < count { reply.text(302, "", ["Location: /\(request.number)"]) } else { reply.file(bytes, to: request) }
        }
        guard count > 10 else {
            try bench.fetch(FetchBench.entry())
            return
        }
        let error = try bench.failure(FetchBench.entry())
        guard case .tooManyRedirections(_, limit: 10) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("a redirection in a circle ends, and so do those to nowhere", arguments: [
        "/a/data.txt", "ftp://127.0.0.1/x", "file:///etc/passwd", "http://user:word@127.0.0.1/", "http://", "//", "\u{7F}",
    ])
    func circles(location: String) throws {
        let (error, _) = try failure { _, reply in reply.text(301, "", ["Location: \(location)"]) }
        switch error {
        case .tooManyRedirections, .badAddress: break
        default: Issue.record("\(location): \(String(describing: error))")
        }
    }

    @Test("one that drops the connection at every tenth is gone on with")
    func dropsAtEveryTenth() throws {
        let bench = try FetchBench { [bytes] in $1.file(bytes, to: $0, cut: bytes.count / 10) }
        try bench.fetch(FetchBench.entry())
        #expect(bench.fetched == bytes)
        #expect(bench.server.requests.map { $0.firstByte ?? 0 } == (0..<10).map { $0 * bytes.count / 10 })
    }

    @Test("a file that changes between two parts is fetched anew, however the server says so", arguments: [
        "whole", "part with its tag", "part without tag", "part with the old tag",
    ])
    func changes(form: String) throws {
        let right = FetchBench.digest(other)
        let bench = try FetchBench { [bytes, other] request, reply in
            guard request.number > 0 else { return reply.file(bytes, to: request, tag: "\"one\"", cut: 70_000) }
            // A right server sees by If-Range that what the client has is of another version.
            guard let first = request.firstByte, form != "whole" else { return reply.file(other, to: request, tag: "\"two\"") }
            let tags = ["part with its tag": "ETag: \"two\"", "part with the old tag": "ETag: \"one\""]
            reply.head(206, [
                "Content-Range: bytes \(first)-\(other.count - 1)/\(other.count)", "Content-Length: \(other.count - first)",
            ] + (tags[form].map { [$0] } ?? []))
            reply.send(other[first...])
        }
        // Where the server is no help, the digest is.
        try bench.fetch(FetchBench.entry(sha256: right))
        #expect(bench.fetched == other)
    }

    @Test("a part that begins elsewhere than was asked for, or of another size, is no part", arguments: [
        "bytes 0-99999/100000", "bytes 70001-99999/100000", "bytes 70000-99999/100001", "bytes 70000-69999/100000",
        "bytes 70000-99999", "lines 70000-99999/100000", "", "bytes 70000-99999/70000", "bytes -5-9/100000",
    ])
    func wrongRanges(range: String) throws {
        let bench = try FetchBench { [bytes] request, reply in
            switch request.number {
            case 0: reply.file(bytes, to: request, cut: 70_000)
            case 1:
                reply.head(206, ["Content-Range: \(range)", "Content-Length: 30000"])
                reply.send(bytes.suffix(30_000))
            default: reply.file(bytes, to: request)
            }
        }
        try bench.fetch(FetchBench.entry())
        #expect(bench.fetched == bytes && bench.server.requests.map(\.firstByte) == [nil, 70_000, nil])
    }

    @Test("one that is busy is waited for as long as it asks, and is not where that is too long")
    func tooManyRequests() throws {
        let bench = try FetchBench { [bytes] request, reply in
            guard request.number >= 2 else { return reply.text(429, "later", ["Retry-After: 7"]) }
            reply.file(bytes, to: request)
        }
        try bench.fetch(FetchBench.entry())
        #expect(bench.fetched == bytes && bench.server.requests.count == 3)
        #expect(bench.paused >= .seconds(14) && bench.paused < .seconds(30))
        let (error, long) = try failure { _, reply in reply.text(503, "later", ["Retry-After: 301"]) }
        #expect(error?.description.contains("301 s") == true && long.server.requests.count == 2)
    }

    @Test("delays double up to a bound, and are spread")
    func delays() throws {
        let (error, bench) = try failure { _, reply in reply.text(500, "") }
        guard case .unreachable(_, "answered 500") = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        // 1, 2, 4, 8 and 16 seconds, in the middle of what they are spread over.
        #expect(bench.paused == .seconds(31))
    }

    @Test("one that refuses is asked once", arguments: [400, 401, 403, 404, 410, 451])
    func refuses(status: Int) throws {
        let (error, bench) = try failure { _, reply in reply.text(status, "no") }
        guard case .refused(_, status) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(bench.server.requests.count == 2)
        #expect(error?.description.contains("HF_TOKEN") == (status == 401 || status == 403))
    }

    @Test("one that isn't there, or speaks no HTTP, is given up in the end", arguments: ["gone", "silent", "nonsense"])
    func noServer(form: String) throws {
        let (error, _) = try failure(nil, {
            if form == "gone" { $0.mirror = try? WebAddress("http://127.0.0.1:1") }
        }) { _, reply in
            if form == "nonsense" { reply.send(Array("SSH-2.0-x\r\n\r\n".utf8)) }
        }
        guard case .unreachable = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("heads of strangers don't get far", arguments: [
        "Content-Length: 18446744073709551616", "ETag: \"\u{1}\"", "X-Linked-Size: -1", "X-Linked-Etag: \"../x\"", "Long: ",
    ])
    func strangeHeads(field: String) throws {
        let bench = try FetchBench { [bytes] _, reply in
            reply.head(200, [field + (field == "Long: " ? String(repeating: "y", count: 60_000) : "")])
            reply.send(bytes)
        }
        // One way or the other, but never with other bytes than were sent.
        let entry = try FetchBench.entry()
        do throws(FetchError) {
            try bench.fetch(entry)
            #expect(bench.fetched == bytes)
        } catch {
            #expect(!error.description.contains("\n") && bench.fetched == nil)
        }
    }
}
