import CImageCodecs

/// Turns the bytes of a PNG or JPEG into the picture as it is displayed.
package enum ImageDecoder {
    /// Decodes to 8-bit RGB, with alpha where a PNG has any, turned upright by its EXIF orientation.
    ///
    /// 16-bit samples are rounded to 8; palettes and grey become RGB; colours that differ much from sRGB become sRGB. What
    /// follows the end of the image is ignored, and so is what every viewer ignores. Checks stand in the order of
    /// `ImageError`'s cases, so an oversized picture is refused from its header before anything is allocated. Pixels that
    /// are corrupt, truncated or wrongly summed are an error: never a half-grey picture.
    /// - Parameters:
    ///   - bytes: The whole file.
    ///   - declared: What the sender says it is, nil where it says nothing.
    ///   - convertsColours: Whether to sRGB; else the samples stay as they are.
    ///   - shouldContinue: Asked every few rows; false ends the work with `ImageError.cancelled`.
    package static func decode(
        _ bytes: some Collection<UInt8>, declared: ImageFormat? = nil, limits: ImageLimits = ImageLimits(),
        convertsColours: Bool = true, shouldContinue: () -> Bool = { true }
    ) throws(ImageError) -> Picture {
        try bytes.withByteView { view throws(ImageError) in
            guard view.count > 0 else { throw .empty }
            guard let found = ImageHeader.format(of: view) else { throw .unrecognisedFormat }
            if let declared, declared != found { throw .formatMismatch(declared: declared, found: found) }
            let header = try ImageHeader.read(view)
            try header.check(limits)
            var picture = switch found {
            case .png: try decodePNG(view, header, limits, shouldContinue)
            case .jpeg: try decodeJPEG(view, header, limits, shouldContinue)
            }
            if header.orientation.swapsSides { picture.metadata.swapSides() }
            if convertsColours, let conversion = ColourConversion(picture.colour.space) {
                try conversion.convertToStandard(&picture.pixels, shouldContinue: shouldContinue)
                picture.isConverted = true
            }
            return picture
        }
    }

    private static func decodePNG(
        _ bytes: ByteView, _ header: ImageHeader, _ limits: ImageLimits, _ shouldContinue: () -> Bool
    ) throws(ImageError) -> Picture {
        let fields = try PNGHeader(bytes)
        let layout = PNGLayout(bytes, fields)
        try layout.check()
        let spans = layout.spans.map { codec_span(offset: $0.lowerBound, count: $0.count) }
        let hasAlpha = fields.hasAlphaChannel || layout.hasTransparency
        var picture = try decodePixels(bytes, header, hasAlpha: hasAlpha, limits, shouldContinue) {
            codec_png_decode($0, spans, spans.count, $1, $2, $3)
        }
        picture.colour = ColourDescription(
            layout.colourChunks, isGrey: fields.isGrey, limit: limits.colourProfileBytes)
        picture.metadata = PictureMetadata(png: bytes, exif: layout.exif, limit: limits.metadataBytes)
        return picture
    }

    private static func decodeJPEG(
        _ bytes: ByteView, _ header: ImageHeader, _ limits: ImageLimits, _ shouldContinue: () -> Bool
    ) throws(ImageError) -> Picture {
        let frame = try JPEGHeader(bytes)
        try frame.checkScans(bytes, limit: limits.jpegScans)
        let scans = Int32(clamping: limits.jpegScans)
        var picture = try decodePixels(bytes, header, hasAlpha: false, limits, shouldContinue) {
            codec_jpeg_decode($0, $1, scans, $2, $3)
        }
        let isGrey = frame.componentIdentifiers.count == 1
        picture.colour.profile = ColourProfile.read(jpeg: bytes, isGrey: isGrey, limit: limits.colourProfileBytes)
        picture.metadata = PictureMetadata(jpeg: bytes, exif: frame.exif, limit: limits.metadataBytes)
        return picture
    }

    private typealias Codec = (
        UnsafePointer<codec_input>, UnsafePointer<codec_surface>, UnsafePointer<codec_monitor>,
        UnsafeMutablePointer<codec_report>
    ) -> Void

    /// Lets `codec` write straight into the picture's own arrays. Their memory is not touched before pixels arrive,
    /// so that a truncated file costs no more than the rows it has.
    private static func decodePixels(
        _ bytes: ByteView, _ header: ImageHeader, hasAlpha: Bool, _ limits: ImageLimits,
        _ shouldContinue: () -> Bool, codec: Codec
    ) throws(ImageError) -> Picture {
        let pixelCount = header.width * header.height  // within the limits, so no overflow
        let steps = header.orientation.steps(displayedWidth: header.width, displayedHeight: header.height)
        var report = codec_report()
        func run(_ rgb: UnsafeMutablePointer<UInt8>?, _ alpha: UnsafeMutablePointer<UInt8>?) -> Bool {
            bytes.withBytes { start, count in
                guard let start, let rgb else { return false }
                var input = codec_input(
                    bytes: start, count: count, width: UInt32(header.storedWidth), height: UInt32(header.storedHeight))
                var surface = codec_surface(
                    rgb: rgb, alpha: alpha, origin: steps.origin, column_step: steps.column, row_step: steps.row)
                CodecMonitor.with(shouldContinue) { codec(&input, &surface, $0, &report) }
                return report.status == CODEC_OK
            }
        }
        var alpha: [UInt8]?
        let pixels = [UInt8](unsafeUninitializedCapacity: pixelCount * 3) { rgb, count in
            guard hasAlpha else {
                count = run(rgb.baseAddress, nil) ? pixelCount * 3 : 0
                return
            }
            alpha = [UInt8](unsafeUninitializedCapacity: pixelCount) { opacity, opacityCount in
                let isDone = run(rgb.baseAddress, opacity.baseAddress)
                (count, opacityCount) = isDone ? (pixelCount * 3, pixelCount) : (0, 0)
            }
        }
        if let error = ImageError(report, limits) { throw error }
        return Picture(width: header.width, height: header.height, pixels: pixels, alpha: alpha)
    }
}

/// Lends a Swift closure to C as a function pointer and its context.
enum CodecMonitor {
    static func with(_ shouldContinue: () -> Bool, _ body: (UnsafePointer<codec_monitor>) -> Void) {
        withoutActuallyEscaping(shouldContinue) { check in
            var check = check
            withUnsafeMutablePointer(to: &check) { pointer in
                var monitor = codec_monitor(
                    should_continue: { context in
                        context?.assumingMemoryBound(to: (() -> Bool).self).pointee() ?? true
                    },
                    context: UnsafeMutableRawPointer(pointer))
                body(&monitor)
            }
        }
    }
}

extension ImageError {
    /// What a codec reported; nil where it succeeded.
    init?(_ report: codec_report, _ limits: ImageLimits) {
        switch report.status {
        case CODEC_OK: return nil
        case CODEC_TRUNCATED: self = .truncated
        case CODEC_CANCELLED: self = .cancelled
        case CODEC_TOO_MANY_SCANS: self = .overLimit(.jpegScans, limit: limits.jpegScans)
        case CODEC_NO_MEMORY: self = .outOfMemory
        default: self = .corrupt(report.text)
        }
    }
}

extension codec_report {
    /// The library's own words.
    var text: String { withUnsafePointer(to: self) { String(cString: codec_report_message($0)) } }
}
