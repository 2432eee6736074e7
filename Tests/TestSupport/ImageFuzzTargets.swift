package import Images

/// Entry points for fuzzers: any bytes in, and the result is either a picture that keeps its promises or a typed
/// error; anything else stops the process.
package enum ImageFuzzTargets {
    /// Sizes are kept small so that a fuzzer spends its time in parsers and not on pixels.
    private static let limits: ImageLimits = {
        var limits = ImageLimits()
        limits.pixels = 1 << 16
        limits.shortestSide = 1
        return limits
    }()

    /// Decodes, and checks that the picture is the one its header announced.
    @discardableResult
    package static func decode(_ bytes: [UInt8]) -> Result<Picture, ImageError> {
        let result = Result { () throws(ImageError) in try ImageDecoder.decode(bytes, limits: limits) }
        if case .success(let picture) = result {
            let header = try? ImageHeader.read(bytes)
            precondition(header?.width == picture.width && header?.height == picture.height)
            precondition(picture.width * picture.height <= limits.pixels)
        }
        return result
    }

    /// Decodes, and what decodes must survive encoding and decoding again unchanged.
    package static func roundTrip(_ bytes: [UInt8]) {
        guard case .success(let picture) = decode(bytes) else { return }
        let again = Result { () throws(ImageError) in
            try ImageDecoder.decode(ImageEncoder.png(picture, keepsExif: true), limits: limits)
        }
        precondition(again == .success(picture))
    }
}
