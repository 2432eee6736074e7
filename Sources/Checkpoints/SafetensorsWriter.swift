import Glibc

/// Writes safetensors files.
package enum SafetensorsWriter {
    /// A file's bytes: wider types first, so that every tensor is aligned; then by name.
    ///
    /// - Throws: `unwritable` where a tensor has the one name that safetensors keeps for itself.
    package static func bytes(
        of tensors: [String: StoredTensor], metadata: [String: String] = [:]
    ) throws(CheckpointError) -> [UInt8] {
        let order = try ordered(tensors)
        var result = prologue(order, metadata)
        for (_, tensor) in order { tensor.withBytes { result.append(contentsOf: $0) } }
        return result
    }

    /// Writes a file tensor by tensor, beside its final name and renamed into place when complete and on disk.
    ///
    /// - Throws: `unwritable` with the system's reason, for which a half-written file is removed; or where a tensor
    ///   has the one name that safetensors keeps for itself.
    package static func write(
        _ tensors: [String: StoredTensor], metadata: [String: String] = [:], to path: String
    ) throws(CheckpointError) {
        let order = try ordered(tensors)
        let temporary = path + ".part"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure() }
        let isComplete = prologue(order, metadata).withUnsafeBytes { writeAll($0, to: descriptor) }
            && order.allSatisfy { entry in entry.tensor.withBytes { writeAll($0, to: descriptor) } }
            && fsync(descriptor) == 0
        // Taken before closing and removing, which may set another.
        let error = failure()
        close(descriptor)
        guard isComplete else {
            unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else {
            let error = failure()
            unlink(temporary)
            throw error
        }
    }

    private static func ordered(
        _ tensors: [String: StoredTensor]
    ) throws(CheckpointError) -> [(name: String, tensor: StoredTensor)] {
        guard tensors[SafetensorsHeader.metadataName] == nil else {
            throw .unwritable("a tensor is called \(SafetensorsHeader.metadataName), a name that safetensors keeps for itself")
        }
        return tensors.map { (name: $0.key, tensor: $0.value) }
            .sorted { ($1.tensor.scalarType.width, $0.name) < ($0.tensor.scalarType.width, $1.name) }
    }

    /// Header length and header, padded with blanks so that the data begins at a multiple of eight.
    private static func prologue(
        _ order: [(name: String, tensor: StoredTensor)], _ metadata: [String: String]
    ) -> [UInt8] {
        var members: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }
                .map { "\(JSON.line($0.key)):\(JSON.line($0.value))" }
            members.append("\"\(SafetensorsHeader.metadataName)\":{\(pairs.joined(separator: ","))}")
        }
        var position = 0
        for (name, tensor) in order {
            let shape = tensor.shape.map(String.init).joined(separator: ",")
            members.append("\(JSON.line(name)):{\"dtype\":\"\(tensor.scalarType.safetensorsName)\","
                + "\"shape\":[\(shape)],\"data_offsets\":[\(position),\(position + tensor.byteCount)]}")
            position += tensor.byteCount
        }
        var header = [UInt8]("{\(members.joined(separator: ","))}".utf8)
        header.append(contentsOf: [UInt8](repeating: 0x20, count: (8 - header.count % 8) % 8))
        return withUnsafeBytes(of: UInt64(header.count).littleEndian) { [UInt8]($0) } + header
    }

    /// - Returns: false, with the reason in `errno`, where the system would not take everything.
    private static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
        var done = 0
        while done < bytes.count {
            let written = Glibc.write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { return false }
            done += written
        }
        return true
    }

    private static func failure() -> CheckpointError { .unwritable(String(cString: strerror(errno))) }
}
