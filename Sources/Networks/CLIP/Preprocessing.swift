package import Compute
package import Images

/// How CLIP looks at a picture: the centre square of the whole, shrunk, at times windows of its own resolution, each
/// normalised channel by channel (README, "What the towers see").
package struct Preprocessing: Sendable {
    /// Of a view, in pixels.
    package let side: Int
    /// Windows beside the whole, at most five.
    package let nativeWindows: Int

    /// Of each channel, pictures being 0...1.
    package static let mean: [Float] = [0.48145466, 0.4578275, 0.40821073]
    package static let deviation: [Float] = [0.26862954, 0.26130258, 0.27577711]

    /// Where native windows stand, as quarters of the room there is across and down: the middle, then its corners.
    private static let windowPlaces = [(2, 2), (1, 1), (3, 3), (3, 1), (1, 3)]

    package init(_ configuration: DegradationAwareCLIPConfiguration) {
        side = configuration.vision.imageSize
        nativeWindows = configuration.nativeWindows
    }

    /// For a tower of one's own.
    package init(side: Int) { (self.side, nativeWindows) = (side, 0) }

    /// Pixels of all views of a picture that is large enough for windows.
    package var pixels: Int { side * side * (1 + nativeWindows) }

    /// The whole picture, then windows of it at its own resolution, for shrinking a large photograph wipes out noise and
    /// JPEG blocks. There are no windows where a side is shorter than theirs.
    ///
    /// - Parameter shouldContinue: asked again and again, by whichever thread; once false, it stays so.
    /// - Returns: interleaved RGB bytes, `side * side * 3` each; the same whatever threads the workspace has.
    /// - Throws: `cancelled`.
    package func views(
        of picture: Picture, in workspace: Workspace, shouldContinue: @escaping () -> Bool = { true }
    ) throws(ImageError) -> [[UInt8]] {
        let whole = try self.whole(picture, in: workspace, shouldContinue: shouldContinue)
        return [whole] + windows(width: picture.width, height: picture.height).map { columns, rows in
            picture.window(columns: columns, rows: rows)
        }
    }

    /// The same from further off: the whole as it was seen, and windows of the picture when it is shrunk. There are none of
    /// those where a side is shorter than a window.
    ///
    /// - Parameters:
    ///   - whole: the first of a picture's views.
    ///   - scale: of the shrunk picture's sides, which are never shorter than a window, 0...1.
    /// - Throws: `cancelled`.
    package func viewsFromAfar(
        of picture: Picture, whole: [UInt8], scale: Double, in workspace: Workspace, shouldContinue: @escaping () -> Bool = { true }
    ) throws(ImageError) -> [[UInt8]] {
        var views = [whole]
        guard min(picture.width, picture.height) >= side else { return views }
        let width = max(side, Int(Double(picture.width) * scale)), height = max(side, Int(Double(picture.height) * scale))
        for (columns, rows) in windows(width: width, height: height) {
            views.append(
                try picture.resampled(
                    width: width, height: height, columns: columns, rows: rows,
                    sharedBy: workspace.team.share,
                    shouldContinue: shouldContinue))
        }
        return views
    }

    /// Views of the picture turned upside down: their windows stand where those of `views(of:in:)` do.
    ///
    /// - Parameter whole: the first of a picture's views.
    package func turnedViews(of picture: Picture, whole: [UInt8]) -> [[UInt8]] {
        let views = [whole] + windows(width: picture.width, height: picture.height).map { columns, rows in
            picture.window(columns: columns, rows: rows)
        }
        return views.map { view in
            (0..<side * side).reversed().flatMap { pixel in view[pixel * 3..<pixel * 3 + 3] }
        }
    }

    /// Where windows stand in a picture of such a size; nowhere where a side is shorter than theirs.
    private func windows(width: Int, height: Int) -> [(columns: Range<Int>, rows: Range<Int>)] {
        let room = (width: width - side, height: height - side)
        guard min(room.width, room.height) >= 0 else { return [] }
        return Self.windowPlaces.prefix(nativeWindows).map { across, down in
            let left = Self.quotientToEven(across * room.width, 4), top = Self.quotientToEven(down * room.height, 4)
            return (left..<left + side, top..<top + side)
        }
    }

    /// The shorter side is resized to `side`, the longer one to the integer part of `side * long / short`, and the crop is
    /// centred with halves rounded to even: byte for byte what the networks were trained on.
    private func whole(
        _ picture: Picture, in workspace: Workspace, shouldContinue: @escaping () -> Bool
    ) throws(ImageError) -> [UInt8] {
        let (width, height) = (picture.width, picture.height)
        let long = side * max(width, height) / min(width, height)
        let resized = width <= height ? (width: side, height: long) : (width: long, height: side)
        let left = Self.quotientToEven(resized.width - side, 2), top = Self.quotientToEven(resized.height - side, 2)
        return try picture.resampled(
            width: resized.width, height: resized.height, columns: left..<left + side, rows: top..<top + side,
            sharedBy: workspace.team.share, shouldContinue: shouldContinue)
    }

    /// The centre square of a picture at its own resolution, resized to `side`: the other order than that of a view, which gives
    /// other bytes. What is left over is shared out with halves rounded to even.
    ///
    /// - Returns: interleaved RGB bytes, `side * side * 3`.
    /// - Throws: `cancelled`.
    package func square(
        of picture: Picture, in workspace: Workspace, shouldContinue: @escaping () -> Bool = { true }
    ) throws(ImageError) -> [UInt8] {
        let short = min(picture.width, picture.height)
        let left = Self.quotientToEven(picture.width - short, 2), top = Self.quotientToEven(picture.height - short, 2)
        let square = Picture(
            width: short, height: short, pixels: picture.window(columns: left..<left + short, rows: top..<top + short))
        return try square.resampled(
            width: side, height: side, columns: 0..<side, rows: 0..<side,
            sharedBy: workspace.team.share, shouldContinue: shouldContinue)
    }

    /// Byte / 255, minus the channel's mean, divided by its deviation.
    ///
    /// - Parameter views: of `views(of:in:)`, of one or more pictures.
    /// - Returns: batch x side x side x 3.
    package func normalised(_ views: [[UInt8]], in workspace: Workspace) -> Tensor {
        let result = workspace.tensor(batch: views.count, height: side, width: side, channels: 3)
        workspace.team.run(views.count) { index, _ in
            let target = result.sample(index)
            for (element, byte) in views[index].prefix(result.sampleCount).enumerated() {
                target[element] = (Float(byte) / 255 - Self.mean[element % 3]) / Self.deviation[element % 3]
            }
        }
        return result
    }

    /// The nearest whole number to a quotient of natural numbers, the even one of two.
    private static func quotientToEven(_ dividend: Int, _ divisor: Int) -> Int {
        let (quotient, remainder) = dividend.quotientAndRemainder(dividingBy: divisor)
        let isNearerAbove = 2 * remainder > divisor || 2 * remainder == divisor && !quotient.isMultiple(of: 2)
        return isNearerAbove ? quotient + 1 : quotient
    }
}
