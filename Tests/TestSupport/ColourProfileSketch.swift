/// Small ICC profiles (version 2, matrix and gamma, or grey), made from scratch.
package struct ColourProfileSketch: Sendable {
    /// X, Y and Z of red, green and blue, adapted to D50; none for grey.
    package var colorants: [[Double]]
    /// Light is the value to this power.
    package var gamma: Double

    package init(_ colorants: [[Double]], gamma: Double) { (self.colorants, self.gamma) = (colorants, gamma) }

    package static let standard = Self(
        [[0.4360, 0.2225, 0.0139], [0.3851, 0.7169, 0.0971], [0.1431, 0.0606, 0.7141]], gamma: 2.2)
    package static let displayP3 = Self(
        [[0.5151, 0.2412, -0.0011], [0.2920, 0.6922, 0.0419], [0.1571, 0.0666, 0.7841]], gamma: 2.2)
    package static let adobeRGB = Self(
        [[0.6097, 0.3111, 0.0195], [0.2053, 0.6257, 0.0609], [0.1492, 0.0632, 0.7446]], gamma: 2.19921875)
    package static let proPhoto = Self(
        [[0.7977, 0.2880, 0], [0.1352, 0.7119, 0], [0.0313, 0.0001, 0.8249]], gamma: 1.8)

    package static func grey(gamma: Double) -> Self { Self([], gamma: gamma) }

    /// The profile's bytes.
    package func encoded() -> [UInt8] {
        let curve = Array("curv".utf8) + bigEndian32(0) + bigEndian32(1)
            + [UInt8(Int(gamma * 256) >> 8), UInt8(Int(gamma * 256) & 0xFF), 0, 0]
        var tags: [(String, [UInt8])] = [("wtpt", Self.xyz([0.9642, 1, 0.8249]))]
        if colorants.isEmpty {
            tags.append(("kTRC", curve))
        } else {
            for (name, colorant) in zip(["r", "g", "b"], colorants) {
                tags += [("\(name)XYZ", Self.xyz(colorant)), ("\(name)TRC", curve)]
            }
        }
        var table = bigEndian32(tags.count), data: [UInt8] = []
        let start = 128 + 4 + 12 * tags.count
        for (name, contents) in tags {
            table += Array(name.utf8) + bigEndian32(start + data.count) + bigEndian32(contents.count)
            data += contents
        }
        let space = colorants.isEmpty ? "GRAY" : "RGB "
        let head = bigEndian32(start + data.count) + bigEndian32(0) + [2, 0x10, 0, 0]
            + Array("mntr\(space)XYZ ".utf8) + [UInt8](repeating: 0, count: 12) + Array("acsp".utf8)
            + [UInt8](repeating: 0, count: 28) + Self.xyzNumbers([0.9642, 1, 0.8249])
        return head + [UInt8](repeating: 0, count: 128 - head.count) + table + data
    }

    private static func xyz(_ values: [Double]) -> [UInt8] { Array("XYZ ".utf8) + bigEndian32(0) + xyzNumbers(values) }

    private static func xyzNumbers(_ values: [Double]) -> [UInt8] {
        values.flatMap { bigEndian32(Int(($0 * 65_536).rounded()) & 0xFFFF_FFFF) }
    }
}
