/// Cuts and patches in the bytes of a sound JPEG.
package struct JPEGSketch {
    package var bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// A segment with its marker and length.
    package static func segment(_ marker: UInt8, _ payload: [UInt8]) -> [UInt8] {
        [0xFF, marker, UInt8((payload.count + 2) >> 8), UInt8((payload.count + 2) & 0xFF)] + payload
    }

    /// An APP1 segment with an EXIF block.
    package static func exif(_ block: [UInt8]) -> [UInt8] { segment(0xE1, Array("Exif".utf8) + [0, 0] + block) }

    /// APP2 segments with a profile, cut into `parts`.
    package static func profile(_ profile: [UInt8], parts: Int = 1) -> [[UInt8]] {
        let length = (profile.count + parts - 1) / parts
        return (0..<parts).map { index in
            let part = profile[min(index * length, profile.count)..<min((index + 1) * length, profile.count)]
            return segment(0xE2, Array("ICC_PROFILE".utf8) + [0, UInt8(index + 1), UInt8(parts)] + part)
        }
    }

    /// Where the first marker of a kind stands. Segments are followed, so no byte inside one is taken for a marker;
    /// coded data is searched for the next marker that is neither a stuffed byte nor a restart.
    package func offset(of wanted: UInt8) -> Int? {
        var offset = 2
        while offset + 3 < bytes.count {
            guard bytes[offset] == 0xFF, bytes[offset + 1] != 0, !(0xD0...0xD7 ~= bytes[offset + 1]) else {
                offset += 1
                continue
            }
            if bytes[offset + 1] == wanted { return offset }
            offset += 2 + Int(bytes[offset + 2]) << 8 + Int(bytes[offset + 3])
        }
        return wanted == 0xD9 && bytes.suffix(2) == [0xFF, 0xD9] ? bytes.count - 2 : nil
    }

    /// Puts a segment directly behind the start of the image.
    package func inserting(_ segment: [UInt8]) -> [UInt8] { Array(bytes[..<2]) + segment + bytes[2...] }

    /// Changes the byte `distance` behind the first marker of a kind; the whole file where there is none.
    package func patching(_ marker: UInt8, _ distance: Int, with values: [UInt8]) -> [UInt8] {
        guard let start = offset(of: marker) else { return bytes }
        var patched = bytes
        patched.replaceSubrange(start + distance..<start + distance + values.count, with: values)
        return patched
    }

    /// Leaves out the first segment of a kind.
    package func removing(_ marker: UInt8) -> [UInt8] {
        guard let start = offset(of: marker) else { return bytes }
        let length = 2 + Int(bytes[start + 2]) << 8 + Int(bytes[start + 3])
        return Array(bytes[..<start]) + bytes[(start + length)...]
    }

    /// The last scan, its header included, `times` over.
    package func repeatingLastScan(_ times: Int) -> [UInt8] {
        let end = bytes.count - 2
        var start = end - 2
        while start > 0, !(bytes[start] == 0xFF && bytes[start + 1] == 0xDA) { start -= 1 }
        let scan = bytes[start..<end]
        var repeated = Array(bytes[..<end])
        repeated.reserveCapacity(bytes.count + times * scan.count)
        for _ in 1..<times { repeated += scan }
        return repeated + [0xFF, 0xD9]
    }
}
