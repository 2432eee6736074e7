import Bundles
import Foundation
import Synchronization
import TestSupport
import Testing
import Threads

/// Where fetched bundles go, and what is there while they come.
@Suite("Places of fetched bundles")
struct FetchPlaceTests {
    private let bytes = FetchBench.bytes()

    @Test("two at once fetch once")
    func twoAtOnce() async throws {
        let hasBegun = DispatchSemaphore(value: 0), isAwaited = DispatchSemaphore(value: 0)
        let bench = try FetchBench { [bytes] request, reply in
            reply.head(200, ["Content-Length: \(bytes.count)"])
            reply.send(bytes.prefix(50_000))
            hasBegun.signal()
            // Until the other stands before the lock.
            isAwaited.wait()
            reply.send(bytes.suffix(from: 50_000))
        }
        async let first = WorkerThread.run(name: "first") { try bench.fetch(FetchBench.entry()) }
        async let second = WorkerThread.run(name: "second") {
            hasBegun.wait()
            return try bench.fetch(FetchBench.entry(), progress: { if $0 == .waiting { isAwaited.signal() } })
        }
        let (one, two) = (try await first, try await second)
        #expect(!one.wasThere && two.wasThere && one.files == two.files)
        #expect(bench.server.requests.count == 1 && bench.fetched == bytes && bench.leftovers.isEmpty)
    }

    @Test("a new version takes the old one's place; a damaged one is fetched anew")
    func replacing() throws {
        let other = FetchBench.bytes(seed: 2)
        let bench = try FetchBench { [bytes] in $1.file($0.number == 1 ? other : bytes, to: $0, tag: "\"\($0.number)\"") }
        try bench.fetch(FetchBench.entry(version: "1", sha256: FetchBench.digest(bytes)))
        let new = try FetchBench.entry(version: "2", sha256: FetchBench.digest(other))
        #expect(try !bench.fetch(new).wasThere)
        #expect(bench.fetched == other && bench.leftovers.isEmpty)
        try Data("damaged".utf8).write(to: URL(fileURLWithPath: bench.place + "/data.txt"))
        let old = try FetchBench.entry(version: "1", sha256: FetchBench.digest(bytes))
        #expect(try !bench.fetch(old).wasThere)
        #expect(bench.fetched == bytes && bench.leftovers.isEmpty)
    }

    @Test("what a fetch leaves that ends as it puts the bundle in place goes with the next one")
    func leftovers() throws {
        let bench = try FetchBench { [bytes] in $1.file(bytes, to: $0) }
        try bench.fetch(FetchBench.entry())
        let old = bench.folder.path + "/.toy.part"
        try FileManager.default.copyItem(atPath: bench.place, toPath: old)
        #expect(!bench.leftovers.isEmpty)
        #expect(try bench.fetch(FetchBench.entry()).wasThere)
        #expect(bench.leftovers.isEmpty && bench.fetched == bytes && bench.server.requests.count == 1)
    }

    @Test("a bundle of one's own under the same name is left alone")
    func foreign() throws {
        let bench = try FetchBench { [bytes] in $1.file(bytes, to: $0) }
        try FileManager.default.createDirectory(atPath: bench.place, withIntermediateDirectories: true)
        try Data("{}".utf8).write(to: URL(fileURLWithPath: bench.place + "/bundle.json"))
        guard case .contradiction = try bench.failure(FetchBench.entry()) else {
            Issue.record("it was touched")
            return
        }
        #expect(bench.server.requests.isEmpty)
    }

    @Test("what was published is kept where that is asked for, as a bundle, as long as the version is there")
    func originals() throws {
        let bench = try FetchBench { [bytes] in $1.file(bytes, to: $0) }
        try bench.fetch(FetchBench.entry()) { $0.keepsOriginals = true }
        #expect(try BundleVerification(bench.place + "/original").isSound)
        #expect(try bench.fetch(FetchBench.entry()).wasThere)
        #expect(try BundleVerification(bench.place + "/original").isSound)
        try bench.fetch(FetchBench.entry(version: "2"))
        #expect(!FileManager.default.fileExists(atPath: bench.place + "/original"))
        #expect(bench.fetched == bytes && bench.leftovers.isEmpty)
    }

