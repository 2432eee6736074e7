/// How a stored picture is to be turned and mirrored for display: the value of the EXIF tag 0x0112
/// (Exif 2.3, section 4.6.4). The comments say where the stored first row and first column are displayed.
package enum Orientation: Int, Sendable, CaseIterable {
    /// Top, left: as stored.
    case normal = 1
    /// Top, right.
    case mirrored = 2
    /// Bottom, right.
    case turnedHalf = 3
    /// Bottom, left.
    case flipped = 4
    /// Left, top.
    case transposed = 5
    /// Right, top: a quarter clockwise.
    case turnedRight = 6
    /// Right, bottom.
    case transversed = 7
    /// Left, bottom: a quarter anticlockwise.
    case turnedLeft = 8

    /// Whether width and height change places.
    package var swapsSides: Bool { rawValue >= 5 }

    /// The place of the stored pixel (x, y) in the displayed picture is `origin + x * column + y * row`.
    func steps(displayedWidth width: Int, displayedHeight height: Int) -> (origin: Int, column: Int, row: Int) {
        switch self {
        case .normal: (0, 1, width)
        case .mirrored: (width - 1, -1, width)
        case .turnedHalf: (width * height - 1, -1, -width)
        case .flipped: ((height - 1) * width, 1, -width)
        case .transposed: (0, width, 1)
        case .turnedRight: (width - 1, width, -1)
        case .transversed: (width * height - 1, -width, -1)
        case .turnedLeft: ((height - 1) * width, -width, 1)
        }
    }
}

/// The one field that matters in an EXIF block. The block is a little TIFF file; only its first directory is read,
/// without following any other offset, and whatever is not as it should be means "no orientation".
enum ExifBlock {
    private static let orientationTag = 0x0112
    private static let shortType = 3
    private static let entryBytes = 12

    /// The orientation the block gives; normal where it gives none.
    static func orientation(in block: ByteView) -> Orientation {
        guard let field = orientationField(in: block),
            let value = block.number(at: field.offset, bytes: 2, isBigEndian: field.isBigEndian)
        else { return .normal }
        return Orientation(rawValue: value) ?? .normal
    }

    /// The block with its orientation set to normal, as it must be once the pixels have been turned; nil where it
    /// isn't a TIFF structure at all.
    static func resettingOrientation(of block: ByteView) -> [UInt8]? {
        guard isBigEndian(block) != nil else { return nil }
        var bytes = block.array()
        if let field = orientationField(in: block) {
            bytes[field.offset] = field.isBigEndian ? 0 : 1
            bytes[field.offset + 1] = field.isBigEndian ? 1 : 0
        }
        return bytes
    }

    private static func isBigEndian(_ block: ByteView) -> Bool? {
        if block.starts(with: [0x49, 0x49, 0x2A, 0x00]) { return false }
        if block.starts(with: [0x4D, 0x4D, 0x00, 0x2A]) { return true }
        return nil
    }

    /// Where the two bytes of the orientation's value stand; both are inside the block.
    private static func orientationField(in block: ByteView) -> (offset: Int, isBigEndian: Bool)? {
        guard let isBigEndian = isBigEndian(block),
            let directory = block.number(at: 4, bytes: 4, isBigEndian: isBigEndian),
            let entries = block.number(at: directory, bytes: 2, isBigEndian: isBigEndian)
        else { return nil }
        for index in 0..<entries {
            let entry = directory + 2 + index * entryBytes
            guard let tag = block.number(at: entry, bytes: 2, isBigEndian: isBigEndian),
                let type = block.number(at: entry + 2, bytes: 2, isBigEndian: isBigEndian),
                block.number(at: entry + 8, bytes: 2, isBigEndian: isBigEndian) != nil
            else { return nil }
            if tag == orientationTag { return type == shortType ? (entry + 8, isBigEndian) : nil }
        }
        return nil
    }
}
