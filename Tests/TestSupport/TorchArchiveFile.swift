package import Checkpoints
import Foundation

/// Writes an archive as Lightning's checkpoints are, tensor by tensor, for tests of files that are larger than memory should
/// hold.
package struct TorchArchiveFile {
    package struct Entry: Sendable {
        package let name: String
        package let type: ScalarType
        package let shape: [Int]

        package init(_ name: String, _ type: ScalarType, _ shape: [Int]) {
            (self.name, self.type, self.shape) = (name, type, shape)
        }

        package var elementCount: Int { shape.reduce(1, *) }
    }

    struct Failure: Error {
        let reason: String
    }

    private let file: FileHandle
    private var offset = 0
    private var directory = ByteWriter()
    private var count = 0

    /// - Parameters:
    ///   - path: of a file that is made anew.
    ///   - data: the bytes of one tensor, little-endian; asked for once each, in order.
    package static func write(_ entries: [Entry], to path: String, data: (Entry) -> [UInt8]) throws {
        guard FileManager.default.createFile(atPath: path, contents: nil), let handle = FileHandle(forWritingAtPath: path) else {
            throw Failure(reason: "\(path) can't be written")
        }
        var archive = TorchArchiveFile(file: handle)
        try archive.append("model/data.pkl", TorchArchiveWriter.lightningPickle(of: entries))
        try archive.append("model/byteorder", Array("little".utf8))
        for (index, entry) in entries.enumerated() { try archive.append("model/data/\(index)", data(entry)) }
        try archive.append("model/version", Array("3\n".utf8))
        try archive.finish()
    }

    private init(file: FileHandle) { self.file = file }

    private mutating func write(_ bytes: [UInt8]) throws {
        try file.write(contentsOf: bytes)
        offset += bytes.count
    }

    /// Sizes behind the data, which begin at a multiple of 64, as PyTorch has them.
    private mutating func append(_ name: String, _ data: [UInt8]) throws {
        guard let size = UInt32(exactly: data.count), let start = UInt32(exactly: offset) else {
            throw Failure(reason: "an archive of more than 4 GiB")
        }
        let checksum = data.withUnsafeBytes(CyclicRedundancyCheck.checksum)
        var head = ByteWriter()
        head.append(0x0403_4B50 as UInt32)
        for value in [20, 0x0808, 0, 0, 0] as [UInt16] { head.append(value) }
        for _ in 0..<3 { head.append(0 as UInt32) }
        let padding = (64 - (offset + 30 + name.utf8.count + 4) % 64) % 64
        head.append(UInt16(name.utf8.count))
        head.append(UInt16(padding + 4))
        head.bytes += Array(name.utf8) + Array("FB".utf8)
        head.append(UInt16(padding))
        head.bytes += [UInt8](repeating: 0x5A, count: padding)
        try write(head.bytes)
        try write(data)
        var tail = ByteWriter()
        for value in [0x0807_4B50, checksum, size, size] { tail.append(value) }
        try write(tail.bytes)

        directory.append(0x0201_4B50 as UInt32)
        for value in [0, 20, 0x0808, 0, 0, 0] as [UInt16] { directory.append(value) }
        for value in [checksum, size, size] { directory.append(value) }
        for value in [name.utf8.count, 0, 0, 0, 0] { directory.append(UInt16(value)) }
        for value in [0, start] as [UInt32] { directory.append(value) }
        directory.bytes += Array(name.utf8)
        count += 1
    }

    private mutating func finish() throws {
        let (start, size) = (offset, directory.bytes.count)
        try write(directory.bytes)
        let record = offset
        var end = ByteWriter()
        end.append(0x0606_4B50 as UInt32)
        end.append(44 as UInt64)
        end.append(0 as UInt32)
        for value in [0, count, count, size, start] { end.append(UInt64(value)) }
        end.append(0x0706_4B50 as UInt32)
        end.append(0 as UInt32)
        end.append(UInt64(record))
        end.append(1 as UInt32)
        end.append(0x0605_4B50 as UInt32)
        for value in [0, 0, count, count] { end.append(UInt16(value)) }
        end.append(UInt32(size))
        end.append(UInt32(truncatingIfNeeded: start))
        end.append(0 as UInt16)
        try write(end.bytes)
        try file.close()
    }
}

extension TorchArchiveWriter {
    /// The dictionary that Lightning saves: callbacks by the objects of their classes, a schedule, and the weights.
    fileprivate static func lightningPickle(of entries: [TorchArchiveFile.Entry]) -> [UInt8] {
        PickleAssembler.assemble { pickle in
            pickle.raw("}(")
            pickle.text("epoch")
            pickle.integer(3)
            pickle.text("global_step")
            pickle.integer(4_000)
            pickle.text("pytorch-lightning_version")
            pickle.text("1.4.2")
            pickle.text("callbacks")
            pickle.raw("}")
            pickle.global("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint")
            pickle.raw("}s")
            pickle.text("optimizer_states")
            pickle.raw("]")
            pickle.text("state_dict")
            pickle.stateDictionary(entries.enumerated().map { index, entry in
                (entry.name, PickledView {
                    $0.key = String(index)
                    $0.storageCount = entry.elementCount
                    $0.shape = entry.shape
                    $0.strides = contiguousStrides(of: entry.shape)
                    $0.storageClass = storageClass(entry.type)
                })
            })
            pickle.raw("u")
        }
    }
}
