import Checkpoints
import Foundation
import TestSupport
import Testing

/// Sound files of each form and type come out as they went in.
@Suite("State dictionaries")
struct StateDictTests {
    static let sample: [(name: String, tensor: StoredTensor)] = [
        ("conv.weight", StoredTensor((0..<24).map { Float($0) / 8 }, shape: [2, 3, 2, 2])),
        ("conv.bias", StoredTensor([-1.5, 2.5], shape: [2])),
        ("logit_scale", StoredTensor([4.6], shape: [])),
        ("empty", StoredTensor([], shape: [0, 5])),
        ("ids", StoredTensor(scalarType: .int64, shape: [2], littleEndian: [
            7, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255])),
    ]

    private func expectSample(_ dictionary: StateDict) throws {
        #expect(dictionary.names == Self.sample.map(\.name).sorted())
        for (name, original) in Self.sample {
            let tensor = try #require(dictionary[name])
            #expect(tensor.scalarType == original.scalarType)
            #expect(tensor.shape == original.shape)
            #expect(tensor.floats() == original.floats())
        }
    }

    @Test("an archive may be bare, wrapped, prefixed, of parameters, or plain zip")
    func packings() throws {
        for isWrapped in [false, true] {
            for prefix in ["", "module."] {
                for areParameters in [false, true] {
                    for isTorchLike in [true, false] {
                        let bytes = TorchArchiveWriter.bytes(of: Self.sample, .init {
                            $0.isWrapped = isWrapped
                            $0.prefix = prefix
                            $0.areParameters = areParameters
                            $0.isTorchLike = isTorchLike
                        })
                        try expectSample(StateDict(CheckpointBytes(bytes)))
                    }
                }
            }
        }
    }

    @Test("a prefix that stands there twice is removed twice, or a file written from this would be read differently")
    func repeatedPrefix() throws {
        let bytes = TorchArchiveWriter.bytes(of: Self.sample, .init { $0.prefix = "module.module." })
        try expectSample(StateDict(CheckpointBytes(bytes)))
    }

    @Test("names that differ in their prefixes alone are refused, in whatever order they are found", arguments: 0..<20)
    func meetingNames(_: Int) throws {
        let tensors = Dictionary(uniqueKeysWithValues: ["module.module.a", "module.a"].map {
            ($0, StoredTensor([1, 2], shape: [2]))
        })
        let bytes = try SafetensorsWriter.bytes(of: tensors)
        #expect(throws: CheckpointError.self) { try StateDict(CheckpointBytes(bytes)) }
    }

    @Test("aliases in an archive share their storage and stay two names")
    func aliases() throws {
        let shared = StoredTensor([1, 2, 3], shape: [3])
        let bytes = TorchArchiveWriter.bytes(of: [("visual.a", shared), ("clip.visual.a", shared)])
        let dictionary = try StateDict(CheckpointBytes(bytes))
        let first = try #require(dictionary["visual.a"]), second = try #require(dictionary["clip.visual.a"])
        #expect(first.sharesStorage(with: second))
        #expect(first.floats() == [1, 2, 3])
    }

    @Test("a view may begin inside its storage, and the strides of single elements don't count")
    func views() throws {
        let pickle = PickleAssembler.assemble {
            $0.stateDictionary([
                ("tail", PickledView { $0.offset = 4; $0.shape = [2]; $0.strides = [1] }),
                ("row", PickledView { $0.offset = 3; $0.shape = [1, 3, 1]; $0.strides = [99, 1, 77] }),
                ("none", PickledView { $0.offset = 6; $0.shape = [4, 0]; $0.strides = [5, 5] }),
            ])
        }
        let dictionary = try StateDict(CheckpointBytes(TorchArchiveWriter.archive(pickle).bytes()))
        #expect(dictionary["tail"]?.floats() == [5, 6])
        #expect(dictionary["row"]?.floats() == [4, 5, 6])
        #expect(dictionary["none"]?.floats() == [])
    }

