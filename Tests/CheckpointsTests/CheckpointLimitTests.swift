import Checkpoints
import Foundation
import TestSupport
import Testing

/// Each limit lets through what lies at it, and refuses what lies one past it.
@Suite("Checkpoint limits")
struct CheckpointLimitTests {
    private func isOverLimit(_ body: () throws -> Void) -> Bool {
        do {
            try body()
            return false
        } catch CheckpointError.overLimit {
            return true
        } catch {
            return false
        }
    }

    private func readPickle(_ body: (inout PickleAssembler) -> Void) throws -> PickleDocument {
        try PickleReader.read(CheckpointBytes(PickleAssembler.assemble(body)))
    }

    private func readHeader(_ header: String) throws {
        var file = ByteWriter()
        file.append(UInt64(header.utf8.count))
        _ = try StateDict(CheckpointBytes(file.bytes + Array(header.utf8)))
    }

    @Test("text", arguments: [0, 1])
    func text(past: Int) {
        let text = String(repeating: "a", count: CheckpointLimits.textBytes + past)
        #expect(isOverLimit { _ = try readPickle { $0.text(text) } } == (past == 1))
        #expect(isOverLimit {
            try readHeader("{\"\(text)\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}")
        } == (past == 1))
    }

    @Test("depth of the pickle's stack", arguments: [0, 1])
    func stack(past: Int) {
        // A mark, values, and one tuple of them.
        let body = "(" + String(repeating: "N", count: CheckpointLimits.stackDepth - 1 + past) + "t"
        #expect(isOverLimit { _ = try readPickle { $0.raw(body) } } == (past == 1))
    }

    @Test("kept values", arguments: [0, 1])
    func memo(past: Int) {
        #expect(isOverLimit {
            _ = try readPickle { pickle in
                pickle.raw("N")
                for index in 0..<CheckpointLimits.memoEntries + past {
                    pickle.raw("r")
                    pickle.number(UInt32(index))
                }
            }
        } == (past == 1))
    }

    @Test("dimensions", arguments: [0, 1])
    func rank(past: Int) {
        let shape = [Int](repeating: 1, count: CheckpointLimits.rank + past)
        #expect(isOverLimit {
            _ = try readPickle { $0.tensor(PickledView { $0.shape = shape; $0.strides = shape }) }
        } == (past == 1))
        let sizes = ([0] + shape.dropFirst()).map(String.init).joined(separator: ",")
        #expect(isOverLimit { try readHeader("{\"a\":{\"dtype\":\"U8\",\"shape\":[\(sizes)],\"data_offsets\":[0,0]}}") } == (past == 1))
    }

    @Test("tensors", arguments: [0, 1])
    func tensors(past: Int) {
        let entries = (0..<CheckpointLimits.tensors + past).map {
            "\"\($0)\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}"
        }
        let header = "{\(entries.joined(separator: ","))}"
        #expect(isOverLimit { try readHeader(header) } == (past == 1))
    }

    @Test("bytes of a pickle and of a header, in files that take no room on disk")
    func sparseFiles() throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("restored-sparse-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        func write(_ start: [UInt8], count: Int) throws {
            try Data(start).write(to: file)
            #expect(truncate(file.path, count) == 0)
        }
        for past in [0, 1] {
            try write([0x80, 2, 0x4E, 0x2E], count: CheckpointLimits.pickleBytes + past)
            #expect(isOverLimit { _ = try PickleReader.read(CheckpointBytes(contentsOf: file.path)) } == (past == 1))

            var start = ByteWriter()
            start.append(UInt64(CheckpointLimits.headerBytes + past))
            try write(start.bytes + [0x7B, 0x7D], count: 8 + CheckpointLimits.headerBytes + past)
            #expect(isOverLimit { _ = try StateDict(contentsOf: file.path) } == (past == 1))
        }
    }

    @Test("a real training checkpoint of a large model stays far below")
    func headroom() throws {
        // As many tensors as ViT-L/14 with its controller, wrapped as training saves them.
        let tensors = (0..<1_087).map { index in
            (name: "visual_control.transformer.transformer.resblocks.\(index).attn.in_proj_weight",
             tensor: StoredTensor([Float(index)], shape: [1, 1, 1, 1]))
        }
        let bytes = TorchArchiveWriter.bytes(of: tensors, .init { $0.isWrapped = true; $0.prefix = "module." })
        #expect(try StateDict(CheckpointBytes(bytes)).names.count == 1_087)
    }
}
