import Checkpoints
import TestSupport
import Testing

/// Random faults in sound files: the readers may accept or refuse the outcome, but never crash, and what they accept
/// can be read.
@Suite("Checkpoint readers under random faults")
struct CheckpointFuzzTests {
    /// Reads, and looks at every number if that went well.
    private func exercise(_ bytes: [UInt8]) {
        guard let dictionary = try? StateDict(CheckpointBytes(bytes)) else { return }
        for name in dictionary.names {
            guard let tensor = dictionary[name] else { continue }
            #expect(tensor.floats().count == tensor.shape.reduce(1, *))
        }
    }

    @Test("safetensors", arguments: 1...4)
    func safetensors(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let sound = try SafetensorsWriter.bytes(
            of: ["a": StoredTensor([1, 2, 3, 4, 5, 6], shape: [2, 3]), "empty": StoredTensor([], shape: [0, 7]),
                 "\u{E9}t\u{E9}\n": StoredTensor(scalarType: .bfloat16, shape: [3], littleEndian: [0, 1, 2, 3, 4, 5])],
            metadata: ["picture": "a.png"])
        for _ in 0..<2_500 { exercise(generator.mutate(sound)) }
    }

    @Test("zip archives", arguments: 1...4)
    func archives(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let tensors = [("a", StoredTensor([1, 2, 3], shape: [3])), ("b", StoredTensor([4, 5], shape: [2, 1]))]
        for isTorchLike in [true, false] {
            let sound = TorchArchiveWriter.bytes(of: tensors, .init { $0.isTorchLike = isTorchLike })
            for _ in 0..<1_000 { exercise(generator.mutate(sound)) }
        }
    }

    @Test("pickles in sound archives", arguments: 1...4)
    func pickles(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let sound = PickleAssembler.assemble {
            $0.stateDictionary([("a", PickledView()), ("b", PickledView { $0.shape = [6]; $0.strides = [1] })])
        }
        for _ in 0..<2_000 {
            let pickle = generator.mutate(sound)
            exercise(TorchArchiveWriter.archive(pickle).bytes())
        }
    }

    @Test("pickles made of random operations", arguments: 1...4)
    func randomOperations(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let operations: [[UInt8]] = [
            "(", "}", "]", ")", "t", "N", "R", "b", "a", "e", "s", "u", "Q", "q\u{0}", "h\u{0}", "q\u{1}", "h\u{1}", "K\u{2}",
            "X\u{1}\u{0}\u{0}\u{0}a", "ccollections\nOrderedDict\n", "ctorch\nFloatStorage\n", "ctorch._utils\n_rebuild_tensor_v2\n",
        ].map { Array($0.utf8) } + [[0x85], [0x86], [0x87], [0x88], [0x89], [0x8A, 1, 0xFF]]
        var accepted = 0
        for _ in 0..<5_000 {
            var pickle: [UInt8] = [0x80, 2]
            for _ in 0..<Int.random(in: 1...40, using: &generator) { pickle += operations.randomElement(using: &generator) ?? [] }
            if (try? PickleReader.read(CheckpointBytes(pickle + [0x2E]))) != nil { accepted += 1 }
        }
        // Otherwise the test looks at nothing but first faults.
        #expect(accepted > 0)
    }
}
