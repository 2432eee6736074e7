import Checkpoints
import Foundation
import Testing

/// What a mapped checkpoint holds of this process's memory.
@Suite("Memory of weights")
struct WeightMemoryTests {
    private static let count = 1 << 19

    /// Runs with a checkpoint of two tensors of 2 MiB.
    private func withCheckpoint(_ body: (_ path: String) throws -> Void) throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("restored-\(UUID()).safetensors")
        defer { try? FileManager.default.removeItem(at: file) }
        let values = (0..<Self.count).map { Float($0) }
        try SafetensorsWriter.write(
            ["first": StoredTensor(values, shape: [Self.count]), "second": StoredTensor(values, shape: [Self.count])],
            to: file.path)
        try body(file.path)
    }

    /// KiB of a mapped file that this process holds; -1 where it is not mapped.
    private func resident(_ path: String) throws -> Int {
        let smaps = try #require(fopen("/proc/self/smaps", "r"))
        defer { fclose(smaps) }
        var isOwn = false, sum = -1
        var buffer: UnsafeMutablePointer<CChar>?, capacity = 0
        defer { free(buffer) }
        while getline(&buffer, &capacity, smaps) > 0, let buffer {
            let line = String(cString: buffer).dropLast()
            let words = line.split(separator: " ")
            if words[0].contains("-") {
                isOwn = line.hasSuffix(" " + path)
            } else if isOwn, words[0] == "Rss:", let size = Int(words[1]) {
                sum = max(0, sum) + size
            }
        }
        return sum
    }

    @Test("what a network has taken leaves memory at once, and comes back where it is looked at again")
    func taken() throws {
        try withCheckpoint { path in
            let dictionary = try StateDict(contentsOf: path)
            _ = try #require(dictionary["second"]).floats()
            let whole = 4 * Self.count / 1024
            #expect(try resident(path) > whole - 16)
            let reader = ParameterReader(dictionary)
            let first = try reader.take("first", [Self.count])
            #expect(try resident(path) < whole + 64)
            _ = try reader.take("second", [Self.count])
            #expect(try resident(path) < 64)
            #expect(try reader.take("first", [Self.count]) == first && first.last == Float(Self.count - 1))
        }
    }

    @Test("a file that nothing needs any more is mapped no longer")
    func unmapped() throws {
        try withCheckpoint { path in
            do {
                let dictionary = try StateDict(contentsOf: path)
                #expect(try resident(path) >= 0)
                _ = try ParameterReader(dictionary).take("first", [Self.count])
            }
            #expect(try resident(path) == -1)
        }
    }
}
