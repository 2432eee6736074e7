import Images

/// How a bundle's image encoder looks at a picture.
struct EncoderInput: Sendable {
    /// Of a view, in pixels.
    let side: Int
    /// Windows of the picture's own resolution, beside the whole.
    let nativeWindows: Int

    /// Interleaved RGB bytes, the whole picture first.
    func views(of picture: Picture) -> [[UInt8]] { picture.viewsForCLIP(side: side, nativeWindows: nativeWindows) }

    /// Pixels of all views of a picture that is large enough for windows.
    var pixels: Int { side * side * (1 + nativeWindows) }
}
