import CImageCodecs

/// Writes a picture as an 8-bit PNG or JPEG file. What says which colours are meant goes out as it came in, as far as the
/// format can say it; metadata only where it is asked for, since it may hold a place and a name.
package enum ImageEncoder {
    /// zlib's level for PNG. On photographs level 2 with libpng's choice among the four filters gave files as small
    /// as level 6 in less than half the time (2.08 against 2.10 bytes a pixel, 88 against 200 ms a megapixel).
    private static let compressionLevel: Int32 = 2

    /// The longest side that libjpeg reads and writes, in pixels.
    package static let longestJPEGSide = 65_500

    /// Checks, before any work on a picture, that a format can hold it: the one thing that an encoder may refuse.
    ///
    /// Throws `sideTooLongFor`.
    package static func check(width: Int, height: Int, as format: ImageFormat) throws(ImageError) {
        let limit = format == .jpeg ? longestJPEGSide : Int(Int32.max)
        guard max(width, height) <= limit else {
            throw .sideTooLongFor(format, width: width, height: height, limit: limit)
        }
    }

    /// Of a JPEG where nobody asks for one.
    package static let standardQuality = 90

    /// Writes a picture in a format.
    ///
    /// - Parameter quality: of a JPEG, 1...100; a PNG has none.
    /// - Throws: as `png` and `jpeg`.
    package static func encode(
        _ picture: Picture, as format: ImageFormat, quality: Int = standardQuality, keepsMetadata: Bool = false,
        shouldContinue: () -> Bool = { true }
    ) throws(ImageError) -> [UInt8] {
        switch format {
        case .png: try png(picture, keepsMetadata: keepsMetadata, shouldContinue: shouldContinue)
        case .jpeg:
            try jpeg(
                picture, options: JPEGOptions(quality: quality), keepsMetadata: keepsMetadata, shouldContinue: shouldContinue)
        }
    }

    /// How a JPEG is written.
    package struct JPEGOptions: Sendable, Equatable {
        /// 1...100, as libjpeg scales its tables.
        package var quality = 95
        /// Half the colour resolution in both directions (4:2:0): smaller, at a cost to fine coloured detail.
        package var halvesColour = false
        package var isProgressive = false

        package init(quality: Int = 95, halvesColour: Bool = false, isProgressive: Bool = false) {
            (self.quality, self.halvesColour, self.isProgressive) = (quality, halvesColour, isProgressive)
        }
    }

    /// RGB, or RGBA where the picture has alpha; grey where its profile is one of grey.
    ///
    /// Throws `notEncodable` for a picture without pixels, `sideTooLongFor`, `cancelled`, or `outOfMemory`.
    package static func png(
        _ picture: Picture, keepsMetadata: Bool = false, shouldContinue: () -> Bool = { true }
    ) throws(ImageError) -> [UInt8] {
        try encode(picture, as: .png, keepsMetadata: keepsMetadata, shouldContinue) {
            codec_png_encode($0, compressionLevel, $1, $2, $3)
        }
    }

    /// YCbCr at full colour resolution unless asked otherwise. JPEG has no alpha: what is transparent is laid over
    /// white. An EXIF block too long for JPEG's one segment (65,527 bytes) is left out, as is such an XMP packet. Colours that
    /// only chunks of a PNG describe get a profile that says the same.
    ///
    /// Throws `notEncodable` for a picture without pixels or a quality outside 1...100, `sideTooLongFor`, `cancelled`, or
    /// `outOfMemory`.
    package static func jpeg(
        _ picture: Picture, options: JPEGOptions = JPEGOptions(), keepsMetadata: Bool = false,
        shouldContinue: () -> Bool = { true }
    ) throws(ImageError) -> [UInt8] {
        guard 1...100 ~= options.quality else {
            throw .notEncodable("JPEG quality is 1...100 and not \(options.quality)")
        }
        let density = (keepsMetadata ? picture.metadata : PictureMetadata()).jfifDensity
        var settings = codec_jpeg_options(
            quality: Int32(options.quality), halves_colour: options.halvesColour,
            is_progressive: options.isProgressive, density_unit: density.unit, x_density: density.across,
            y_density: density.down)
        return try encode(picture, as: .jpeg, keepsMetadata: keepsMetadata, shouldContinue) {
            codec_jpeg_encode($0, &settings, $1, $2, $3)
        }
    }

    private typealias Codec = (
        UnsafePointer<codec_picture>, UnsafePointer<codec_monitor>, UnsafeMutablePointer<codec_output>,
        UnsafeMutablePointer<codec_report>
    ) -> Void

    private static func encode(
        _ picture: Picture, as format: ImageFormat, keepsMetadata: Bool, _ shouldContinue: () -> Bool, codec: Codec
    ) throws(ImageError) -> [UInt8] {
        guard min(picture.width, picture.height) >= 1 else { throw .notEncodable("there are no pixels") }
        try check(width: picture.width, height: picture.height, as: format)
        let isGrey = !picture.isConverted && picture.colour.isGrey && picture.hasGreyPixelsOnly
        let segments = try segments(of: picture, isGrey: isGrey, as: format, keepsMetadata: keepsMetadata)
        var report = codec_report()
        var output = codec_output()
        defer { codec_output_free(&output) }
        withCPicture(picture, isGrey: isGrey, segments: segments) { source in
            CodecMonitor.with(shouldContinue) { codec(source, $0, &output, &report) }
        }
        switch report.status {
        case CODEC_OK: return [UInt8](UnsafeBufferPointer(start: output.bytes, count: output.count))
        case CODEC_CANCELLED: throw .cancelled
        case CODEC_NO_MEMORY: throw .outOfMemory
        default: throw .notEncodable(report.text)
        }
    }

    /// What stands beside the pixels, in the format's own form. Converted pixels are sRGB's and need no word about that.
    private static func segments(
        of picture: Picture, isGrey: Bool, as format: ImageFormat, keepsMetadata: Bool
    ) throws(ImageError) -> [UInt8] {
        var colour = picture.isConverted ? ColourDescription() : picture.colour
        // On pixels of three channels a grey profile would be wrong.
        if colour.isGrey, !isGrey { colour.profile = nil }
        let metadata = keepsMetadata ? picture.metadata : PictureMetadata()
        switch format {
        case .png: return try colour.pngChunks() + metadata.pngChunks()
        case .jpeg:
            let profile = colour.profile ?? colour.profileForJPEG
            return metadata.jpegSegments() + (profile.map(ColourProfile.jpegSegments) ?? [])
        }
    }

    private static func withCPicture(
        _ picture: Picture, isGrey: Bool, segments: [UInt8], _ body: (UnsafePointer<codec_picture>) -> Void
    ) {
        picture.pixels.withUnsafeBufferPointer { rgb in
            withOptionalBytes(picture.alpha) { alpha, _ in
                withOptionalBytes(segments) { segments, count in
                    guard let pixels = rgb.baseAddress else { return }
                    var source = codec_picture(
                        rgb: pixels, alpha: alpha, width: UInt32(picture.width), height: UInt32(picture.height),
                        is_grey: isGrey, segments: segments, segments_count: count)
                    body(&source)
                }
            }
        }
    }

    private static func withOptionalBytes(_ bytes: [UInt8]?, _ body: (UnsafePointer<UInt8>?, Int) -> Void) {
        guard let bytes, !bytes.isEmpty else { return body(nil, 0) }
        bytes.withUnsafeBufferPointer { body($0.baseAddress, $0.count) }
    }
}
