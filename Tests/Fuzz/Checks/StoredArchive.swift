import Checkpoints

/// Zip archives of stored entries: just enough to put a pickle in one, and to make the checksums of a damaged one
/// right again, so that damage reaches what stands behind them.
enum StoredArchive {
    static let localSignature: [UInt8] = [0x50, 0x4B, 3, 4]
    private static let centralSignature: [UInt8] = [0x50, 0x4B, 1, 2]
    private static let endSignature: [UInt8] = [0x50, 0x4B, 5, 6]
    private static let descriptorSignature: [UInt8] = [0x50, 0x4B, 7, 8]

    static func bytes(_ entries: [(name: String, data: [UInt8])]) -> [UInt8] {
        var file: [UInt8] = [], directory: [UInt8] = []
        for (name, data) in entries {
            let name = Array(name.utf8)
            // Method, time, date; checksum and both sizes; lengths of name and extra field.
            let common = [UInt8](repeating: 0, count: 6) + checksum(data[...]) + little(data.count, 4)
                + little(data.count, 4) + little(name.count, 2) + [0, 0]
            directory += centralSignature + [10, 0, 10, 0, 0, 0] + common + [UInt8](repeating: 0, count: 10)
                + little(file.count, 4) + name
            file += localSignature + [10, 0, 0, 0] + common + name + data
        }
        let counts = little(entries.count, 2) + little(entries.count, 2)
        return file + directory + endSignature + [0, 0, 0, 0] + counts + little(directory.count, 4)
            + little(file.count, 4) + [0, 0]
    }

    /// The same bytes with the checksum of each entry that the directory names put into its record, its header and
    /// the descriptor behind it.
    static func resummed(_ bytes: [UInt8]) -> [UInt8] {
        var result = bytes
        var position = 0
        while let record = bytes[position...].firstIndex(of: 0x50) {
            position = record + 1
            guard bytes[record...].starts(with: centralSignature), bytes.count - record >= 46 else { continue }
            let size = number(bytes, record + 24, 4), header = number(bytes, record + 42, 4)
            guard header <= bytes.count - 30, bytes[header...].starts(with: localSignature) else { continue }
            let start = header + 30 + number(bytes, header + 26, 2) + number(bytes, header + 28, 2)
            guard start <= bytes.count, size <= bytes.count - start else { continue }
            let end = start + size
            let sum = checksum(result[start..<end])
            result.replaceSubrange(record + 16..<record + 20, with: sum)
            let hasDescriptor = bytes[header + 6] & 8 != 0
            if !hasDescriptor || number(bytes, header + 14, 4) != 0 {
                result.replaceSubrange(header + 14..<header + 18, with: sum)
            }
            if hasDescriptor, bytes.count - end >= 8, bytes[end...].starts(with: descriptorSignature) {
                result.replaceSubrange(end + 4..<end + 8, with: sum)
            }
        }
        return result
    }

    private static func checksum(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        little(Int(bytes.withUnsafeBytes { CyclicRedundancyCheck.checksum(of: $0) }), 4)
    }

    private static func little(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    private static func number(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> Int {
        (0..<count).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
    }
}
