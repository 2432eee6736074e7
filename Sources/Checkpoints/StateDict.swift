/// The named tensors of a checkpoint.
package struct StateDict: Sendable {
    /// Sorted.
    package let names: [String]
    /// What a safetensors header says beside its tensors; empty for archives.
    package let metadata: [String: String]
    private let tensors: [String: StoredTensor]

    /// Opens a safetensors file or a PyTorch zip archive, told apart by its first bytes. The numbers stay in the mapped
    /// file. A wrapper's `state_dict` or `params` is looked into, and the prefix `module.` of parallel training is removed.
    package init(contentsOf path: String) throws(CheckpointError) {
        try self.init(CheckpointBytes(contentsOf: path))
    }

    /// The same, from bytes at hand.
    package init(_ bytes: CheckpointBytes) throws(CheckpointError) {
        if Self.isArchive(bytes) {
            let archive = try TorchArchive(bytes)
            try self.init(stripping: archive.tensors, metadata: [:])
        } else {
            let file = try Safetensors(bytes)
            try self.init(stripping: file.tensors, metadata: file.metadata)
        }
    }

    /// Whether they are a PyTorch archive; else a safetensors file, if anything.
    package static func isArchive(_ bytes: CheckpointBytes) -> Bool {
        bytes.littleEndian(UInt32.self, at: 0) == ZipArchive.localSignature
    }

    package init(_ tensors: [String: StoredTensor]) {
        self.tensors = tensors
        names = tensors.keys.sorted()
        metadata = [:]
    }

    private init(stripping found: [String: StoredTensor], metadata: [String: String]) throws(CheckpointError) {
        var tensors: [String: StoredTensor] = [:]
        for (name, tensor) in found.sorted(by: { $0.key < $1.key }) {
            let stripped = Self.stripped(name)
            guard tensors.updateValue(tensor, forKey: stripped) == nil else {
                throw .malformedTensor(name: stripped, "is there with and without the prefix \(Self.prefix)")
            }
        }
        self.tensors = tensors
        self.metadata = metadata
        names = tensors.keys.sorted()
    }

    private static let prefix = "module."

    /// Without the prefix, however often it stands there: a name that kept one would lose it when it is written and read
    /// again, and might then meet another.
    private static func stripped(_ name: String) -> String {
        var name = name[...]
        while name.hasPrefix(prefix) { name = name.dropFirst(prefix.count) }
        return String(name)
    }

    package subscript(name: String) -> StoredTensor? { tensors[name] }

    /// Bytes that all tensors of a file would take as float32; those with two names count once.
    package var bytesAsFloats: Int {
        var places: Set<Range<Int>> = []
        return tensors.values.reduce(0) { sum, tensor in
            places.insert(tensor.place).inserted ? sum + tensor.elementCount * MemoryLayout<Float>.stride : sum
        }
    }
}
