/// The file that answers a request for a picture to be restored: made of what came out, and of the file that came in.
package struct ImageAnswer: Sendable {
    package let format: ImageFormat
    /// Of a JPEG, 1...100.
    package let quality: Int
    package let keepsMetadata: Bool
    package let limits: ImageLimits

    package init(
        as format: ImageFormat, quality: Int = ImageEncoder.standardQuality, keepsMetadata: Bool = false,
        limits: ImageLimits = ImageLimits()
    ) {
        (self.format, self.quality, self.keepsMetadata, self.limits) = (format, quality, keepsMetadata, limits)
    }

    /// - Parameters:
    ///   - picture: what came out.
    ///   - isUnchanged: whether it is to be the picture that came in: then its own coded samples come back where the
    ///     format is the file's.
    ///   - source: the file that came in, which `picture` was decoded from.
    ///
    /// Throws `cancelled`, `outOfMemory` or `notEncodable`.
    package func file(
        of picture: Picture, isUnchanged: Bool, source: [UInt8], shouldContinue: () -> Bool = { true }
    ) throws(ImageError) -> [UInt8] {
        if isUnchanged {
            let own = try source.withByteView { view throws(ImageError) in
                try UnchangedFile(source: view, limits: limits).bytes(
                    as: format, keepsMetadata: keepsMetadata, shouldContinue: shouldContinue)
            }
            if let own { return own }
        }
        guard picture.isConverted else { return try encode(picture, shouldContinue) }
        return try encode(try inOwnColours(picture, isUnchanged, source, shouldContinue), shouldContinue)
    }

    private func encode(_ picture: Picture, _ shouldContinue: () -> Bool) throws(ImageError) -> [UInt8] {
        try ImageEncoder.encode(
            picture, as: format, quality: quality, keepsMetadata: keepsMetadata, shouldContinue: shouldContinue)
    }

    /// A picture that was converted to sRGB, back in the colours of its file where that loses nothing; else as it is.
    private func inOwnColours(
        _ picture: Picture, _ isUnchanged: Bool, _ source: [UInt8], _ shouldContinue: () -> Bool
    ) throws(ImageError) -> Picture {
        // A JPEG can't say that it is of high dynamic range.
        if format == .jpeg, picture.colour.isHighDynamicRange { return picture }
        let depth = try ImageHeader.read(source).bitDepth
        guard let conversion = ColourConversion(picture.colour.space) else { return picture }
        // A linear picture of 16 bits: in 8 its shadows would show steps that sRGB's don't.
        if depth > 8, conversion.greysToldApart < Self.fewestGreys { return picture }
        var own = try ImageDecoder.decode(
            source, limits: limits, convertsColours: false, shouldContinue: shouldContinue)
        guard (own.width, own.height) == (picture.width, picture.height) else { return picture }
        if isUnchanged { return own }
        guard conversion.isReversible else { return picture }
        try conversion.carry(picture.pixels, to: &own.pixels, shouldContinue: shouldContinue)
        own.alpha = picture.alpha
        return own
    }

    /// Of the 256 that sRGB tells apart: Display P3 has all of them, gamma 1/1.8 some 210, a linear space some 180.
    private static let fewestGreys = 200
}
