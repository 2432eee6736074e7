package import Images

/// A picture that a restoration may borrow from: another shot of the same scene, say. It is decoded when the restoration's turn
/// comes. Two are the same only where they are one and the same.
package final class ReferencePicture: Sendable, Equatable {
    /// Pixels across and down as displayed, which the header tells.
    package let width: Int
    package let height: Int
    /// Called once a restoration. Throws `RestorationError`, `ImageError` or `CancellationError`.
    package let load: @Sendable () async throws -> Picture

    /// - Parameter load: gives the picture, at best as `fitted` makes it, for more of it is not looked at.
    package init(width: Int, height: Int, load: @escaping @Sendable () async throws -> Picture) {
        self.width = width
        self.height = height
        self.load = load
    }

    package convenience init(_ picture: Picture) {
        self.init(width: picture.width, height: picture.height) { picture }
    }

    package static func == (left: ReferencePicture, right: ReferencePicture) -> Bool { left === right }

    /// The pixels of a picture that are looked at: those that people see, in a picture of at most `ReferenceLimits.pixels`. Done
    /// twice, it changes nothing more.
    ///
    /// - Throws: `cancelled`.
    package static func fitted(
        _ picture: Picture, sharedBy loop: Picture.ParallelLoop = { count, body in for item in 0..<count { body(item) } },
        shouldContinue: @escaping () -> Bool = { true }
    ) throws(ImageError) -> Picture {
        let seen = picture.fillingHiddenPixels()
        let size = ReferenceLimits.fitted(width: picture.width, height: picture.height)
        return try seen.resized(to: size, sharedBy: loop, shouldContinue: shouldContinue)
    }
}

/// What bounds references.
package enum ReferenceLimits {
    /// Pixels of a reference that are looked at, those of 512 by 512, as of the pictures that such networks are trained with: a
    /// larger one is shrunk. Features take 128 MiB of them in a network of width 64, and most of the work.
    package static let pixels = 512 * 512
    /// Bytes of features that a bundle keeps of references that it has seen, for those that come again; and of how many of the
    /// largest, where those take less.
    package static let cacheBytes = 256 << 20
    package static let cachedReferences = 4

    /// The size that a picture is shrunk to; its own where it is small enough.
    ///
    /// - Parameter pixels: that it may have.
    package static func fitted(width: Int, height: Int, pixels: Int = pixels) -> (width: Int, height: Int) {
        let (own, limit) = (Double(width) * Double(height), Double(pixels))
        guard own > limit else { return (width, height) }
        return scaled(width, height, by: (limit / own).squareRoot())
    }

    /// Sides times a factor, the fraction cut off but for what rounding made of a whole number; at least 1.
    static func scaled(_ width: Int, _ height: Int, by factor: Double) -> (width: Int, height: Int) {
        func scaled(_ side: Int) -> Int { max(1, Int(Double(side) * factor + 1e-6)) }
        return (scaled(width), scaled(height))
    }
}

extension Picture {
    /// Its colours alone, at another size.
    func resized(
        to size: (width: Int, height: Int), sharedBy loop: ParallelLoop, shouldContinue: @escaping () -> Bool
    ) throws(ImageError) -> Picture {
        guard size != (width, height) else { return Picture(width: width, height: height, pixels: pixels) }
        return Picture(
            width: size.width, height: size.height,
            pixels: try resampled(
                width: size.width, height: size.height, columns: 0..<size.width, rows: 0..<size.height, sharedBy: loop,
                shouldContinue: shouldContinue))
    }
}
