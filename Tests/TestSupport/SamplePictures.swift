package import Images

extension Picture {
    /// A smooth picture with a little structure, the same for the same arguments: it survives JPEG with little loss,
    /// and no two of its corners are alike.
    package static func sample(width: Int, height: Int, hasAlpha: Bool = false) -> Picture {
        var pixels: [UInt8] = [], alpha: [UInt8] = []
        for y in 0..<height {
            for x in 0..<width {
                let across = 255 * x / max(1, width - 1), down = 255 * y / max(1, height - 1)
                let wave = (x * x / 7 + y * 3) % 32
                pixels.append(UInt8(across))
                pixels.append(UInt8(down))
                pixels.append(UInt8((255 - (across + down) / 2) * 7 / 8 + wave))
                alpha.append(UInt8((across + 255 - down) / 2))
            }
        }
        return Picture(width: width, height: height, pixels: pixels, alpha: hasAlpha ? alpha : nil)
    }

    /// Uniformly random bytes.
    package static func noise(
        width: Int, height: Int, hasAlpha: Bool = false, using generator: inout SeededGenerator
    ) -> Picture {
        func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) } }
        let pixels = bytes(3 * width * height)
        return Picture(
            width: width, height: height, pixels: pixels, alpha: hasAlpha ? bytes(width * height) : nil)
    }
}

/// The smallest ICC profile that is recognised: a header of the given colour space and padding.
package func sampleColourProfile(bytes count: Int = 300, space: String = "RGB ") -> [UInt8] {
    var profile = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    profile.replaceSubrange(16..<20, with: Array(space.utf8))
    profile.replaceSubrange(36..<40, with: Array("acsp".utf8))
    return profile
}

/// An EXIF block with one directory: the orientation between two other fields.
package func sampleExif(orientation: Int, isBigEndian: Bool = true, padding: Int = 0) -> [UInt8] {
    func number(_ value: Int, _ width: Int) -> [UInt8] {
        let bytes = (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        return isBigEndian ? bytes.reversed() : bytes
    }
    func entry(_ tag: Int, _ value: Int) -> [UInt8] {
        number(tag, 2) + number(3, 2) + number(1, 4) + number(value, 2) + [0, 0]
    }
    let start: [UInt8] = isBigEndian ? [0x4D, 0x4D, 0, 42] : [0x49, 0x49, 42, 0]
    return start + number(8, 4) + number(3, 2) + entry(0x0103, 6) + entry(0x0112, orientation) + entry(0x0128, 2)
        + number(0, 4) + [UInt8](repeating: 0, count: padding)
}