    @Test("an archive may end in a comment")
    func comment() throws {
        var writer = TorchArchiveWriter.archive(PickleAssembler.assemble { $0.stateDictionary([("a", PickledView())]) })
        writer.comment = Array("made by hand".utf8)
        #expect(try StateDict(CheckpointBytes(writer.bytes())).names == ["a"])
    }

    @Test("what the writer writes is read back, from memory and from a file, with its metadata")
    func writes() throws {
        let tensors = Dictionary(uniqueKeysWithValues: Self.sample.map { ($0.name, $0.tensor) })
        let metadata = ["picture": "a \"quoted\" name\n\u{1}", "crop": "1,2"]
        let bytes = try SafetensorsWriter.bytes(of: tensors, metadata: metadata)
        let dictionary = try StateDict(CheckpointBytes(bytes))
        try expectSample(dictionary)
        #expect(dictionary.metadata == metadata)

        let file = FileManager.default.temporaryDirectory.appendingPathComponent("restored-\(UUID().uuidString).safetensors")
        defer { try? FileManager.default.removeItem(at: file) }
        try SafetensorsWriter.write(tensors, metadata: metadata, to: file.path)
        #expect(try Data(contentsOf: file) == Data(bytes))
        try expectSample(StateDict(contentsOf: file.path))
        #expect(!FileManager.default.fileExists(atPath: file.path + ".part"))
        #expect(throws: CheckpointError.unwritable("No such file or directory")) {
            try SafetensorsWriter.write(tensors, to: "/no/such/folder/file")
        }
    }

    @Test("a tensor of the name that safetensors keeps for itself is read from an archive and never written")
    func reservedName() throws {
        let pickle = PickleAssembler.assemble { $0.stateDictionary([("__metadata__", PickledView())]) }
        let dictionary = try StateDict(CheckpointBytes(TorchArchiveWriter.archive(pickle).bytes()))
        let tensors = ["__metadata__": try #require(dictionary["__metadata__"])]
        let error = CheckpointError.unwritable("a tensor is called __metadata__, a name that safetensors keeps for itself")
        #expect(throws: error) { try SafetensorsWriter.bytes(of: tensors) }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("restored-\(UUID().uuidString)")
        #expect(throws: error) { try SafetensorsWriter.write(tensors, to: file.path) }
        #expect(!FileManager.default.fileExists(atPath: file.path + ".part"))
    }

    @Test("an empty file of tensors is sound")
    func empty() throws {
        #expect(try StateDict(CheckpointBytes(SafetensorsWriter.bytes(of: [:]))).names == [])
    }

    @Test("JSON escapes and blanks in a header are understood")
    func escapes() throws {
        let header = """
            {\t"__metadata__" : { } , "\\u00e9\\uD83D\\uDE00\\/\\n" :\r\n{ "data_offsets" : [ 0 , 1 ] , "shape":[ ] , "dtype":"U8" } }
            """
        var file = ByteWriter()
        file.append(UInt64(header.utf8.count))
        let dictionary = try StateDict(CheckpointBytes(file.bytes + Array(header.utf8) + [9]))
        #expect(dictionary.names == ["\u{E9}\u{1F600}/\n"])
        #expect(dictionary["\u{E9}\u{1F600}/\n"]?.floats() == [9])
    }
}