    @Test("what a user has put into a bundle's folder stays when another version takes its place", arguments: [false, true])
    func strangers(isCutShort: Bool) throws {
        let bench = try FetchBench { [bytes] in $1.file(bytes, to: $0) }
        try bench.fetch(FetchBench.entry())
        for path in ["photographs/old/one.txt", "notes.txt"] {
            let file = URL(fileURLWithPath: bench.place + "/" + path)
            try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(path.utf8).write(to: file)
        }
        if isCutShort {
            // Killed between the exchange of the folders and what comes after it.
            try FileManager.default.moveItem(atPath: bench.place, toPath: bench.folder.path + "/.toy.part")
            try FileManager.default.createDirectory(atPath: bench.place, withIntermediateDirectories: true)
            for name in ["bundle.json", "data.txt", "fetched.json"] {
                try FileManager.default.copyItem(
                    atPath: bench.folder.path + "/.toy.part/" + name, toPath: bench.place + "/" + name)
            }
            #expect(try bench.fetch(FetchBench.entry()).wasThere)
        } else {
            #expect(try !bench.fetch(FetchBench.entry(version: "2")).wasThere)
        }
        for path in ["photographs/old/one.txt", "notes.txt"] {
            #expect(try String(contentsOfFile: bench.place + "/" + path, encoding: .utf8) == path)
        }
        #expect(bench.fetched == bytes && bench.leftovers.isEmpty)
    }

    @Test("removing takes the bundle and what a fetch has left, and says where there was nothing")
    func removing() throws {
        let bench = try FetchBench { [bytes] request, reply in reply.file(bytes, to: request, cut: request.number == 0 ? 500 : nil) }
        func remove() throws -> Bool {
            try BundleRemoval(of: "toy", from: bench.weights).run(isCancelled: { false }, onWait: {})
        }
        #expect(try !remove())
        _ = try bench.failure(FetchBench.entry()) { $0.network.retries = 0 }
        #expect(bench.partial == 500)
        #expect(try remove())
        #expect(bench.leftovers.isEmpty)
        try bench.fetch(FetchBench.entry())
        #expect(try remove())
        #expect(bench.leftovers.isEmpty && bench.fetched == nil)
        for name in ["..", "a/b", "", ".toy.part"] {
            #expect(throws: FetchError.self) {
                try BundleRemoval(of: name, from: bench.weights).run(isCancelled: { false }, onWait: {})
            }
        }
    }

    @Test("a part that says nothing of itself, or nonsense, is begun anew", arguments: [nil, "", "{", "{\"address\": 1}"])
    func strangeParts(origin: String?) throws {
        let bench = try FetchBench { [bytes] in $1.file(bytes, to: $0) }
        let folder = bench.folder.path + "/.toy.part/original"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data("other bytes".utf8).write(to: URL(fileURLWithPath: folder + "/data.txt.part"))
        if let origin { try Data(origin.utf8).write(to: URL(fileURLWithPath: folder + "/data.txt.part.json")) }
        try bench.fetch(FetchBench.entry())
        #expect(bench.fetched == bytes && bench.server.requests.map(\.firstByte) == [nil])
    }

    @Test("a folder that can't be written is an error that names it")
    func unwritable() throws {
        let bench = try FetchBench { [bytes] in $1.file(bytes, to: $0) }
        try Data().write(to: bench.folder)
        guard case .system(let path, _) = try bench.failure(FetchBench.entry()) else {
            Issue.record("no system's error")
            return
        }
        #expect(path.hasPrefix(bench.folder.path))
    }
}
