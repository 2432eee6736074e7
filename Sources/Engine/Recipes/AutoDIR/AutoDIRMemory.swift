import Checkpoints
import Compute
import LatentUNet
import Synchronization

/// What each part of a round needs beyond the weights: lines through two measured evaluations, since nothing takes memory that
/// grows faster than the pixels.
struct AutoDIRMemory: Sendable {
    /// A tile before and after, and latents.
    static let sampleBytesPerPixel = 4 * 3 * MemoryLayout<Float>.stride
    /// Pixels of a tile as they are handed from part to part, in floats, within an evaluation.
    private static let ownBytesPerPixel = Double(4 * 3 * MemoryLayout<Float>.stride)

    /// What sides are rounded up to.
    let alignment: Int
    private let lines: [MemoryLine]

    /// - Parameter loop: shares evaluations out among threads.
    init(measuring networks: AutoDIRNetworks, empty: [Float], sharedBy loop: ParameterReader.ParallelLoop) {
        let alignment = networks.configuration.alignment
        self.alignment = alignment
        let parts = LatentTiles.Part.allCases
        let sides = [64, 128].map { SignedPicture.rounded($0, to: alignment) }
        let peaks = Mutex([Double](repeating: 0, count: 2 * parts.count))
        loop(2 * parts.count) { item in
            let peak = Self.peak(parts[item / 2], of: networks, empty: empty, side: sides[item % 2])
            peaks.withLock { $0[item] = peak }
        }
        let found = peaks.withLock { $0 }
        let pixels = sides.map { Double($0 * $0) }
        lines = parts.indices.map { part in
            MemoryLine((pixels[0], found[2 * part]), (pixels[1], found[2 * part + 1]))
        }
    }

    /// Bytes that a part takes of one square picture on one thread.
    private static func peak(
        _ part: LatentTiles.Part, of networks: AutoDIRNetworks, empty: [Float], side: Int
    ) -> Double {
        let workspace = Workspace(threads: 1)
        let configuration = networks.configuration
        let latent = side / configuration.autoencoder.factor
        switch part {
        case .encode:
            _ = networks.autoencoder.encode(
                [[Float](repeating: 0, count: side * side * 3)], height: side, width: side, in: workspace)
        case .diffuse:
            let sample = LatentUNet.Sample(
                latent: [Float](repeating: 0, count: latent * latent * configuration.network.inputChannels), time: 1,
                context: networks.network.context(empty, in: workspace))
            _ = networks.network([sample], height: latent, width: latent, in: workspace)
        case .decode:
            _ = networks.autoencoder.decode(
                [[Float](repeating: 0, count: latent * latent * configuration.autoencoder.latentChannels)],
                height: latent, width: latent, in: workspace)
        case .correct:
            _ = networks.correction(
                [[Float](repeating: 0, count: side * side * 6)], height: side, width: side, in: workspace)
        }
        return Double(workspace.pool.peakBytes)
    }

    /// Bytes of a part for one tile; saturates instead of overflowing.
    func bytes(_ part: LatentTiles.Part, width: Int, height: Int) -> Int {
        let index = LatentTiles.Part.allCases.firstIndex(of: part) ?? 0
        let pixels = Double(aligned(width)) * Double(aligned(height))
        return lines[index].bytes(pixels, plus: Self.ownBytesPerPixel)
    }

    /// Of whatever part takes the most, with its sample.
    func bytes(width: Int, height: Int, evaluations: Int) -> Int {
        let parts = LatentTiles.Part.allCases.map { part in
            bytes(part, width: width, height: height) * (part == .diffuse ? evaluations : 1)
        }
        return (parts.max() ?? 0) + aligned(width) * aligned(height) * Self.sampleBytesPerPixel
    }

    private func aligned(_ side: Int) -> Int {
        SignedPicture.rounded(min(max(side, 1), 1 << 24), to: alignment)
    }
}
