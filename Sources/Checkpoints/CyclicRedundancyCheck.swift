/// The CRC-32 of zip archives (reflected polynomial 0xEDB88320), eight bytes at a time.
package enum CyclicRedundancyCheck {
    package static func checksum(of bytes: UnsafeRawBufferPointer) -> UInt32 {
        guard let start = bytes.baseAddress else { return 0 }
        return tables.withUnsafeBufferPointer { table in
            var crc: UInt32 = 0xFFFF_FFFF
            var index = 0
            let whole = bytes.count & ~7
            while index < whole {
                let low = start.loadUnaligned(fromByteOffset: index, as: UInt32.self).littleEndian ^ crc
                let high = start.loadUnaligned(fromByteOffset: index &+ 4, as: UInt32.self).littleEndian
                crc = table[1792 &+ Int(low & 0xFF)] ^ table[1536 &+ Int((low &>> 8) & 0xFF)]
                    ^ table[1280 &+ Int((low &>> 16) & 0xFF)] ^ table[1024 &+ Int(low &>> 24)]
                    ^ table[768 &+ Int(high & 0xFF)] ^ table[512 &+ Int((high &>> 8) & 0xFF)]
                    ^ table[256 &+ Int((high &>> 16) & 0xFF)] ^ table[Int(high &>> 24)]
                index &+= 8
            }
            while index < bytes.count {
                crc = crc &>> 8 ^ table[Int((crc ^ UInt32(start.load(fromByteOffset: index, as: UInt8.self))) & 0xFF)]
                index &+= 1
            }
            return ~crc
        }
    }

    /// Entry 256 n + b: what byte b does to the remainder when n more bytes follow it.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var remainder = UInt32(byte)
            for _ in 0..<8 { remainder = remainder & 1 == 1 ? remainder >> 1 ^ 0xEDB8_8320 : remainder >> 1 }
            tables[byte] = remainder
        }
        for index in 256..<tables.count {
            let previous = tables[index - 256]
            tables[index] = previous >> 8 ^ tables[Int(previous & 0xFF)]
        }
        return tables
    }()
}
