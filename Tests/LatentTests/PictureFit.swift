import Foundation
import Images

/// The size that latent diffusion's scripts bring a picture to, and the picture fitted into it: as much of its middle as has the
/// size's shape, by Pillow's Lanczos filter and byte for byte as there. The service restores pictures as they are, in tiles where they
/// are large, so that only recorded numbers need this.
struct PictureFit: Sendable, Equatable {
    let width: Int
    let height: Int

    /// Sides are multiples of this.
    static let unit = 64

    /// Which side becomes the resolution, about.
    enum Side: Sendable {
        case longer, shorter
    }

    /// In double and in the scripts' own order of operations: for one size in some fifteen a side loses a unit by it.
    ///
    /// - Returns: nil where a side would be 0.
    /// - Precondition: all are positive.
    init?(width: Int, height: Int, resolution: Int, of side: Side) {
        let shorter = Double(min(width, height)), unit = Double(Self.unit)
        var factor = Double(resolution) / Double(side == .longer ? max(width, height) : min(width, height))
        factor = (shorter * factor / unit).rounded(.up) * unit / shorter
        func length(_ side: Int) -> Int { Int((Double(side) * factor / unit).rounded(.down)) * Self.unit }
        self.init(width: length(width), height: length(height))
        guard self.width > 0, self.height > 0 else { return nil }
    }

    private init(width: Int, height: Int) { (self.width, self.height) = (width, height) }

    /// The middle of a picture in this size.
    func callAsFunction(_ picture: Picture) -> Picture {
        let (live, wanted) = (Double(picture.width) / Double(picture.height), Double(width) / Double(height))
        var crop = (width: Double(picture.width), height: Double(picture.height))
        if live > wanted { crop.width = wanted * Double(picture.height) }
        if live < wanted { crop.height = Double(picture.width) / wanted }
        let columns = weights(picture.width, crop.width, width), rows = weights(picture.height, crop.height, height)
        let squeezed = Self.narrowed(picture, columns, width: width)
        return Picture(
            width: width, height: height, pixels: Self.flattened(squeezed, rows, width: width, height: height))
    }

    /// sinc(x) sinc(x / 3) (Duchon, 1979).
    private static var lanczos: ResamplingWeights.Filter {
        .init(support: 3) { offset in
            guard abs(offset) < 3 else { return 0 }
            func sinc(_ x: Double) -> Double { x == 0 ? 1 : sin(.pi * x) / (.pi * x) }
            return sinc(offset) * sinc(offset / 3)
        }
    }

    /// Nil where a side stays what it is.
    private func weights(_ input: Int, _ crop: Double, _ output: Int) -> ResamplingWeights? {
        guard input != output || crop != Double(input) else { return nil }
        return ResamplingWeights(
            input: input, output: output, window: 0..<output, filter: Self.lanczos,
            box: ((Double(input) - crop) * 0.5, crop))
    }

    private static func narrowed(_ picture: Picture, _ weights: ResamplingWeights?, width: Int) -> [UInt8] {
        guard let weights else { return picture.pixels }
        return [UInt8](unsafeUninitializedCapacity: width * picture.height * 3) { target, count in
            count = width * picture.height * 3
            picture.pixels.withUnsafeBufferPointer { source in
                guard let target = target.baseAddress, let source = source.baseAddress else { return }
                for row in 0..<picture.height {
                    weights.narrow(source + row * picture.width * 3, into: target + row * width * 3)
                }
            }
        }
    }

    private static func flattened(_ bytes: [UInt8], _ weights: ResamplingWeights?, width: Int, height: Int) -> [UInt8] {
        guard let weights else { return bytes }
        return [UInt8](unsafeUninitializedCapacity: width * height * 3) { target, count in
            count = width * height * 3
            bytes.withUnsafeBufferPointer { source in
                guard let target = target.baseAddress, let source = source.baseAddress else { return }
                weights.flatten(source, firstRow: 0, positions: 0..<height, into: target, rowBytes: width * 3)
            }
        }
    }
}
