/// A zip archive of stored entries, in which every byte has exactly one meaning: entries lie one after the other from
/// the file's first byte to the directory, local and central headers agree, and nothing follows the end record. So
/// a file can't be one thing to this reader and another to the next.
///
/// Section numbers are those of PKWARE's APPNOTE 6.3.
struct ZipArchive {
    static let localSignature: UInt32 = 0x0403_4B50

    /// The place of each entry's bytes, by name. Checksums have been verified.
    let entries: [String: Range<Int>]

    init(_ bytes: CheckpointBytes, budget: inout ParsingBudget) throws(CheckpointError) {
        let directory = try ZipDirectory(bytes)
        var records: [ZipEntryRecord] = []
        var position = directory.range.lowerBound
        for _ in 0..<directory.entryCount {
            let record = try ZipEntryRecord(bytes, at: position, directory: directory.range)
            // The record, its place in the dictionary, and the name.
            try budget.charge(224 + record.name.utf8.count)
            records.append(record)
            position = record.endOfRecord
        }
        guard position == directory.range.upperBound else {
            throw .malformedArchive("the directory has \(directory.range.upperBound - position) bytes too many")
        }
        records.sort { $0.localOffset < $1.localOffset }
        // Sorted, so that the last one tells for all; `locate` relies on each lying before the directory.
        if let last = records.last, last.localOffset > directory.range.lowerBound {
            throw .malformedArchive("\(quoted(last.name)) is not where the directory says")
        }

        var entries: [String: Range<Int>] = [:]
        entries.reserveCapacity(records.count)
        for (index, record) in records.enumerated() {
            guard index > 0 || record.localOffset == 0 else {
                throw .malformedArchive("the first entry begins at byte \(record.localOffset), expected 0")
            }
            let end = index + 1 < records.count ? records[index + 1].localOffset : directory.range.lowerBound
            let data = try record.locate(in: bytes, upTo: end)
            guard entries.updateValue(data, forKey: record.name) == nil else {
                throw .malformedArchive("the entry \(quoted(record.name)) is there twice")
            }
            guard bytes.withBytes(in: data, CyclicRedundancyCheck.checksum) == record.checksum else {
                throw .malformedArchive("the checksum of \(quoted(record.name)) is wrong")
            }
        }
        self.entries = entries
    }
}

/// Where the central directory lies, from the end records (4.3.14 to 4.3.16).
struct ZipDirectory {
    let range: Range<Int>
    let entryCount: Int

    private static let endSignature: UInt32 = 0x0605_4B50
    private static let wideEndSignature: UInt32 = 0x0606_4B50
    private static let wideLocatorSignature: UInt32 = 0x0706_4B50

    init(_ bytes: CheckpointBytes) throws(CheckpointError) {
        let end = try Self.findEndRecord(bytes)
        let fields = ZipFields(bytes)
        guard try fields.half(end + 4) == 0, try fields.half(end + 6) == 0,
            try fields.half(end + 8) == fields.half(end + 10)
        else { throw .malformedArchive("it claims to span several disks") }
        var count = try fields.half(end + 10)
        var size = try fields.word(end + 12)
        var offset = try fields.word(end + 16)
        var directoryEnd = end

        if end >= 20, bytes.littleEndian(UInt32.self, at: end - 20) == Self.wideLocatorSignature {
            let record = try fields.double(end - 12)
            guard record <= end - 20 - 56, bytes.littleEndian(UInt32.self, at: record) == Self.wideEndSignature,
                try fields.double(record + 4) == end - 20 - record - 12,
                try fields.word(end - 16) == 0, try fields.word(end - 4) == 1,
                try fields.word(record + 16) == 0, try fields.word(record + 20) == 0,
                try fields.double(record + 24) == fields.double(record + 32)
            else { throw .malformedArchive("its ZIP64 end record is not where or what its locator says") }
            let wide = (
                count: try fields.double(record + 32), size: try fields.double(record + 40),
                offset: try fields.double(record + 48))
            guard count == 0xFFFF || count == wide.count, size == 0xFFFF_FFFF || size == wide.size,
                offset == 0xFFFF_FFFF || offset == wide.offset
            else { throw .malformedArchive("its ZIP64 end record and its end record disagree") }
            (count, size, offset) = wide
            directoryEnd = record
        }
        guard offset >= 0, offset <= directoryEnd, size == directoryEnd - offset else {
            throw .malformedArchive("a directory of \(size) bytes at byte \(offset) doesn't end at byte "
                + "\(directoryEnd)")
        }
        guard count <= CheckpointLimits.tensors else {
            throw .overLimit("entries of an archive", limit: CheckpointLimits.tensors)
        }
        guard count > 0 else { throw .malformedArchive("it has no entries") }
        range = offset..<directoryEnd
        entryCount = count
    }

    /// The end record is 22 bytes and a comment of up to 65,535; the comment must reach just to the end of the file.
    private static func findEndRecord(_ bytes: CheckpointBytes) throws(CheckpointError) -> Int {
        var position = bytes.count - 22
        let lowest = max(0, position - 0xFFFF)
        while position >= lowest {
            if bytes.littleEndian(UInt32.self, at: position) == endSignature {
                guard let comment = bytes.littleEndian(UInt16.self, at: position + 20),
                    Int(comment) == bytes.count - 22 - position
                else { throw .malformedArchive("its end record doesn't end with the file") }
                return position
            }
            position -= 1
        }
        throw .malformedArchive("it has no end record; is the file complete?")
    }
}

/// Fields of zip headers: little-endian, as `Int`, never past the end of the file.
struct ZipFields {
    private let bytes: CheckpointBytes

    init(_ bytes: CheckpointBytes) { self.bytes = bytes }

    func half(_ offset: Int) throws(CheckpointError) -> Int { Int(try field(UInt16.self, offset)) }

    func word(_ offset: Int) throws(CheckpointError) -> Int { Int(try field(UInt32.self, offset)) }

    func double(_ offset: Int) throws(CheckpointError) -> Int {
        guard let value = Int(exactly: try field(UInt64.self, offset)) else {
            throw .malformedArchive("a 64-bit field at byte \(offset) is over \(Int.max)")
        }
        return value
    }

    private func field<Integer: FixedWidthInteger & BitwiseCopyable>(
        _ type: Integer.Type, _ offset: Int
    ) throws(CheckpointError) -> Integer {
        guard let value = bytes.littleEndian(type, at: offset) else {
            throw .malformedArchive("a header reaches past the end of the file")
        }
        return value
    }
}
