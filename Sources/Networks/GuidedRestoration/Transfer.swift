import CKernels
import Compute

/// Puts what was matched in the reference in the picture's place, at the size of any level (README, "Transfer"): each cell of the
/// coarsest features is the mean of what its neighbours' matches have there, times how good its own match is. Nothing is
/// unfolded: what is added up are runs of a cell's row.
struct Transfer {
    let configuration: GuidanceConfiguration
    private var side: Int { configuration.blockSide }

    /// - Parameters:
    ///   - samples: the matches and references of a batch, whose pictures are of one size.
    ///   - level: counted from the finest.
    func callAsFunction(
        _ samples: [(matches: Matches, reference: ReferenceFeatures)], level: Int, in workspace: Workspace
    ) -> Tensor {
        let zoom = 1 << (configuration.levels - 1 - level)
        let (height, width) = (samples[0].matches.height, samples[0].matches.width)
        let result = workspace.tensor(
            batch: samples.count, height: height * zoom, width: width * zoom, channels: configuration.width(ofLevel: level))
        let weights = ScoreWeights(side: side, zoom: zoom)
        let scratch = workspace.scratch(floats: zoom)
        workspace.metered(.init("transfer \(result.channels)", of: result)) {
            workspace.team.run(samples.count * height) { item, thread in
                let (sample, row) = item.quotientAndRemainder(dividingBy: height)
                let (matches, reference) = samples[sample]
                reference.levels[level].values.withUnsafeBufferPointer { values in
                    guard let source = values.baseAddress else { return }
                    let line = Line(
                        row: row, zoom: zoom, matches: matches, reference: reference.levels[level], source: source,
                        output: result.sample(sample) + row * zoom * result.width * result.channels,
                        outputLine: result.width * result.channels)
                    for column in 0..<width {
                        fill(column, line, weights, factors: scratch[thread], kernels: workspace.kernels)
                    }
                }
            }
        }
        return result
    }

    private struct Line {
        let row: Int
        let zoom: Int
        let matches: Matches
        let reference: ReferenceFeatures.Level
        let source: UnsafePointer<Float>
        let output: UnsafeMutablePointer<Float>
        let outputLine: Int

        /// Where a cell's first row begins in the reference.
        func cell(row: Int, column: Int) -> UnsafePointer<Float> {
            let y = SearchWindow.wrapped(row, reference.height / zoom) * zoom
            let x = SearchWindow.wrapped(column, reference.width / zoom) * zoom
            return source + (y * reference.width + x) * reference.channels
        }
    }

    private func fill(
        _ column: Int, _ line: Line, _ weights: ScoreWeights, factors: UnsafeMutablePointer<Float>, kernels: kernel_set
    ) {
        let (zoom, channels) = (line.zoom, line.reference.channels)
        let run = zoom * channels
        let cells = neighbours(line.row, column).map { neighbour in
            let index = neighbour.row * line.matches.width + neighbour.column
            // What its match has where this cell lies beside it.
            return line.cell(
                row: Int(line.matches.rows[index]) + 1 - (neighbour.row - line.row),
                column: Int(line.matches.columns[index]) + 1 - (neighbour.column - column))
        }
        for y in 0..<zoom {
            let target = line.output + y * line.outputLine + column * run
            for (index, cell) in cells.enumerated() {
                let source = cell + y * line.reference.width * channels
                if index == 0 {
                    target.update(from: source, count: run)
                } else {
                    kernels.pixels.pointee.accumulate(source, target, run)
                }
            }
            weights.read(line.matches, row: line.row, column: column, y: y, share: 1 / Float(cells.count), to: factors)
            kernels.scale_rows(target, zoom, channels, channels, factors)
        }
    }

    /// The cell itself and those around it, as far as they are of its block.
    private func neighbours(_ row: Int, _ column: Int) -> [(row: Int, column: Int)] {
        let rows = neighbours(row), columns = neighbours(column)
        return rows.flatMap { row in columns.map { (row: row, column: $0) } }
    }

    private func neighbours(_ index: Int) -> ClosedRange<Int> {
        let first = index / side * side
        return max(first, index - 1)...min(first + side - 1, index + 1)
    }
}

/// How good the matches of a block are, between its cells: bilinear, half-pixel centres, edges of the block repeated.
private struct ScoreWeights {
    let side: Int
    let zoom: Int

    private struct Tap {
        let first: Int
        let second: Int
        let share: Float
    }

    /// Of a position within a block.
    private let taps: [Tap]

    init(side: Int, zoom: Int) {
        self.side = side
        self.zoom = zoom
        taps = (0..<side * zoom).map { index in
            let place = max(0, (Float(index) + 0.5) / Float(zoom) - 0.5)
            let first = min(Int(place), side - 1)
            return Tap(first: first, second: min(first + 1, side - 1), share: place - Float(first))
        }
    }

    /// The scores along a row of a cell, times a share.
    func read(
        _ matches: Matches, row: Int, column: Int, y: Int, share: Float, to factors: UnsafeMutablePointer<Float>
    ) {
        let (top, left) = (row / side * side, column / side * side)
        let down = taps[row % side * zoom + y]
        for x in 0..<zoom {
            let across = taps[column % side * zoom + x]
            func score(_ row: Int, _ column: Int) -> Float { matches.scores[(top + row) * matches.width + left + column] }
            func between(_ row: Int) -> Float {
                let (first, second) = (score(row, across.first), score(row, across.second))
                return first + (second - first) * across.share
            }
            let (above, below) = (between(down.first), between(down.second))
            factors[x] = (above + (below - above) * down.share) * share
        }
    }
}
