/// What a file's header tells before anything is allocated for its pixels.
package struct ImageHeader: Sendable, Equatable {
    package let format: ImageFormat
    /// Pixels across and down as stored in the file.
    package let storedWidth: Int
    package let storedHeight: Int
    /// Bits a sample: 1, 2, 4, 8 or 16 in a PNG, 8 or 12 in a JPEG.
    package let bitDepth: Int
    /// Samples a pixel as stored; the index of a palette picture counts as one.
    package let components: Int
    /// From the EXIF block; normal where there is none.
    package let orientation: Orientation
    /// Whether the picture comes in several passes: an interlaced PNG or a progressive JPEG.
    package let isMultiPass: Bool
    /// Whether a JPEG's coefficients are all in memory until its last scan.
    let keepsCoefficients: Bool
    /// Set where the picture is of a kind that `ImageDecoder` refuses.
    package let unsupported: UnsupportedPicture?

    /// Pixels across as displayed.
    package var width: Int { orientation.swapsSides ? storedHeight : storedWidth }
    /// Pixels down as displayed.
    package var height: Int { orientation.swapsSides ? storedWidth : storedHeight }

    /// Bytes that decoding holds at its peak, at most: the picture, and the coefficients of a JPEG of several scans.
    /// Saturates instead of overflowing.
    package var decodingBytes: Int {
        let (pixels, overflows) = storedWidth.multipliedReportingOverflow(by: storedHeight)
        let coefficientBytes = keepsCoefficients ? 2 * components : 0
        let (bytes, overflowsToo) = pixels.multipliedReportingOverflow(by: 4 + coefficientBytes)
        return overflows || overflowsToo ? Int.max : bytes
    }

    /// Reads the header of a PNG or JPEG.
    ///
    /// Throws `empty`, `unrecognisedFormat` or `brokenHeader`. Sizes are not compared with any limit, and nothing
    /// after the header is looked at, except the chain of a PNG's chunks for its EXIF block and the head of a JPEG's
    /// first scan.
    package static func read(_ bytes: some Collection<UInt8>) throws(ImageError) -> ImageHeader {
        try bytes.withByteView { view throws(ImageError) in try read(view) }
    }

    static func read(_ bytes: ByteView) throws(ImageError) -> ImageHeader {
        guard bytes.count > 0 else { throw .empty }
        switch format(of: bytes) {
        case .png?: return ImageHeader(png: try PNGHeader(bytes), bytes)
        case .jpeg?: return ImageHeader(try JPEGHeader(bytes))
        case nil: throw .unrecognisedFormat
        }
    }

    static func format(of bytes: ByteView) -> ImageFormat? {
        if bytes.starts(with: ImageFormat.pngSignature) { return .png }
        if bytes.starts(with: ImageFormat.jpegSignature) { return .jpeg }
        return nil
    }

    /// Throws `tooManyPixels`, `sideTooLong`, `sideTooShort` or `unsupported` where the picture is not to be decoded.
    package func check(_ limits: ImageLimits) throws(ImageError) {
        guard max(width, height) <= limits.longestSide else {
            throw .sideTooLong(width: width, height: height, limit: limits.longestSide)
        }
        let (pixels, overflows) = width.multipliedReportingOverflow(by: height)
        guard !overflows, pixels <= limits.pixels else {
            throw .tooManyPixels(width: width, height: height, limit: limits.pixels)
        }
        guard min(width, height) >= limits.shortestSide else {
            throw .sideTooShort(width: width, height: height, limit: limits.shortestSide)
        }
        if let unsupported { throw .unsupported(unsupported) }
    }
}

extension ImageHeader {
    private init(png header: PNGHeader, _ bytes: ByteView) {
        let layout = PNGLayout(bytes, header)
        format = .png
        (storedWidth, storedHeight) = (header.width, header.height)
        (bitDepth, components) = (header.bitDepth, header.components)
        orientation = layout.exif.map(ExifBlock.orientation) ?? .normal
        isMultiPass = header.isInterlaced
        keepsCoefficients = false
        // Its answer would have 8 bits, which show steps where so few stand for so wide a range.
        let isHighDynamicRange =
            header.bitDepth > 8
            && ColourDescription(layout.colourChunks, isGrey: header.isGrey, limit: 0).isHighDynamicRange
        unsupported = isHighDynamicRange ? .highDynamicRange : nil
    }

    private init(_ header: JPEGHeader) {
        format = .jpeg
        (storedWidth, storedHeight) = (header.width, header.height)
        (bitDepth, components) = (header.precision, header.componentIdentifiers.count)
        orientation = header.exif.map(ExifBlock.orientation) ?? .normal
        isMultiPass = header.isProgressive
        keepsCoefficients = header.keepsCoefficients
        unsupported = header.unsupported
    }
}
