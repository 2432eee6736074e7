import Checkpoints
package import Images

/// Pictures: what decodes is what its header announced, and there is no second, partial outcome of the same bytes.
package enum PictureChecks {
    /// Small, so that a fuzzer spends its time in parsers and not on pixels.
    private static let limits: ImageLimits = {
        var limits = ImageLimits()
        limits.pixels = 1 << 16
        limits.shortestSide = 1
        return limits
    }()

    /// Decodes, and checks that the picture is the one its header announced.
    @discardableResult
    package static func decode(
        _ bytes: [UInt8], convertsColours: Bool = true
    ) throws(BrokenPromise) -> Result<Picture, ImageError> {
        let result = Result { () throws(ImageError) in
            try ImageDecoder.decode(bytes, limits: limits, convertsColours: convertsColours)
        }
        guard case .success(let picture) = result else { return result }
        let header = try? ImageHeader.read(bytes)
        try promise(header?.width == picture.width && header?.height == picture.height, "the size is not the header's")
        try promise(picture.width * picture.height <= limits.pixels, "more pixels than the limit")
        return result
    }

    /// What decodes must survive encoding and decoding again unchanged.
    package static func roundTrip(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard case .success(let picture) = try decode(bytes, convertsColours: false) else { return }
        try checkRoundTrip(picture)
    }

    private static func checkRoundTrip(_ picture: Picture) throws(BrokenPromise) {
        let again = Result { () throws(ImageError) in
            try ImageDecoder.decode(
                ImageEncoder.png(picture, keepsMetadata: true), limits: limits, convertsColours: false)
        }
        var expected = picture
        // PNG has no other unit.
        expected.metadata.resolution = expected.metadata.resolution?.converted(to: .metre)
        try promise(again == .success(expected), "it does not survive encoding")
    }

    /// PNG files, as they are; and with the checksums of their chunks made right.
    static func checkPNG(_ bytes: [UInt8]) throws(BrokenPromise) {
        try check(bytes)
        try check(resummed(bytes))
    }

    static func checkJPEG(_ bytes: [UInt8]) throws(BrokenPromise) {
        try check(bytes)
    }

    private static func check(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard case .success(let picture) = try decode(bytes) else { return }
        try roundTrip(bytes)
        try checkCut(bytes, picture)
        try checkCancel(bytes, picture)
        try checkAnswers(bytes, picture)
    }

    /// A part of the file is an error, or the same picture where only what follows it is cut off: never a half.
    private static func checkCut(_ bytes: [UInt8], _ picture: Picture) throws(BrokenPromise) {
        var generator = InputGenerator(bytes)
        let part = Array(bytes.prefix(Int.random(in: 0..<bytes.count, using: &generator)))
        guard case .success(let other) = try decode(part) else { return }
        try promise(other == picture, "the first \(part.count) bytes are another picture")
    }

    /// Work that is stopped ends as cancelled, or was done before.
    private static func checkCancel(_ bytes: [UInt8], _ picture: Picture) throws(BrokenPromise) {
        var generator = InputGenerator(bytes)
        var patience = Int.random(in: 0..<8, using: &generator)
        let result = Result { () throws(ImageError) in
            try ImageDecoder.decode(bytes, limits: limits) {
                patience -= 1
                return patience >= 0
            }
        }
        let isCancelled = result == .failure(.cancelled)
        try promise(isCancelled ? patience < 0 : result == .success(picture), "stopped, it ends as \(result)")
    }

    /// An unchanged picture comes back with the same pixels, with its metadata and without; a restored one whose pixels are
    /// those it had comes back as it was, whatever its colours.
    private static func checkAnswers(_ bytes: [UInt8], _ picture: Picture) throws(BrokenPromise) {
        guard let format = ImageFormat.sniff(bytes) else { return }
        let own = try decode(bytes, convertsColours: false).map(\.pixels)
        for keepsMetadata in [false, true] {
            let answer = ImageAnswer(as: format, keepsMetadata: keepsMetadata, limits: limits)
            let file = Result { () throws(ImageError) in
                try answer.file(of: picture, isUnchanged: true, source: bytes)
            }
            guard case .success(let file) = file else { throw BrokenPromise(description: "no unchanged answer: \(file)") }
            // What is to be turned is coded anew, by blocks or by pixels.
            let isTurned = (try? ImageHeader.read(bytes))?.orientation != .normal
            let result = try decode(file, convertsColours: false).map(\.pixels)
            try promise(isTurned ? result.map(\.count) == own.map(\.count) : result == own, "unchanged, it is another picture")
        }
        guard format == .png, picture.isConverted else { return }
        let restored = Result { () throws(ImageError) in
            try ImageAnswer(as: .png, limits: limits).file(of: picture, isUnchanged: false, source: bytes)
        }
        guard case .success(let restored) = restored else { throw BrokenPromise(description: "no answer") }
        let result = try decode(restored, convertsColours: false)
        // Where there is no way back into the file's colours, it is sRGB's.
        try promise(result.map(\.pixels) == own || result.map(\.pixels) == .success(picture.pixels), "restored to what it was, it is another picture")
    }

    /// The same bytes with the checksums of a PNG's chunks made right, so that damage reaches what stands behind them.
    package static func resummed(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes, offset = 8
        while offset + 12 <= bytes.count {
            let length = bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
            guard length <= bytes.count - offset - 12 else { break }
            let end = offset + 8 + length
            let sum = bytes[offset + 4..<end].withUnsafeBytes { CyclicRedundancyCheck.checksum(of: $0) }
            bytes.replaceSubrange(end..<end + 4, with: withUnsafeBytes(of: sum.bigEndian) { [UInt8]($0) })
            offset = end + 4
        }
        return bytes
    }
}
