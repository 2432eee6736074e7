package import Checkpoints

/// Writes archives as `torch.save` does, for tests.
package enum TorchArchiveWriter {
    /// How the state dictionary is packed.
    package struct Packing {
        /// Put before each name, as parallel training does.
        package var prefix = ""
        /// Inside a dictionary with an epoch, a name and the optimiser's numbers, as training saves it.
        package var isWrapped = false
        /// As parameters (`_rebuild_parameter`) and not bare tensors.
        package var areParameters = false
        /// With `_metadata` set on the dictionary.
        package var hasMetadata = true
        /// Sizes behind the data and a ZIP64 end, as PyTorch has them, or plain zip.
        package var isTorchLike = true

        package init() {}

        package init(_ change: (inout Packing) -> Void) { change(&self) }
    }

    /// An archive of these tensors. Tensors that share storage share an entry.
    package static func bytes(
        of tensors: [(name: String, tensor: StoredTensor)], _ packing: Packing = Packing()
    ) -> [UInt8] {
        var storages: [StoredTensor] = []
        var views: [(name: String, tensor: PickledView)] = []
        for (name, tensor) in tensors {
            let key = storages.firstIndex { $0.sharesStorage(with: tensor) } ?? storages.count
            if key == storages.count { storages.append(tensor) }
            views.append((packing.prefix + name, PickledView {
                $0.key = String(key)
                $0.storageCount = tensor.elementCount
                $0.shape = tensor.shape
                $0.strides = contiguousStrides(of: tensor.shape)
                $0.storageClass = storageClass(tensor.scalarType)
            }))
        }
        let pickle = PickleAssembler.assemble { pack(views, packing, into: &$0) }
        return archive(pickle, storages.map { $0.withBytes { [UInt8]($0) } }, isTorchLike: packing.isTorchLike).bytes()
    }

    /// An archive around a pickle at hand, with entries for the storages 0, 1, ...
    package static func archive(
        _ pickle: [UInt8], _ storages: [[UInt8]] = [floats(6)], isTorchLike: Bool = true
    ) -> ZipWriter {
        var entries = [
            ZipWriter.Entry("model/data.pkl", pickle), ZipWriter.Entry("model/byteorder", Array("little".utf8)),
        ]
        for (key, data) in storages.enumerated() { entries.append(.init("model/data/\(key)", data)) }
        entries.append(.init("model/version", Array("3\n".utf8)))
        var writer = ZipWriter(entries)
        writer.isTorchLike = isTorchLike
        return writer
    }

    /// The bytes of the floats 1, 2, ..., count.
    package static func floats(_ count: Int) -> [UInt8] {
        (0..<count).map { Float($0 + 1) }.withUnsafeBytes { [UInt8]($0) }
    }

    package static func contiguousStrides(of shape: [Int]) -> [Int] {
        var strides = [Int](repeating: 1, count: shape.count)
        for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * max(shape[axis + 1], 1) }
        return strides
    }

    private static func pack(
        _ views: [(name: String, tensor: PickledView)], _ packing: Packing, into pickle: inout PickleAssembler
    ) {
        if packing.isWrapped {
            pickle.raw("}(")
            pickle.text("epoch")
            pickle.integer(30)
            pickle.text("optimizer")
            pickle.raw("}(")
            pickle.integer(0)
            pickle.raw("](G")
            pickle.number(0.001.bitPattern.bigEndian)
            pickle.raw("Ne")
            pickle.raw("u")
            pickle.text("state_dict")
        }
        pickle.emptyOrderedDictionary()
        pickle.raw("(")
        for (name, tensor) in views {
            pickle.text(name)
            if packing.areParameters {
                pickle.global("torch._utils", "_rebuild_parameter")
                pickle.raw("(")
            }
            pickle.tensor(tensor)
            if packing.areParameters {
                pickle.raw([0x88])
                pickle.emptyOrderedDictionary()
                pickle.raw("tR")
            }
        }
        pickle.raw("u")
        if packing.hasMetadata {
            pickle.raw("}")
            pickle.text("_metadata")
            pickle.emptyOrderedDictionary()
            pickle.raw("sb")
        }
        if packing.isWrapped { pickle.raw("u") }
    }

    static func storageClass(_ type: ScalarType) -> String {
        switch type {
        case .float64: "DoubleStorage"
        case .float32: "FloatStorage"
        case .float16: "HalfStorage"
        case .bfloat16: "BFloat16Storage"
        case .int64: "LongStorage"
        case .int32: "IntStorage"
        case .int16: "ShortStorage"
        case .int8: "CharStorage"
        case .uint8: "ByteStorage"
        case .bool: "BoolStorage"
        case .float8E4M3, .float8E5M2, .uint64, .uint32, .uint16: "UntypedStorage"
        }
    }
}
