import CImageCodecs

/// A JPEG whose orientation asks for pixels at other places: its coded blocks are moved there.
extension UnchangedFile {
    /// What the coefficients of the file and of the turned one may take for each pixel: as much as the picture that came in
    /// and the file that goes out are counted with.
    private static let turningBytesPerPixel = 8

    /// Nil where that can't be done without loss: where a side that is mirrored ends within a block, or where colour is
    /// coded as finely as brightness, so that it would take too much memory.
    func jpegTurned(
        _ header: ImageHeader, keepsMetadata: Bool, _ shouldContinue: () -> Bool
    ) throws(ImageError) -> [UInt8]? {
        var metadata = PictureMetadata()
        if keepsMetadata {
            metadata = PictureMetadata(
                jpeg: source, exif: try JPEGHeader(source).exif, limit: limits.metadataBytes)
            if header.orientation.swapsSides { metadata.swapSides() }
        }
        let segments = metadata.jpegSegments() + (try profileSegments()), density = metadata.jfifDensity
        var options = codec_jpeg_options()
        (options.density_unit, options.x_density, options.y_density) = density
        var turn = header.orientation.turn
        turn.bytes_per_pixel = Self.turningBytesPerPixel
        var report = codec_report(), output = codec_output()
        defer { codec_output_free(&output) }
        source.withBytes { bytes, count in
            segments.withUnsafeBufferPointer { segments in
                guard let bytes else { return }
                var input = codec_input(
                    bytes: bytes, count: count, width: UInt32(header.storedWidth), height: UInt32(header.storedHeight))
                CodecMonitor.with(shouldContinue) { monitor in
                    codec_jpeg_turn(
                        &input, &turn, &options, segments.baseAddress, segments.count, monitor, &output, &report)
                }
            }
        }
        switch report.status {
        case CODEC_OK: return [UInt8](UnsafeBufferPointer(start: output.bytes, count: output.count))
        case CODEC_CANCELLED: throw .cancelled
        default: return nil
        }
    }
}

extension Orientation {
    fileprivate var turn: codec_turn {
        codec_turn(
            mirrors_columns: [.mirrored, .turnedHalf, .transversed, .turnedLeft].contains(self),
            mirrors_rows: [.turnedHalf, .flipped, .turnedRight, .transversed].contains(self),
            swaps_sides: swapsSides, bytes_per_pixel: 0)
    }
}
