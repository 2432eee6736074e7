/// An own, plain PNG writer: any colour type, depth and interlacing, rows unfiltered, data stored uncompressed. It
/// shares no code with libpng, so what it writes is an independent check of what is read.
package struct PNGSketch {
    package var width: Int
    package var height: Int
    package var bitDepth: Int
    /// 0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGB with alpha.
    package var colourType: Int
    package var isInterlaced = false
    package var palette: [[UInt8]] = []
    /// The payload of a tRNS chunk.
    package var transparency: [UInt8]?
    /// Chunks between IHDR and the pixels, in full.
    package var ancillary: [UInt8] = []
    /// The stored sample of a column, row and channel.
    package var sample: (Int, Int, Int) -> Int

    package init(
        width: Int, height: Int, bitDepth: Int = 8, colourType: Int = 2, isInterlaced: Bool = false,
        sample: @escaping (Int, Int, Int) -> Int = { x, y, channel in (x * 7 + y * 13 + channel * 50) % 256 }
    ) {
        (self.width, self.height, self.bitDepth, self.colourType) = (width, height, bitDepth, colourType)
        (self.isInterlaced, self.sample) = (isInterlaced, sample)
    }

    package static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    package var channels: Int { [0: 1, 2: 3, 3: 1, 4: 2, 6: 4][colourType] ?? 1 }

    package func encoded() -> [UInt8] { encoded(pixelData: Zlib.stored(rows())) }

    /// The file with other contents of its one IDAT chunk.
    package func encoded(pixelData: [UInt8]) -> [UInt8] {
        var file = Self.signature + header()
        file += ancillary
        if !palette.isEmpty { file += Self.chunk("PLTE", palette.flatMap { $0 }) }
        if let transparency { file += Self.chunk("tRNS", transparency) }
        return file + Self.chunk("IDAT", pixelData) + Self.chunk("IEND", [])
    }

    /// The IHDR chunk.
    package func header(compression: UInt8 = 0, filter: UInt8 = 0, interlacing: UInt8? = nil) -> [UInt8] {
        Self.chunk(
            "IHDR",
            bigEndian32(width) + bigEndian32(height) + [
                UInt8(bitDepth), UInt8(colourType), compression, filter, interlacing ?? (isInterlaced ? 1 : 0),
            ])
    }

    package static func chunk(_ type: String, _ payload: [UInt8]) -> [UInt8] {
        let body = Array(type.utf8) + payload
        return bigEndian32(payload.count) + body + bigEndian32(Int(Zlib.crc32(body)))
    }

    /// Unfiltered rows, pass by pass (PNG section 8.2).
    package func rows() -> [UInt8] {
        guard isInterlaced else { return rows(from: (0, 0), steps: (1, 1)) }
        let passes = [
            (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
        ]
        return passes.flatMap { rows(from: ($0.0, $0.1), steps: ($0.2, $0.3)) }
    }

    private func rows(from start: (x: Int, y: Int), steps: (x: Int, y: Int)) -> [UInt8] {
        guard start.x < width, start.y < height else { return [] }
        return stride(from: start.y, to: height, by: steps.y).flatMap { y -> [UInt8] in
            var packed: [UInt8] = [0]  // the filter type
            var bits = 0, held = 0
            for x in stride(from: start.x, to: width, by: steps.x) {
                for channel in 0..<channels {
                    held = held << bitDepth | sample(x, y, channel)
                    bits += bitDepth
                    while bits >= 8 {
                        packed.append(UInt8(truncatingIfNeeded: held >> (bits - 8)))
                        bits -= 8
                    }
                    held &= (1 << bits) - 1
                }
            }
            if bits > 0 { packed.append(UInt8(truncatingIfNeeded: held << (8 - bits))) }
            return packed
        }
    }
}

/// Four bytes, highest first.
package func bigEndian32(_ value: Int) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
}

/// The parts of zlib and DEFLATE (RFC 1950, RFC 1951) that test files need.
package enum Zlib {
    private static let crcTable: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { crc, _ in crc & 1 == 1 ? 0xEDB8_8320 ^ (crc >> 1) : crc >> 1 }
    }

    package static func crc32(_ bytes: some Sequence<UInt8>) -> UInt32 {
        ~bytes.reduce(~0) { crc, byte in crcTable[Int((crc ^ UInt32(byte)) & 0xFF)] ^ (crc >> 8) }
    }

    static func adler32(_ bytes: [UInt8]) -> [UInt8] {
        var a = 1, b = 0
        for byte in bytes {
            a = (a + Int(byte)) % 65_521
            b = (b + a) % 65_521
        }
        return bigEndian32(b << 16 | a)
    }

    /// A stream of stored blocks.
    package static func stored(_ bytes: [UInt8]) -> [UInt8] {
        var stream: [UInt8] = [0x78, 0x01]
        var start = 0
        repeat {
            let end = min(start + 65_535, bytes.count), length = end - start
            let low = UInt8(length & 0xFF), high = UInt8(length >> 8)
            stream += [end == bytes.count ? 1 : 0, low, high, ~low, ~high] + bytes[start..<end]
            start = end
        } while start < bytes.count
        return stream + adler32(bytes)
    }

    /// A stream of a few kilobytes a megabyte that expands to 1 + 258 `repeats` zero bytes: one literal, then
    /// copies of the longest length in fixed codes. Its checksum is right.
    package static func bomb(repeats: Int) -> [UInt8] {
        var stream: [UInt8] = [0x78, 0x01]
        var held: UInt64 = 0, bits = 0
        func put(_ code: UInt64, _ count: Int) {
            held |= code << bits
            bits += count
            while bits >= 8 {
                stream.append(UInt8(truncatingIfNeeded: held))
                held >>= 8
                bits -= 8
            }
        }
        put(0b011, 3)  // the last block, fixed codes
        put(0b0000_1100, 8)  // literal 0: code 00110000, highest bit first
        for _ in 0..<repeats { put(0b1010_0011, 8 + 5) }  // length 258: code 11000101; distance 1: 00000
        put(0, 7)  // end of block
        if bits > 0 { put(0, 8 - bits) }
        let length = 1 + 258 * repeats
        return stream + bigEndian32((length % 65_521) << 16 | 1)
    }
}
