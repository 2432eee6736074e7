/// A file that `torch.save` wrote: a zip archive with a pickle that says what there is and an entry for each storage.
struct TorchArchive {
    let tensors: [String: StoredTensor]

    init(_ bytes: CheckpointBytes) throws(CheckpointError) {
        var budget = ParsingBudget()
        let entries = try ZipArchive(bytes, budget: &budget).entries
        let folder = try Self.folder(of: entries)
        try Self.checkByteOrder(bytes, entries[folder + "byteorder"])
        guard let pickle = entries[folder + "data.pkl"] else { throw .malformedArchive("it has no data.pkl") }
        let document = try PickleReader.read(bytes, in: pickle, budget: &budget)
        let places = try Self.locate(document.storages, entries, folder)
        tensors = try Self.tensors(of: document, places, bytes, &budget)
    }

    /// All entries stand in one folder, beside the only `data.pkl`.
    private static func folder(of entries: [String: Range<Int>]) throws(CheckpointError) -> String {
        let pickles = entries.keys.filter { $0 == "data.pkl" || $0.hasSuffix("/data.pkl") }
        guard pickles.count == 1, let pickle = pickles.first else {
            throw .malformedArchive("it has \(pickles.count) entries called data.pkl, expected 1")
        }
        let folder = String(pickle.dropLast("data.pkl".count))
        guard folder.split(separator: "/").count == 1 else {
            throw .malformedArchive("data.pkl stands in \(quoted(folder)), expected in one folder")
        }
        if let other = entries.keys.first(where: { !$0.hasPrefix(folder) }) {
            throw .malformedArchive("the entry \(quoted(other)) stands outside \(quoted(folder))")
        }
        return folder
    }

    private static func checkByteOrder(_ bytes: CheckpointBytes, _ range: Range<Int>?) throws(CheckpointError) {
        guard let range else { return }
        guard range.count <= 16, let order = bytes.text(in: range), order == "little" else {
            throw .malformedArchive("its byte order is not little")
        }
    }

    /// Finds the entry of each storage, and sees that all who refer to one agree on its type and length. (A pickle
    /// that names one storage with two types or sizes reads past its end elsewhere: CVE-2026-24747.)
    private static func locate(
        _ storages: [PickledStorage], _ entries: [String: Range<Int>], _ folder: String
    ) throws(CheckpointError) -> [Range<Int>] {
        var known: [String: PickledStorage] = [:]
        var places: [Range<Int>] = []
        for storage in storages {
            if let other = known.updateValue(storage, forKey: storage.key), other != storage {
                throw .malformedArchive("storage \(quoted(storage.key)) is \(other.elementCount) of "
                    + "\(other.scalarType.rawValue) and \(storage.elementCount) of \(storage.scalarType.rawValue)")
            }
            guard !storage.key.contains("/"), let place = entries[folder + "data/" + storage.key] else {
                throw .malformedArchive("storage \(quoted(storage.key)) has no entry")
            }
            let (size, overflow) = storage.elementCount.multipliedReportingOverflow(by: storage.scalarType.width)
            guard !overflow, size == place.count else {
                throw .malformedArchive("storage \(quoted(storage.key)) has \(place.count) bytes, expected "
                    + "\(storage.elementCount) of \(storage.scalarType.rawValue)")
            }
            places.append(place)
        }
        return places
    }

    private static func tensors(
        of document: PickleDocument, _ places: [Range<Int>], _ bytes: CheckpointBytes, _ budget: inout ParsingBudget
    ) throws(CheckpointError) -> [String: StoredTensor] {
        var result: [String: StoredTensor] = [:]
        for (key, value) in try stateDictionary(of: document) {
            guard let name = document.text(key) else { throw .refusedPickle("a tensor's name is not text") }
            try document.checkIsKnown(value)
            guard case .tensor(let index) = value else {
                throw .malformedTensor(name: name, "is no tensor, as everything in a state dictionary should be")
            }
            guard result.count < CheckpointLimits.tensors else {
                throw .overLimit("tensors", limit: CheckpointLimits.tensors)
            }
            try budget.charge(192 + name.utf8.count)
            let tensor = document.tensors[index]
            let storage = document.storages[tensor.storage]
            let offset = try byteOffset(of: tensor, in: storage, name)
            let stored = StoredTensor(
                scalarType: storage.scalarType, shape: tensor.shape, bytes: bytes,
                offset: places[tensor.storage].lowerBound + offset)
            guard result.updateValue(stored, forKey: name) == nil else {
                throw .malformedTensor(name: name, "is there twice")
            }
        }
        return result
    }

    /// Under which names training programs save the weights beside whatever else they keep.
    private static let wrappers = ["state_dict", "params"]

    /// The result itself, or its entry of such a name.
    private static func stateDictionary(
        of document: PickleDocument
    ) throws(CheckpointError) -> [(key: PickleValue, value: PickleValue)] {
        try document.checkIsKnown(document.root)
        guard let items = document.items(document.root) else {
            throw .refusedPickle("it holds no dictionary of tensors")
        }
        for name in wrappers {
            let wrapped = items.filter { document.text($0.key) == name }
            guard wrapped.count <= 1 else { throw .refusedPickle("\(name) is there twice") }
            guard let wrapper = wrapped.first else { continue }
            try document.checkIsKnown(wrapper.value)
            guard let inner = document.items(wrapper.value) else { throw .refusedPickle("\(name) is no dictionary") }
            return inner
        }
        return items
    }

    /// Checks that a tensor is a contiguous, row-major view within its storage.
    ///
    /// - Returns: where it begins in the storage, in bytes.
    private static func byteOffset(
        of tensor: PickledTensor, in storage: PickledStorage, _ name: String
    ) throws(CheckpointError) -> Int {
        guard let count = checkedElementCount(of: tensor.shape, width: storage.scalarType.width) else {
            throw .malformedTensor(name: name, "its shape \(tensor.shape) is negative or too large")
        }
        guard tensor.offset >= 0, tensor.offset <= storage.elementCount, count <= storage.elementCount - tensor.offset
        else {
            throw .malformedTensor(name: name, "\(count) elements from \(tensor.offset) on reach past its storage of "
                + "\(storage.elementCount)")
        }
        var expected = 1
        for (size, stride) in zip(tensor.shape, tensor.strides).reversed() where count > 0 {
            // The stride of a dimension of one element is never used.
            guard size == 1 || stride == expected else {
                throw .malformedTensor(name: name, "its strides \(tensor.strides) are not those of a contiguous "
                    + "\(tensor.shape)")
            }
            expected *= size
        }
        return tensor.offset * storage.scalarType.width
    }
}
