import Checkpoints
import FoundationEssentials
import Redis
import Synchronization

/// What workers tell front ends of their bundles, through the store. Workers are taken to have the same.
///
/// The mutex guards what a front end has read.
final class BundleBoard: Sendable {
    private let store: SharedJobStore
    private let engines: EngineAccess
    private let isFront: Bool
    private let known = Mutex<[BundleCapabilities]>([])

    private static let interval = Duration.seconds(5)
    /// From the last time that a worker told.
    private static let lifetime = Duration.seconds(60)

    init(_ store: SharedJobStore, engines: EngineAccess, isFront: Bool) {
        self.store = store
        self.engines = engines
        self.isFront = isFront
    }

    var bundles: [BundleCapabilities] { known.withLock { $0 } }

    /// Tells or reads, again and again, until its task is cancelled.
    func run(sleep: @Sendable (Duration) async throws -> Void) async {
        var isDone = false
        repeat {
            isDone = await isFront ? read() : tell()
        } while (try? await sleep(isDone ? Self.interval : store.limits.progressInterval)) != nil
    }

    /// - Returns: whether there was something to tell, and it was.
    private func tell() async -> Bool {
        guard case .serving(let library) = engines.phase else { return false }
        let bundles = JSON.bytes(library.statuses.map { BundleCapabilities($0) })
        do throws(RedisError) {
            _ = try await store.link.send(
                RedisCommand(
                    ["SET", key], bytes: [bundles, Array("PX".utf8), Array(String(Self.lifetime.wholeMilliseconds).utf8)]))
            return true
        } catch {
            return false
        }
    }

    /// - Returns: whether a worker has told something.
    private func read() async -> Bool {
        // What was read last stays while the store is away, or every worker restarts.
        guard let bytes = try? await store.link.send(RedisCommand("GET", key)).bytes,
            let bundles = try? JSONDecoder().decode([BundleCapabilities].self, from: Data(bytes))
        else { return false }
        known.withLock { $0 = bundles }
        return true
    }

    private var key: String { store.limits.prefix + "bundles" }
}
