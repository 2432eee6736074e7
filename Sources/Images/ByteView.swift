import CSystem
import Glibc

/// Bytes borrowed for the length of one call. Every access outside them is nil, never a trap: offsets and lengths
/// in files come from outside.
struct ByteView {
    private let bytes: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var count: Int { bytes.count }

    func byte(at offset: Int) -> Int? {
        guard offset >= 0, offset < bytes.count else { return nil }
        return Int(bytes[offset])
    }

    func bigEndian16(at offset: Int) -> Int? { number(at: offset, bytes: 2, isBigEndian: true) }

    func bigEndian32(at offset: Int) -> Int? { number(at: offset, bytes: 4, isBigEndian: true) }

    /// An unsigned number of `width` bytes, at most 4.
    func number(at offset: Int, bytes width: Int, isBigEndian: Bool) -> Int? {
        guard offset >= 0, width <= bytes.count, offset <= bytes.count - width else { return nil }
        return (0..<width).reduce(0) { value, index in
            value << 8 | Int(bytes[offset + (isBigEndian ? index : width - 1 - index)])
        }
    }

    /// The bytes of `range`, or nil where any of them is outside.
    func slice(_ range: Range<Int>) -> ByteView? {
        guard range.lowerBound >= 0, range.upperBound <= bytes.count else { return nil }
        return ByteView(UnsafeRawBufferPointer(rebasing: bytes[range]))
    }

    func starts(with prefix: [UInt8], at offset: Int = 0) -> Bool {
        guard let start = slice(offset..<max(offset, offset + prefix.count)) else { return false }
        return start.bytes.elementsEqual(prefix)
    }

    func equals(_ other: ByteView) -> Bool { bytes.elementsEqual(other.bytes) }

    /// The first place at or after `offset` that holds `byte`.
    func firstIndex(of byte: UInt8, from offset: Int) -> Int? {
        guard offset >= 0, offset < bytes.count, let base = bytes.baseAddress,
            let found = memchr(base + offset, Int32(byte), bytes.count - offset)
        else { return nil }
        return UnsafeRawPointer(found) - base
    }

    /// The checksum that PNG chunks have (CRC-32 as zlib computes it).
    var checksum: Int {
        var sum = crc32(0, nil, 0), rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(1 << 30)
            sum = crc32(sum, UnsafeRawBufferPointer(rebasing: piece).bindMemory(to: UInt8.self).baseAddress, uInt(piece.count))
            rest = rest.dropFirst(piece.count)
        }
        return Int(sum)
    }

    func array() -> [UInt8] { [UInt8](bytes) }

    /// For handing the bytes to C.
    func withBytes<Result>(_ body: (UnsafePointer<UInt8>?, Int) -> Result) -> Result {
        body(bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
    }
}

extension Collection<UInt8> {
    /// Lends the elements as one run of bytes, copied only where the collection has none.
    func withByteView<Result>(_ body: (ByteView) throws(ImageError) -> Result) throws(ImageError) -> Result {
        let outcome = withContiguousStorageIfAvailable { storage in
            Swift.Result<Result, ImageError> { () throws(ImageError) -> Result in
                try body(ByteView(UnsafeRawBufferPointer(storage)))
            }
        }
        if let outcome { return try outcome.get() }
        return try ContiguousArray(self).withByteView(body)
    }
}
