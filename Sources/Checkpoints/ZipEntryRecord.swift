/// One entry's record in the central directory (4.3.12), and its check against the header in front of the data.
struct ZipEntryRecord {
    let name: String
    let checksum: UInt32
    let localOffset: Int
    /// Where the next record of the directory begins.
    let endOfRecord: Int

    private let nameRange: Range<Int>
    private let size: Int
    private let flags: Int

    private static let centralSignature: UInt32 = 0x0201_4B50
    private static let descriptorSignature = 0x0807_4B50
    /// The sizes follow the data (bit 3).
    private static let hasDescriptor = 1 << 3
    /// The name is UTF-8 (bit 11).
    private static let hasUnicodeName = 1 << 11

    init(_ bytes: CheckpointBytes, at offset: Int, directory: Range<Int>) throws(CheckpointError) {
        let fields = ZipFields(bytes)
        guard bytes.littleEndian(UInt32.self, at: offset) == Self.centralSignature, offset <= directory.upperBound - 46
        else { throw .malformedArchive("its directory has fewer entries than its end record says") }
        let nameStart = offset + 46
        let nameEnd = nameStart + (try fields.half(offset + 28))
        let extraEnd = nameEnd + (try fields.half(offset + 30))
        endOfRecord = extraEnd + (try fields.half(offset + 32))
        guard endOfRecord <= directory.upperBound else {
            throw .malformedArchive("a record of its directory reaches past the directory")
        }
        nameRange = nameStart..<nameEnd
        guard let name = bytes.text(in: nameRange) else { throw .malformedArchive("an entry's name is not UTF-8") }
        self.name = name
        try Self.checkName(name)

        flags = try fields.half(offset + 8)
        try Self.checkMethod(flags: flags, method: try fields.half(offset + 10), name)
        checksum = UInt32(truncatingIfNeeded: try fields.word(offset + 16))

        // A field that is all ones stands in the ZIP64 extra field (4.5.3), in this order.
        var wide = try ZipWideFields(bytes, extra: nameEnd..<extraEnd, name)
        let compressedSize = try fields.word(offset + 20)
        let plainSize = try fields.word(offset + 24)
        size = try wide.resolve(plainSize)
        guard try wide.resolve(compressedSize) == size else {
            throw .malformedArchive("the sizes of \(quoted(name)) disagree, though it is not compressed")
        }
        localOffset = try wide.resolve(try fields.word(offset + 42))
        guard try fields.half(offset + 34) == 0 else { throw .malformedArchive("it claims to span several disks") }
    }

    /// Checks the local header (4.3.7), and that entry, data and data descriptor take just the bytes up to `end`.
    ///
    /// - Precondition: `end` is within the file.
    /// - Returns: the place of the data.
    func locate(in bytes: CheckpointBytes, upTo end: Int) throws(CheckpointError) -> Range<Int> {
        let fields = ZipFields(bytes)
        let shown = quoted(name)
        guard localOffset <= end - 30,
            bytes.littleEndian(UInt32.self, at: localOffset) == ZipArchive.localSignature
        else {
            throw .malformedArchive("\(shown) is not where the directory says")
        }
        let nameStart = localOffset + 30
        let nameEnd = nameStart + (try fields.half(localOffset + 26))
        let extraEnd = nameEnd + (try fields.half(localOffset + 28))
        guard nameEnd <= end, extraEnd <= end, size <= end - extraEnd else {
            throw .malformedArchive("\(shown) overlaps what follows it, or reaches past the end")
        }
        let namesAgree = bytes.withBytes(in: nameStart..<nameEnd) { local in
            bytes.withBytes(in: nameRange) { central in local.elementsEqual(central) }
        }
        guard namesAgree, try fields.half(localOffset + 6) == flags, try fields.half(localOffset + 8) == 0 else {
            throw .malformedArchive("the header of \(shown) and the directory disagree")
        }
        try checkLocalSizes(fields, bytes, extra: nameEnd..<extraEnd)
        try checkDescriptor(fields, at: extraEnd + size, upTo: end)
        return extraEnd..<extraEnd + size
    }

