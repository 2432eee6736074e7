/// What a pickle is made of once read: plain values that do nothing. Containers are numbers into the document, so that
/// a pickle which nests or refers to itself needs neither recursion nor reference counting.
package enum PickleValue: Sendable, Equatable {
    case none
    case boolean(Bool)
    case integer(Int64)
    case real(Double)
    /// Its place in the pickle's bytes.
    case text(start: UInt32, length: UInt32)
    case global(PickleGlobal)
    /// A name that means nothing here, or whatever a call of it would have made: what training programs keep beside the
    /// weights. Nothing is done with it.
    case unknown(Int)
    case list(Int)
    case tuple(Int)
    case dictionary(Int)
    case storage(Int)
    case tensor(Int)
}

/// The few names that a pickle may refer to. They are only ever looked at, never called.
package enum PickleGlobal: Sendable, Equatable {
    case orderedDictionary
    case rebuildTensor
    case rebuildParameter
    case storage(ScalarType)

    init?(module: String, name: String) {
        switch (module, name) {
        case ("collections", "OrderedDict"): self = .orderedDictionary
        case ("torch._utils", "_rebuild_tensor_v2"): self = .rebuildTensor
        case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
        case ("torch", _):
            guard let type = ScalarType(torchStorage: name) else { return nil }
            self = .storage(type)
        default: return nil
        }
    }
}

/// A storage that the pickle names: an entry of the archive.
package struct PickledStorage: Sendable, Equatable {
    package var scalarType: ScalarType
    /// The entry's last path component.
    package var key: String
    package var elementCount: Int
}

/// A view of a storage, as the pickle claims it; nothing has been checked against the archive.
package struct PickledTensor: Sendable, Equatable {
    /// An index into the document's storages.
    package var storage: Int
    /// Elements into the storage.
    package var offset: Int
    package var shape: [Int]
    /// In elements.
    package var strides: [Int]
}

/// Everything that a pickle built, and which of it is the result.
package struct PickleDocument: Sendable {
    package internal(set) var root = PickleValue.none
    /// Lists and tuples hold their elements, dictionaries keys and values in turn.
    package internal(set) var containers: [[PickleValue]] = []
    package internal(set) var storages: [PickledStorage] = []
    package internal(set) var tensors: [PickledTensor] = []
    /// The names of what is unknown.
    package internal(set) var unknownNames: [String] = []
    let bytes: CheckpointBytes

    init(bytes: CheckpointBytes) { self.bytes = bytes }

    /// The text that a value stands for; nil for other values. The reader has checked that it is UTF-8.
    package func text(_ value: PickleValue) -> String? {
        guard case .text(let start, let length) = value else { return nil }
        return bytes.text(in: Int(start)..<Int(start) + Int(length))
    }

    /// - Throws: where a value comes of a name that is not known, which may stand beside the weights but not among them.
    func checkIsKnown(_ value: PickleValue) throws(CheckpointError) {
        guard case .unknown(let index) = value else { return }
        throw .refusedPickle("the name \(quoted(unknownNames[index])) is not allowed")
    }

    /// A dictionary's keys and values, in the order in which they were set; nil for other values.
    package func items(_ value: PickleValue) -> [(key: PickleValue, value: PickleValue)]? {
        guard case .dictionary(let index) = value else { return nil }
        let flat = containers[index]
        return stride(from: 0, to: flat.count - 1, by: 2).map { (flat[$0], flat[$0 + 1]) }
    }
}
