import Bundles
import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

/// `restored weights fetch`, killed.
@Suite("Fetches that are killed")
struct WeightsFetchKillTests {
    /// When to kill whom, in bytes that were sent. The mutex guards it.
    private final class Moments: Sendable {
        private let state: Mutex<(victim: pid_t?, rest: [Int])>

        init(_ moments: [Int]) { state = Mutex((nil, moments)) }

        var isEmpty: Bool { state.withLock { $0.rest.isEmpty } }

        func aim(at victim: pid_t) { state.withLock { $0.victim = victim } }

        func reach(_ bytes: Int) {
            let victim = state.withLock { state -> pid_t? in
                guard let moment = state.rest.first, bytes >= moment, let victim = state.victim else { return nil }
                state.rest.removeFirst()
                state.victim = nil
                return victim
            }
            if let victim { kill(victim, SIGKILL) }
        }
    }

    @Test("kill -9 at ten random moments, and the next fetch goes on; in the end all is right")
    func kills() throws {
        let place = try WeightsPlace(catalogue: ToyBundle.catalogue())
        defer { place.remove() }
        let files = try ToyBundle.files()
        let all = files.values.reduce(0) { $0 + $1.count }
        // Seven in bytes of all there are, with more to come; three more when all has come, by what is on the disk.
        var random = SeededGenerator(seed: 5)
        let moments = Moments((0..<7).map { _ in Int.random(in: 1..<all - (1 << 20), using: &random) }.sorted())
        let server = try Self.server(files, parts: place.weights + "/.toy.part/original/", moments)
        let arguments = ["weights", "fetch", "toy", "--catalogue", place.catalogue, "--mirror", server.url, "--no-check"]
        var killed = 0
        func run(_ watch: (RunningProgram) -> Void) throws -> Bool {
            let run = try RunningProgram(arguments, environment: place.environment)
            watch(run)
            let ending = try run.wait()
            if ending.status == nil { killed += 1 } else { #expect(ending.status == 0, "\(ending.error)") }
            return ending.status == 0
        }
        while !moments.isEmpty {
            let isWhole = try run { moments.aim(at: $0.process) }
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
            #expect(try Data(contentsOf: URL(fileURLWithPath: place.weights + "/toy/" + name)) == Data(contentsOf: ToyBundle.folder.appendingPathComponent(name)))
        }
        // What had come was gone on with.
        #expect(server.requests.count { ($0.firstByte ?? 0) > 0 } >= 4)
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.weights) == ["toy"])
    }

    private static func size(of path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    /// Sends no faster than the client writes, and kills it on the way.
    ///
    /// - Parameter parts: the folder that the client writes to.
    private static func server(
        _ files: [String: [UInt8]], parts: String, _ moments: Moments
    ) throws -> LoopbackServer {
        try LoopbackServer { request, reply in
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
                moments.reach(before + rest.startIndex)
                // The network holds megabytes that nobody has taken: they are no progress.
                let wanted = rest.startIndex - 2 * piece.count
                while wanted > 0, Self.size(of: parts + request.path + ".part") < wanted, reply.isTaken { usleep(500) }
            }
        }
    }
}
