import Compute
import GuidedRestoration

/// Whether a reference shows what a tile shows: else a tile keeps what it was, since what is borrowed from anything may be anything.
///
/// In a picture of the same, neighbours are found beside each other, and what is found is alike. Chosen on 60 photographs with another
/// view of each and with that of another (`Weights/guided/README.md`).
struct MatchGuard: Sendable {
    let configuration: GuidanceConfiguration

    /// Of the mean cosine and the share of neighbours that stay neighbours, together: the wrong references reached 1.27, of the right ones
    /// 52 of 60 have more than 1.3.
    static let leastTrust: Float = 1.3

    /// What a network tells of a batch's matches.
    final class Notes {
        fileprivate var values: [String: [Float]] = [:]

        func take(_ stage: String, _ result: Tensor) {
            if stage.hasPrefix("fine.") { values[stage] = result.values }
        }
    }

    /// - Parameters:
    ///   - sample: its number in the batch.
    ///   - height: of the tile in pixels; likewise `width`.
    func trusts(_ notes: Notes, ofSample sample: Int, height: Int, width: Int) -> Bool {
        guard let scores = notes.values["fine.score.\(sample)"], let rows = notes.values["fine.row.\(sample)"],
            let columns = notes.values["fine.column.\(sample)"]
        else { return false }
        let zoom = 1 << (configuration.levels - 1)
        let stride = (width + configuration.alignment - 1) / configuration.alignment * configuration.alignment / zoom
        // Without what the tile was padded with.
        let (down, across) = ((height + zoom - 1) / zoom, (width + zoom - 1) / zoom)
        guard down > 1, across > 1, scores.count >= down * stride else { return false }
        var (sum, kept): (Float, Int) = (0, 0)
        for y in 0..<down {
            for x in 0..<across {
                let cell = y * stride + x
                sum += scores[cell]
                if x + 1 < across, Self.stays(rows, columns, cell, cell + 1, down: 0, across: 1) { kept += 1 }
                if y + 1 < down, Self.stays(rows, columns, cell, cell + stride, down: 1, across: 0) { kept += 1 }
            }
        }
        let neighbours = down * (across - 1) + (down - 1) * across
        return sum / Float(down * across) + Float(kept) / Float(neighbours) >= Self.leastTrust
    }

    /// Whether a neighbour was found where the cell was found, so many rows and columns further, to within one.
    private static func stays(
        _ rows: [Float], _ columns: [Float], _ cell: Int, _ neighbour: Int, down: Float, across: Float
    ) -> Bool {
        abs(rows[neighbour] - rows[cell] - down) <= 1 && abs(columns[neighbour] - columns[cell] - across) <= 1
    }
}
