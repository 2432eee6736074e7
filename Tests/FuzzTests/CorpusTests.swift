import Foundation
import FuzzChecks
import TestSupport
import Testing

/// What fuzzing has found interesting, checked again without a fuzzer: findings that were mended stay mended.
@Suite("Fuzzing corpora") struct CorpusTests {
    @Test("every input of a committed corpus keeps the promises of its entry", arguments: FuzzEntry.allCases)
    func promises(entry: FuzzEntry) throws {
        let folder = Repository.root.appending(path: "Tests/Fuzz/Corpora/\(entry.rawValue)")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(!files.isEmpty)
        for file in files {
            let bytes = try [UInt8](Data(contentsOf: file))
            #expect(throws: Never.self, "\(entry.rawValue)/\(file.lastPathComponent)") { try entry.check(bytes) }
        }
    }

    @Test("what servers tell a fetch may have any faults")
    func answers() throws {
        let folder = Repository.root.appending(path: "Tests/Fuzz/Corpora/answer")
        var random = SeededGenerator(seed: 1)
        for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
            let bytes = try [UInt8](Data(contentsOf: file))
            for _ in 0..<200 {
                let changed = random.mutate(bytes)
                #expect(throws: Never.self, "\(changed)") { try FuzzEntry.answer.check(changed) }
            }
        }
    }
}
