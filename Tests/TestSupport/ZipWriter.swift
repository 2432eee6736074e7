import Checkpoints

/// Writes zip archives of stored entries for tests, and lets each header lie.
package struct ZipWriter {
    package struct Entry {
        package var name: [UInt8]
        package var data: [UInt8]
        /// What the directory says instead of the truth, where set.
        package var centralName: [UInt8]?
        package var centralSize: UInt32?
        package var localSize: UInt32?
        package var checksum: UInt32?
        package var localOffset: UInt32?
        package var centralExtra: [UInt8] = []
        package var method: UInt16 = 0
        package var flags: UInt16 = 0
        /// Written between this entry and the next.
        package var gap: [UInt8] = []
        /// Listed in the directory only.
        package var isPhantom = false

        package init(_ name: String, _ data: [UInt8]) {
            self.name = Array(name.utf8)
            self.data = data
        }
    }

    package var entries: [Entry]
    /// Sizes after the data and a ZIP64 end record, as PyTorch writes them.
    package var isTorchLike = true
    package var comment: [UInt8] = []
    /// What the end record says instead of the truth, where set.
    package var entryCount: UInt16?
    package var directoryOffset: UInt32?
    package var directorySize: UInt32?
    package var disk: UInt16 = 0
    /// What the ZIP64 end record says instead of the truth, where set.
    package var wideEntryCount: UInt64?
    package var wideDirectoryOffset: UInt64?
    package var wideRecordOffset: UInt64?

    package init(_ entries: [Entry]) { self.entries = entries }

    package func bytes() -> [UInt8] {
        var output = ByteWriter()
        var directory = ByteWriter()
        for entry in entries {
            let offset = UInt32(output.bytes.count)
            let checksum = entry.checksum ?? entry.data.withUnsafeBytes(CyclicRedundancyCheck.checksum)
            if !entry.isPhantom { appendLocal(entry, checksum, &output) }
            let size = entry.centralSize ?? UInt32(entry.data.count)
            let name = entry.centralName ?? entry.name
            directory.append(0x0201_4B50 as UInt32)
            directory.append(0 as UInt16)
            directory.append(20 as UInt16)
            directory.append(entry.flags | (isTorchLike ? 0x0808 : 0))
            directory.append(entry.method)
            directory.append(0 as UInt32)
            directory.append(checksum)
            directory.append(size)
            directory.append(size)
            directory.append(UInt16(name.count))
            directory.append(UInt16(entry.centralExtra.count))
            for _ in 0..<3 { directory.append(0 as UInt16) }
            directory.append(0 as UInt32)
            directory.append(entry.localOffset ?? offset)
            directory.bytes += name + entry.centralExtra
        }
        appendEnd(directory.bytes, &output)
        return output.bytes
    }

    private func appendLocal(_ entry: Entry, _ checksum: UInt32, _ output: inout ByteWriter) {
        let size = entry.localSize ?? UInt32(entry.data.count)
        output.append(0x0403_4B50 as UInt32)
        output.append(20 as UInt16)
        output.append(entry.flags | (isTorchLike ? 0x0808 : 0))
        output.append(entry.method)
        output.append(0 as UInt32)
        output.append(isTorchLike ? 0 : checksum)
        output.append(isTorchLike ? 0 : size)
        output.append(isTorchLike ? 0 : size)
        // Padding in an extra field "FB" puts the data at a multiple of 64.
        let headerEnd = output.bytes.count + 4 + entry.name.count + 4
        let padding = isTorchLike ? (64 - headerEnd % 64) % 64 : 0
        output.append(UInt16(entry.name.count))
        output.append(UInt16(isTorchLike ? padding + 4 : 0))
        output.bytes += entry.name
        if isTorchLike {
            output.bytes += Array("FB".utf8)
            output.append(UInt16(padding))
            output.bytes += [UInt8](repeating: 0x5A, count: padding)
        }
        output.bytes += entry.data
        if isTorchLike {
            output.append(0x0807_4B50 as UInt32)
            output.append(checksum)
            output.append(size)
            output.append(size)
        }
        output.bytes += entry.gap
    }

    private func appendEnd(_ directory: [UInt8], _ output: inout ByteWriter) {
        let offset = output.bytes.count
        output.bytes += directory
        if isTorchLike {
            let record = output.bytes.count
            output.append(0x0606_4B50 as UInt32)
            output.append(44 as UInt64)
            output.append(0 as UInt32)
            output.append(0 as UInt64)
            output.append(wideEntryCount ?? UInt64(entries.count))
            output.append(wideEntryCount ?? UInt64(entries.count))
            output.append(UInt64(directory.count))
            output.append(wideDirectoryOffset ?? UInt64(offset))
            output.append(0x0706_4B50 as UInt32)
            output.append(0 as UInt32)
            output.append(wideRecordOffset ?? UInt64(record))
            output.append(1 as UInt32)
        }
        output.append(0x0605_4B50 as UInt32)
        output.append(disk)
        output.append(disk)
        output.append(entryCount ?? UInt16(entries.count))
        output.append(entryCount ?? UInt16(entries.count))
        output.append(directorySize ?? UInt32(directory.count))
        output.append(directoryOffset ?? UInt32(offset))
        output.append(UInt16(comment.count))
        output.bytes += comment
    }
}

/// Appends numbers with their lowest byte first.
package struct ByteWriter {
    package var bytes: [UInt8] = []

    package init() {}

    package mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
}
