import Checkpoints
import Compute
import LatentUNet
import Synchronization

/// What each part of drawing needs beyond the weights. What does not depend on a latent's size is measured; what does is a line
/// through two small evaluations.
struct DrawnGuidanceMemory: Sendable {
    private let fixed: [GuidanceDrawing.Part: Int]
    private let lines: [GuidanceDrawing.Part: MemoryLine]
    /// Keys and values of a context.
    let contextBytes: Int

    /// - Parameter loop: shares evaluations out among threads.
    init(measuring networks: DrawnGuidanceNetworks, empty: [Float], sharedBy loop: ParameterReader.ParallelLoop) {
        let unit = networks.configuration.network.alignment
        let sides = [8, 16].map { SignedPicture.rounded($0, to: unit) }
        let items: [(part: GuidanceDrawing.Part, side: Int)] = [(.look, 0), (.write, 0)]
            + sides.flatMap { [(.sample, $0), (.decode, $0)] }
        let found = Mutex([Double](repeating: 0, count: items.count))
        loop(items.count) { index in
            let peak = Self.peak(items[index].part, of: networks, empty: empty, side: items[index].side)
            found.withLock { $0[index] = peak }
        }
        let peaks = found.withLock { $0 }
        fixed = [.look: Int(peaks[0]), .write: Int(peaks[1])]
        let pixels = sides.map { Double($0 * $0) }
        lines = [
            .sample: MemoryLine((pixels[0], peaks[2]), (pixels[1], peaks[4])),
            .decode: MemoryLine((pixels[0], peaks[3]), (pixels[1], peaks[5])),
        ]
        contextBytes = networks.network.context(empty, in: Workspace(threads: 1)).bytes
    }

    /// Bytes that a part takes for one picture on one thread.
    private static func peak(
        _ part: GuidanceDrawing.Part, of networks: DrawnGuidanceNetworks, empty: [Float], side: Int
    ) -> Double {
        let workspace = Workspace(threads: 1)
        let reader = networks.reader
        switch part {
        case .look:
            let side = reader.preprocessing.side
            let input = workspace.tensor(batch: 1, height: side, width: side, channels: 3)
            input.base.update(repeating: 0, count: input.count)
            _ = reader.vision(input, in: workspace)
        case .write:
            let vision = reader.vision.configuration
            let tokens = workspace.tensor(batch: 1, width: vision.grid * vision.grid + 1, channels: vision.width)
            tokens.base.update(repeating: 0, count: tokens.count)
            _ = reader.words(of: tokens, in: workspace)
            _ = reader.text.states([reader.empty], in: workspace)
        case .sample:
            let channels = networks.configuration.network.inputChannels
            let sample = LatentUNet.Sample(
                latent: [Float](repeating: 0, count: side * side * channels), time: 1,
                context: networks.network.context(empty, in: workspace))
            _ = networks.network([sample], height: side, width: side, in: workspace)
        case .decode:
            let channels = networks.configuration.decoder.latentChannels
            _ = networks.decoder.decode(
                [[Float](repeating: 0, count: side * side * channels)], height: side, width: side, in: workspace)
        }
        return Double(workspace.pool.peakBytes)
    }

    /// Bytes of a part for one picture.
    ///
    /// - Parameter side: of the latent.
    func bytes(_ part: GuidanceDrawing.Part, side: Int) -> Int {
        fixed[part] ?? lines[part]?.bytes(Double(side * side)) ?? 0
    }
}
