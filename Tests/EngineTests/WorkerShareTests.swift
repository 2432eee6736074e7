import Engine
import Images
import TestSupport
import Testing

/// What workers may hold is divided among them.
@Suite("A worker's share of the memory")
struct WorkerShareTests {
    @Test("tiles are planned against a worker's share: two workers have half each, and no more than that is refused")
    func tiles() throws {
        let alone = try ShippedEngine.make(workers: 1, threads: 1, batch: 8, memory: 96 << 20)
        let halved = try ShippedEngine.make(workers: 2, threads: 1, batch: 8, memory: 96 << 20)
        let half = try ShippedEngine.make(workers: 1, threads: 1, batch: 8, memory: 48 << 20)
        var options = RestorationOptions()
        let bytes = try [alone, halved, half].map { try $0.estimate(width: 700, height: 500, options: options).bytes }
        #expect(bytes[1] == bytes[2] && bytes[1] < bytes[0] && bytes[1] <= 48 << 20, "\(bytes)")
        // A tile that was asked for and needs more than the share, though not more than the budget.
        options.tile = 256
        let needed = try alone.estimate(width: 700, height: 500, options: options).bytes
        let scarce = try ShippedEngine.make(workers: 2, threads: 1, batch: 8, memory: needed + needed / 2)
        let error = #expect(throws: RestorationError.self) {
            try scarce.estimate(width: 700, height: 500, options: options)
        }
        guard case .exceedsMemory(_, let limit, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(limit == (needed + needed / 2) / 2)
    }
}
