/// What a file carries beside its picture and the colours it means. It goes out again only where a client asks for it, since
/// it may hold a place and a name.
package struct PictureMetadata: Sendable, Equatable {
    /// The EXIF block (a TIFF structure, without JPEG's "Exif" prefix) with its orientation reset.
    package var exif: [UInt8]?
    /// An XMP packet, its orientation reset as well.
    package var xmp: [UInt8]?
    /// IPTC records (IIM).
    package var iptc: [UInt8]?
    package var resolution: Resolution?

    package init() {}

    /// Bytes that its parts take.
    package var count: Int { (exif?.count ?? 0) + (xmp?.count ?? 0) + (iptc?.count ?? 0) }

    /// For a picture that is turned: rows become columns.
    mutating func swapSides() {
        resolution = resolution.flatMap { Resolution(across: $0.down, down: $0.across, unit: $0.unit) }
    }
}

/// Pixels along a length, across and down.
package struct Resolution: Sendable, Equatable {
    package enum Unit: Sendable { case none, inch, centimetre, metre }

    package let across: Int
    package let down: Int
    /// Without one the two numbers only give the shape of a pixel.
    package let unit: Unit

    /// Nil where a number is not positive, or where nothing is said: square pixels of no unit.
    init?(across: Int, down: Int, unit: Unit) {
        guard across > 0, down > 0, unit != .none || across != down else { return nil }
        (self.across, self.down, self.unit) = (across, down, unit)
    }

    private static func metres(of unit: Unit) -> Double {
        switch unit {
        case .none, .metre: 1
        case .inch: 0.0254
        case .centimetre: 0.01
        }
    }

    /// In another unit, rounded: 300 to an inch are 11,811 to a metre, and the other way. The shape of a pixel stays
    /// without a unit.
    package func converted(to unit: Unit) -> Resolution? {
        guard self.unit != .none, unit != self.unit else { return self }
        let factor = Self.metres(of: unit) / Self.metres(of: self.unit)
        func number(_ value: Int) -> Int { Int(exactly: (Double(value) * factor).rounded()) ?? 0 }
        return Resolution(across: number(across), down: number(down), unit: unit)
    }
}

/// An XMP packet.
enum XMPPacket {
    /// The packet with its orientation as it must be once the pixels have been turned.
    static func resettingOrientation(of packet: [UInt8]) -> [UInt8] {
        var packet = packet
        for property in ["tiff:Orientation=\"", "tiff:Orientation='", "<tiff:Orientation>"] {
            guard let value = packet.firstRange(of: Array(property.utf8))?.upperBound, value + 1 < packet.count,
                UInt8(ascii: "2")...UInt8(ascii: "8") ~= packet[value],
                [UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "<")].contains(packet[value + 1])
            else { continue }
            packet[value] = UInt8(ascii: "1")
        }
        return packet
    }
}

/// Photoshop's resource blocks, in which JPEGs, and PNGs of some writers, carry IPTC records.
enum PhotoshopResources {
    private static let signature = Array("8BIM".utf8)
    private static let iptcNumber = 0x0404

    /// The IPTC records among the blocks: signature, number, name as a Pascal string padded to even length, length,
    /// contents padded likewise. Nil where there are none, or the blocks end too early.
    static func iptc(in blocks: ByteView) -> [UInt8]? {
        var offset = 0
        while blocks.starts(with: signature, at: offset) {
            guard let number = blocks.bigEndian16(at: offset + 4), let name = blocks.byte(at: offset + 6),
                let length = blocks.bigEndian32(at: offset + 6 + (name + 2) / 2 * 2)
            else { return nil }
            let start = offset + 10 + (name + 2) / 2 * 2
            guard length <= blocks.count - start, let contents = blocks.slice(start..<start + length) else { return nil }
            if number == iptcNumber { return contents.array() }
            offset = start + (length + 1) / 2 * 2
        }
        return nil
    }

    /// One block with IPTC records.
    static func block(iptc: [UInt8]) -> [UInt8] {
        signature + [UInt8(iptcNumber >> 8), UInt8(iptcNumber & 0xFF), 0, 0] + PNGWriter.bigEndian32(iptc.count) + iptc
            + (iptc.count % 2 == 0 ? [] : [0])
    }
}
