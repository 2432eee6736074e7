import Bundles
import Foundation
import TestSupport
import Testing

/// Whose word on a file counts, what is kept of addresses, and what is done with files that are of no use.
@Suite("Fetching: trust")
struct FetchTrustTests {
    private let bytes = FetchBench.bytes()
    private let other = FetchBench.bytes(seed: 2)
    private static let unfit = Array("unfit: no checkpoint".utf8)

    @Test("a file that nobody vouched for and that turned out unfit is fetched anew, and the error says what helps")
    func unfit() throws {
        let bench = try FetchBench { [bytes] in $1.file($0.number == 0 ? Self.unfit : bytes, to: $0, tag: "\"\($0.number)\"") }
        let error = try #require(try bench.failure(FetchBench.entry()))
        guard case .unfit = error else {
            Issue.record("\(error)")
            return
        }
        #expect(error.description.contains("--url") && error.description.contains("fetched anew"), "\(error)")
        #expect(bench.leftovers.isEmpty)
        try bench.fetch(FetchBench.entry())
        #expect(bench.fetched == bytes && bench.server.requests.map(\.firstByte) == [nil, nil])
    }

    @Test("one whose digest is known is the right one, and is not fetched twice")
    func unfitByDigest() throws {
        let bench = try FetchBench { $1.file(Self.unfit, to: $0) }
        let entry = try FetchBench.entry(sha256: FetchBench.digest(Self.unfit))
        for _ in 0..<2 { #expect(bench.failure(entry)?.description.contains("restored weights remove toy") == true) }
        #expect(bench.server.requests.count == 1)
    }

    @Test("what came is used again at the same address, and fetched anew at another")
    func otherAddress() throws {
        let bench = try FetchBench { $1.file(Array("full: of this the disk has no room".utf8), to: $0) }
        for _ in 0..<2 {
            guard case .unfit = try bench.failure(FetchBench.entry()) else {
                Issue.record("it is no disk's fault")
                return
            }
        }
        #expect(bench.server.requests.count == 1)
        _ = try bench.failure(FetchBench.entry()) { $0.addresses["data.txt"] = try? WebAddress("https://files.example/b") }
        #expect(bench.server.requests.map(\.path) == ["/a/data.txt", "/b"])
    }

    @Test("the hub's word goes before what was recorded; where only that speaks, the error says what helps")
    func hubBeforeRecord() throws {
        let bench = try FetchBench { [bytes, other] request, reply in
            let isFirst = request.number == 0
            let digest = FetchBench.digest(other)
            reply.file(
                isFirst ? bytes : other, to: request, tag: "\"\(request.number)\"",
                fields: request.number == 2 ? ["X-Linked-Etag: \"\(digest)\""] : [])
        }
        try bench.fetch(FetchBench.entry())
        let error = try bench.failure(FetchBench.entry(version: "2"))
        #expect(error?.description.contains("--sha256 data.txt=\(FetchBench.digest(other))") == true)
        #expect(try bench.fetch(FetchBench.entry(version: "2")).files.map(\.digestBy) == [.hub])
        #expect(bench.fetched == other)
    }

    @Test("only the catalogue's own server is the hub: at an address that a user names nobody else's word counts")
    func noHub() throws {
        let bench = try FetchBench { [bytes] in
            $1.file(bytes, to: $0, fields: ["X-Linked-Etag: \"\(FetchBench.digest([]))\"", "X-Linked-Size: 3"])
        }
        let own = try WebAddress(bench.server.url + "/own")
        let files = try bench.fetch(FetchBench.entry()) {
            $0.mirror = nil
            $0.addresses["data.txt"] = own
        }.files
        #expect(files.map(\.digestBy) == [.firstUse] && bench.fetched == bytes)
    }

    @Test("over http nothing comes whose digest nobody knows, but from this machine", arguments: [true, false])
    func http(isMirror: Bool) throws {
        let bench = try FetchBench { [bytes] in $1.file(bytes, to: $0) }
        let address = try WebAddress("http://192.0.2.1/data.txt")
        func name(_ options: inout FetchOptions) {
            options.mirror = isMirror ? address : nil
            if !isMirror { options.addresses["data.txt"] = address }
            options.network.retries = 0
            options.network.connectTimeout = 1
        }
        let error = try bench.failure(FetchBench.entry(), name)
        #expect(error?.description.contains("https") == true && error?.description.contains("--sha256") == true, "\(String(describing: error))")
        // With a digest it is asked; nobody answers there.
        guard case .unreachable = try bench.failure(FetchBench.entry(sha256: FetchBench.digest(bytes)), name) else {
            Issue.record("it was not asked")
            return
        }
    }

    @Test("this machine may lead to no other over http either")
    func httpRedirection() throws {
        let bench = try FetchBench { $1.text(302, "", ["Location: http://192.0.2.1/x"]) }
        let error = try bench.failure(FetchBench.entry())
        #expect(error?.description.contains("--sha256") == true, "\(String(describing: error))")
    }

    @Test("secrets in addresses are neither kept nor shown")
    func secrets() throws {
        let bench = try FetchBench { [bytes] request, reply in
            switch request.path {
            case "/a?token=s3cret": reply.text(302, "", ["Location: /signed?signature=s3cret"])
            case "/cut?token=s3cret": reply.file(bytes, to: request, cut: 500)
            case "/signed?signature=s3cret": reply.file(bytes, to: request)
            case "/to-refused?token=s3cret": reply.text(302, "", ["Location: /refused?signature=s3cret"])
            case "/to-odd?token=s3cret": reply.text(302, "", ["Location: http://user:s3cret@files.example/"])
            default: reply.text(403, "")
            }
        }
        func options(_ path: String) -> (inout FetchOptions) -> Void {
            {
                $0.addresses["data.txt"] = try? WebAddress("https://files.example\(path)?token=s3cret")
                $0.network.retries = 0
            }
        }
        for path in ["/refused", "/to-refused", "/to-odd", "/cut"] {
            let error = try bench.failure(FetchBench.entry(), options(path))
            #expect(error?.description.contains("s3cret") == false, "\(path)")
        }
        #expect(bench.partial == 500)
        #expect(try !texts(in: bench.folder).contains { $0.contains("s3cret") })
        try bench.fetch(FetchBench.entry(), options("/a"))
        #expect(try !texts(in: bench.folder).contains { $0.contains("s3cret") })
        for text in ["https://user:s3cret@files.example/", "ftp://files.example/?token=s3cret", "https://x y/?s3cret"] {
            let error = #expect(throws: FetchError.self) { try WebAddress(text) }
            #expect(error?.description.contains("s3cret") == false)
        }
    }

    /// Of all small files below a folder.
    private func texts(in folder: URL) throws -> [String] {
        let paths = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        return paths.compactMap { try? String(contentsOf: folder.appendingPathComponent($0), encoding: .utf8) }
    }

    @Test("what brought nothing leaves nothing", arguments: [404, 500, 301, 302])
    func nothing(status: Int) throws {
        let bench = try FetchBench { request, reply in
            reply.text(status, "", status < 400 ? ["Location: \(status == 301 ? request.path : "file:///etc/passwd")"] : [])
        }
        #expect(try bench.failure(FetchBench.entry()) != nil)
        #expect(bench.leftovers.isEmpty)
    }

    @Test("an address without a scheme is told what it lacks")
    func noScheme() {
        for text in ["127.0.0.1:28510", "files.example:80/a", "files.example/a"] {
            let error = #expect(throws: FetchError.self) { try WebAddress(text) }
            #expect(error?.description.contains("https://" + text) == true, "\(String(describing: error))")
        }
    }
}