/// Every type's elements become the floats that they stand for.
@Suite("Stored tensors")
struct StoredTensorTests {
    @Test("all 65,536 halves widen exactly, at even and at odd addresses", arguments: [ScalarType.float16, .bfloat16])
    func halves(type: ScalarType) throws {
        let patterns = (0...UInt16.max).map(\.self)
        let bytes = patterns.withUnsafeBytes { [UInt8]($0) }
        // A one-byte tensor in front moves the halves to an odd address in the second file.
        for size in [8, 7] {
            let header = """
                {"a":{"dtype":"U8","shape":[\(size)],"data_offsets":[0,\(size)]},\
                "h":{"dtype":"\(type.safetensorsName)","shape":[65536],"data_offsets":[\(size),\(size + 131_072)]}}
                """
            var file = ByteWriter()
            file.append(UInt64(header.utf8.count))
            file.bytes += Array(header.utf8) + [UInt8](repeating: 0, count: size) + bytes
            let floats = try #require(try StateDict(CheckpointBytes(file.bytes))["h"]).floats()
            var mistakes = 0
            for (pattern, float) in zip(patterns, floats) {
                let expected = type == .float16 ? Float(Float16(bitPattern: pattern)) : Float(bitPattern: UInt32(pattern) << 16)
                if expected.isNaN ? !float.isNaN : expected.bitPattern != float.bitPattern { mistakes += 1 }
            }
            #expect(mistakes == 0)
        }
    }

    @Test("other types convert by value")
    func others() {
        func floats(_ type: ScalarType, _ bytes: [UInt8]) -> [Float] {
            StoredTensor(scalarType: type, shape: [bytes.count / type.width], littleEndian: bytes).floats()
        }
        func bytes<Element>(_ values: [Element]) -> [UInt8] { values.withUnsafeBytes { [UInt8]($0) } }
        #expect(floats(.float64, bytes([1.5, -2.25, 1e300])) == [1.5, -2.25, .infinity])
        #expect(floats(.float32, bytes([Float(1.5), -0.1])) == [1.5, -0.1])
        #expect(floats(.int64, bytes([Int64(-3), 1 << 40])) == [-3, 1_099_511_627_776])
        #expect(floats(.int32, bytes([Int32(-3)])) == [-3])
        #expect(floats(.int16, bytes([Int16(-300)])) == [-300])
        #expect(floats(.int8, [0xFF, 5]) == [-1, 5])
        #expect(floats(.uint64, bytes([UInt64(1) << 63])) == [9_223_372_036_854_775_808])
        #expect(floats(.uint32, bytes([UInt32.max])) == [4_294_967_296])
        #expect(floats(.uint16, bytes([UInt16.max])) == [65_535])
        #expect(floats(.uint8, [0, 255]) == [0, 255])
        #expect(floats(.bool, [0, 1, 2]) == [0, 1, 1])
        #expect(floats(.float8E5M2, [0x00, 0x3C, 0xBC, 0x7B, 0x7C, 0x01]) == [0, 1, -1, 57_344, .infinity, 0x1p-16])
        #expect(floats(.float8E4M3, [0x00, 0x38, 0xB8, 0x7E, 0x01, 0x08]) == [0, 1, -1, 448, 0x1p-9, 0x1p-6])
        #expect(floats(.float8E4M3, [0x7F])[0].isNaN)
    }

    @Test("each type is known by its names")
    func names() {
        for type in ScalarType.allCases {
            #expect(ScalarType(safetensorsName: type.safetensorsName) == type)
            #expect(ScalarType(rawValue: type.rawValue) == type)
        }
        #expect(ScalarType(torchStorage: "BFloat16Storage") == .bfloat16)
        #expect(ScalarType(torchStorage: "UntypedStorage") == nil)
    }

    @Test("the checksum is that of zip")
    func checksum() {
        // The check value of CRC-32/ISO-HDLC, and lengths around the step of eight against one byte at a time.
        #expect(Array("123456789".utf8).withUnsafeBytes(CyclicRedundancyCheck.checksum) == 0xCBF4_3926)
        var generator = SeededGenerator(seed: 1)
        for length in 0..<40 {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
            var remainder: UInt32 = .max
            for byte in bytes {
                remainder ^= UInt32(byte)
                for _ in 0..<8 { remainder = remainder & 1 == 1 ? remainder >> 1 ^ 0xEDB8_8320 : remainder >> 1 }
            }
            #expect(bytes.withUnsafeBytes(CyclicRedundancyCheck.checksum) == ~remainder)
        }
    }
}
