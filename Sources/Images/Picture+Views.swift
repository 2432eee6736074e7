/// What the image encoder looks at.
extension Picture {
    /// Where native windows stand, as quarters of the room there is across and down: the middle, then its corners.
    private static let windowPlaces = [(2, 2), (1, 1), (3, 3), (3, 1), (1, 3)]

    /// The whole picture as CLIP takes it, and square windows of it at its own resolution, for shrinking a large
    /// photograph wipes out noise and JPEG blocks. There are no windows where a side is shorter than theirs.
    ///
    /// - Parameter nativeWindows: how many, at most five.
    /// - Returns: interleaved RGB bytes, `side * side * 3` each, the whole picture first.
    /// - Precondition: `side` and the picture's sides are positive, and there are places for the windows.
    package func viewsForCLIP(side: Int, nativeWindows: Int) -> [[UInt8]] {
        precondition((0...Self.windowPlaces.count).contains(nativeWindows))
        let room = (width: width - side, height: height - side)
        guard min(room.width, room.height) >= 0 else { return [resizedForCLIP(side: side)] }
        let windows = Self.windowPlaces.prefix(nativeWindows).map { across, down in
            cropped(
                x: Self.quotientToEven(across * room.width, 4), y: Self.quotientToEven(down * room.height, 4), width: side,
                height: side
            ).pixels
        }
        return [resizedForCLIP(side: side)] + windows
    }

    /// The centre square that CLIP looks at, as interleaved RGB bytes, `side * side * 3`.
    ///
    /// The shorter side is resized to `side`, the longer one to the integer part of `side * long / short`, and the
    /// crop is centred with halves rounded to even: byte for byte what the networks were trained on. Only what the
    /// crop keeps is computed.
    /// - Precondition: `side` and the picture's sides are positive.
    package func resizedForCLIP(side: Int) -> [UInt8] {
        precondition(side > 0)
        let short = min(width, height), long = max(width, height)
        let resizedLong = side * long / short
        let resized = width <= height ? (width: side, height: resizedLong) : (width: resizedLong, height: side)
        let left = Self.quotientToEven(resized.width - side, 2), top = Self.quotientToEven(resized.height - side, 2)
        let resampling = BicubicResampling(
            from: (width, height), to: resized, columns: left..<left + side, rows: top..<top + side)
        return resampling(pixels, channels: 3)
    }

    /// The nearest whole number to a quotient of natural numbers, the even one of two.
    private static func quotientToEven(_ dividend: Int, _ divisor: Int) -> Int {
        let (quotient, remainder) = dividend.quotientAndRemainder(dividingBy: divisor)
        let isNearerAbove = 2 * remainder > divisor || 2 * remainder == divisor && !quotient.isMultiple(of: 2)
        return isNearerAbove ? quotient + 1 : quotient
    }
}
