package import Compute

/// Pictures as a tensor whose sides are multiples of some number, and back.
package enum PicturePadding {
    /// What is put to the right and below.
    package enum Margin: Sendable {
        case zeros
        /// The picture mirrored at its edge, which is not repeated; again and again where the picture is small.
        case mirrored
    }

    /// - Parameters:
    ///   - pictures: height x width x `channels` each, interleaved.
    ///   - alignment: of both sides, at least 1.
    /// - Precondition: each picture has so many numbers.
    package static func padded(
        _ pictures: [[Float]], height: Int, width: Int, channels: Int, alignment: Int, margin: Margin,
        in workspace: Workspace
    ) -> Tensor {
        precondition(pictures.allSatisfy { $0.count == height * width * channels })
        let result = workspace.tensor(
            batch: pictures.count, height: (height + alignment - 1) / alignment * alignment,
            width: (width + alignment - 1) / alignment * alignment, channels: channels)
        workspace.team.run(pictures.count * result.height) { item, _ in
            let (index, row) = item.quotientAndRemainder(dividingBy: result.height)
            let target = result.sample(index) + row * result.width * channels
            guard row < height || margin == .mirrored else {
                target.update(repeating: 0, count: result.width * channels)
                return
            }
            pictures[index].withUnsafeBufferPointer { picture in
                guard let source = picture.baseAddress.map({ $0 + mirrored(row, height) * width * channels }) else { return }
                target.update(from: source, count: width * channels)
                for column in width..<result.width {
                    for channel in 0..<channels {
                        target[column * channels + channel] =
                            margin == .zeros ? 0 : source[mirrored(column, width) * channels + channel]
                    }
                }
            }
        }
        return result
    }

    /// Where a position is found when the picture is mirrored.
    private static func mirrored(_ index: Int, _ size: Int) -> Int {
        if index < size { return index }
        if size == 1 { return 0 }
        let phase = index % (2 * (size - 1))
        return phase < size ? phase : 2 * (size - 1) - phase
    }

    /// The upper left parts of a tensor's samples.
    package static func cropped(_ result: Tensor, height: Int, width: Int) -> [[Float]] {
        let channels = result.channels
        return (0..<result.batch).map { index in
            [Float](unsafeUninitializedCapacity: height * width * channels) { buffer, count in
                guard let target = buffer.baseAddress else { return }
                for row in 0..<height {
                    (target + row * width * channels).update(
                        from: result.sample(index) + row * result.width * channels, count: width * channels)
                }
                count = height * width * channels
            }
        }
    }
}
