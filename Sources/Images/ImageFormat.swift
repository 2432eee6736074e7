/// The picture formats that are read and written.
package enum ImageFormat: String, Sendable, CaseIterable {
    case png
    case jpeg

    /// The registered media type, `image/png` or `image/jpeg`.
    package var mediaType: String { "image/\(rawValue)" }

    /// The format of a media type without parameters, in lower case; nil for any other type.
    package init?(mediaType: String) {
        guard let format = Self.allCases.first(where: { $0.mediaType == mediaType }) else { return nil }
        self = format
    }

    /// The format that the first bytes announce: the 8-byte signature of a PNG (PNG section 5.2), or a JPEG's
    /// start-of-image marker and the first byte of the next marker. Nil where they announce neither.
    package static func sniff(_ bytes: some Collection<UInt8>) -> ImageFormat? {
        if bytes.starts(with: pngSignature) { return .png }
        if bytes.starts(with: jpegSignature) { return .jpeg }
        return nil
    }

    static let pngSignature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    static let jpegSignature: [UInt8] = [0xFF, 0xD8, 0xFF]
}
