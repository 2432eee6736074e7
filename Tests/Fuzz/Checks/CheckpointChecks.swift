import Checkpoints

/// Checkpoints: what is accepted can be read to the last number, and means one thing only.
enum CheckpointChecks {
    /// Safetensors files, as they are; and as text up to the first NUL with the data after it, whose length in front
    /// is made right, since a fuzzer would seldom change text and length together.
    static func checkSafetensors(_ bytes: [UInt8]) throws(BrokenPromise) {
        try checkSafetensorsFile(bytes)
        let header = bytes.prefix { $0 != 0 }
        let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { [UInt8]($0) }
        try checkSafetensorsFile(length + header + bytes[header.endIndex...].dropFirst())
    }

    private static func checkSafetensorsFile(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard !bytes.starts(with: StoredArchive.localSignature), let dictionary = try read(bytes) else { return }
        // Each byte of the data is one tensor's.
        let size = dictionary.names.compactMap { dictionary[$0]?.byteCount }.reduce(0, +)
        let header = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        try promise(size == bytes.count - 8 - header, "\(size) bytes of tensors in a file of \(bytes.count)")
        let tensors = Dictionary(uniqueKeysWithValues: dictionary.names.compactMap { name in
            dictionary[name].map { (name, $0) }
        })
        guard let written = try? SafetensorsWriter.bytes(of: tensors, metadata: dictionary.metadata) else {
            try promise(tensors["__metadata__"] != nil, "what was read can't be written")
            return
        }
        guard let again = try read(written) else {
            throw BrokenPromise(description: "what was read and written can't be read again")
        }
        try promise(again.names == dictionary.names && again.metadata == dictionary.metadata, "names have changed")
        for (name, tensor) in tensors {
            try promise(again[name].map { isEqual($0, tensor) } == true, "the tensor \(name) has changed")
        }
    }

    /// Zip archives, as they are; and with the checksums of their entries made right.
    static func checkArchive(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard bytes.starts(with: StoredArchive.localSignature) else { return }
        try checkArchiveFile(bytes)
        try checkArchiveFile(StoredArchive.resummed(bytes))
    }

    /// Nothing may stand before or after an archive: a file that is two things to two readers is how checks are passed.
    private static func checkArchiveFile(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard try read(bytes) != nil else { return }
        try promise(try read(bytes + [0]) == nil, "a byte may follow")
        try promise(try read([0x50] + bytes) == nil, "a byte may stand before")
        try promise(try read(Array(bytes.dropLast())) == nil, "the last byte may be missing")
        try promise(try read(bytes + bytes) == nil, "it may come twice")
    }

    /// Reads, and looks at every number if that went well.
    @discardableResult
    static func read(_ bytes: [UInt8]) throws(BrokenPromise) -> StateDict? {
        let dictionary: StateDict
        do throws(CheckpointError) {
            dictionary = try StateDict(CheckpointBytes(bytes))
        } catch {
            let isOneLine = error.description.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
            try promise(isOneLine, "an error that is more than one line")
            return nil
        }
        for name in dictionary.names {
            guard let tensor = dictionary[name] else { throw BrokenPromise(description: "\(name) is named only") }
            let count = tensor.shape.reduce(1, *)
            try promise(tensor.floats().count == count, "\(name) has other than \(count) numbers")
            let byteCount = tensor.withBytes { $0.count }
            try promise(byteCount == count * tensor.scalarType.width, "\(name) has \(byteCount) bytes")
        }
        return dictionary
    }

    private static func isEqual(_ first: StoredTensor, _ second: StoredTensor) -> Bool {
        first.scalarType == second.scalarType && first.shape == second.shape
            && first.withBytes { bytes in second.withBytes { bytes.elementsEqual($0) } }
    }
}

/// Pickles, on their own and within a sound archive.
enum PickleChecks {
    static func check(_ bytes: [UInt8]) throws(BrokenPromise) {
        if let document = try? PickleReader.read(CheckpointBytes(bytes)) {
            try check(document)
        }
        try CheckpointChecks.read(
            StoredArchive.bytes([
                ("a/data.pkl", bytes), ("a/byteorder", Array("little".utf8)),
                ("a/data/0", (0..<24).map { UInt8($0) }), ("a/data/1", [0, 0, 0x80, 0x3F]),
            ]))
    }

    /// Containers refer to what is there and nothing else.
    private static func check(_ document: PickleDocument) throws(BrokenPromise) {
        for value in document.containers.joined() { try check(value, in: document) }
        try check(document.root, in: document)
        for tensor in document.tensors {
            try promise(document.storages.indices.contains(tensor.storage), "a tensor without a storage")
            try promise(tensor.shape.count == tensor.strides.count, "a shape without strides")
        }
        try promise(document.storages.allSatisfy { $0.elementCount >= 0 }, "a storage of less than nothing")
    }

    private static func check(_ value: PickleValue, in document: PickleDocument) throws(BrokenPromise) {
        switch value {
        case .text: try promise(document.text(value) != nil, "a text that can't be read")
        case .list(let index), .tuple(let index):
            try promise(document.containers.indices.contains(index), "a container that is not there")
        case .dictionary(let index):
            try promise(document.containers.indices.contains(index), "a dictionary that is not there")
            try promise(document.containers[index].count % 2 == 0, "a key without a value")
        case .storage(let index): try promise(document.storages.indices.contains(index), "a storage that is not there")
        case .tensor(let index): try promise(document.tensors.indices.contains(index), "a tensor that is not there")
        case .unknown(let index):
            try promise(document.unknownNames.indices.contains(index), "an unknown name that is not there")
        case .none, .boolean, .integer, .real, .global: break
        }
    }
}