    private func checkLocalSizes(
        _ fields: ZipFields, _ bytes: CheckpointBytes, extra: Range<Int>
    ) throws(CheckpointError) {
        let sum = try fields.word(localOffset + 14)
        let compressedSize = try fields.word(localOffset + 18)
        let plainSize = try fields.word(localOffset + 22)
        // Sizes that were not known when the header was written are zero; then the descriptor has them.
        if flags & Self.hasDescriptor != 0, sum == 0, compressedSize == 0 || compressedSize == 0xFFFF_FFFF {
            return
        }
        var wide = try ZipWideFields(bytes, extra: extra, name)
        guard sum == Int(checksum), try wide.resolve(plainSize) == size, try wide.resolve(compressedSize) == size else {
            throw .malformedArchive("the sizes or checksum of \(quoted(name)) disagree with the directory")
        }
    }

    /// The data descriptor (4.3.9): checksum and sizes, of four or eight bytes each, with or without a signature.
    private func checkDescriptor(_ fields: ZipFields, at offset: Int, upTo end: Int) throws(CheckpointError) {
        let length = end - offset
        var isRight = flags & Self.hasDescriptor == 0 && length == 0
        if flags & Self.hasDescriptor != 0, [12, 16, 20, 24].contains(length) {
            let hasSignature = length == 16 || length == 24
            let start = hasSignature ? offset + 4 : offset
            isRight = try fields.word(start) == Int(checksum)
            if hasSignature, try fields.word(offset) != Self.descriptorSignature { isRight = false }
            let sizes = length <= 16
                ? (try fields.word(start + 4), try fields.word(start + 8))
                : (try fields.double(start + 4), try fields.double(start + 12))
            if sizes != (size, size) { isRight = false }
        }
        guard isRight else {
            throw .malformedArchive("\(length) bytes after \(quoted(name)) are not what should follow it")
        }
    }

    private static func checkMethod(flags: Int, method: Int, _ name: String) throws(CheckpointError) {
        guard method == 0 else {
            throw .malformedArchive("\(quoted(name)) is compressed; only stored entries are read")
        }
        guard flags & ~(hasDescriptor | hasUnicodeName) == 0 else {
            throw .malformedArchive("\(quoted(name)) is encrypted or has flags that are not known")
        }
    }

    private static func checkName(_ name: String) throws(CheckpointError) {
        let components = name.split(separator: "/", omittingEmptySubsequences: false)
        let isPlain = name.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0 != "\\" && $0 != "\u{7F}" }
        guard isPlain, components.allSatisfy({ $0 != "" && $0 != "." && $0 != ".." }) else {
            throw .malformedArchive("the entry name \(quoted(name)) is not a plain relative path")
        }
    }
}

/// The ZIP64 extra field (4.5.3): eight bytes for each field that is all ones in the header, in order.
private struct ZipWideFields {
    private var values: [Int] = []
    private let name: String

    init(_ bytes: CheckpointBytes, extra: Range<Int>, _ name: String) throws(CheckpointError) {
        self.name = name
        let fields = ZipFields(bytes)
        var position = extra.lowerBound
        var isFound = false
        while position < extra.upperBound {
            guard extra.upperBound - position >= 4 else { throw Self.fault(name) }
            let identifier = try fields.half(position)
            let length = try fields.half(position + 2)
            position += 4
            guard length <= extra.upperBound - position else { throw Self.fault(name) }
            if identifier == 1 {
                guard !isFound, length % 8 == 0 || length == 28, length <= 28 else { throw Self.fault(name) }
                isFound = true
                for index in 0..<length / 8 { values.append(try fields.double(position + 8 * index)) }
            }
            position += length
        }
    }

    /// The field itself, or the next wide value where it is all ones.
    mutating func resolve(_ field: Int) throws(CheckpointError) -> Int {
        guard field == 0xFFFF_FFFF else { return field }
        guard !values.isEmpty else { throw Self.fault(name) }
        return values.removeFirst()
    }

    private static func fault(_ name: String) -> CheckpointError {
        .malformedArchive("the extra field of \(quoted(name)) is damaged")
    }
}
