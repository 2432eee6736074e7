import Foundation
import TestSupport
import Testing

/// `restored weights inspect` on hostile and broken checkpoints.
@Suite("Hostile weights on the command line", .enabled(if: Program.canMeasure, "needs Debian's package time"))
struct HostileWeightsTests {
    /// What memory a run may take beyond that of `--version` and the file itself.
    private static let allowance = 16 << 20

    @Test("end in one line and exit 65, within a bound of memory, and run nothing")
    func hostile() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("restored-hostile-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        let files = try HostileCheckpoints.write(to: folder)
        #expect(files.count >= 30)
        let base = try Program.run("--version")
        #expect(base.status == 0)
        for (file, reason) in files {
            let ending = try Program.run("weights", "inspect", file.path)
            let name = file.lastPathComponent
            #expect(ending.status == 65, "\(name): \(ending.error)")
            #expect(ending.error.hasSuffix("\n") && ending.error.filter { $0 == "\n" }.count == 1, "\(name)")
            #expect(reason.isEmpty || ending.error.contains(reason), "\(name): \(ending.error)")
            let size = try #require(try FileManager.default.attributesOfItem(atPath: file.path)[.size] as? Int)
            #expect(ending.peakBytes <= base.peakBytes + size + Self.allowance, "\(name) took \(ending.peakBytes)")
        }
        #expect(!FileManager.default.fileExists(atPath: HostileCheckpoints.canary), "code ran")
    }
}
