import Synchronization

/// Puts tiles of a picture that is neither clamped nor rounded together, blended smoothly where they overlap.
///
/// Where tiles overlap values are summed in fixed point, so that the result is the same in whatever order they come; others are
/// taken as they are. The mutex guards sums and picture.
final class SignedBlender: Sendable {
    private struct State {
        var values: [Float]
        /// Of weight times value, where there are several tiles.
        var sums: [Int64]
        var added = 0
    }

    private let plan: TilePlan
    private let across: BlendWeights
    private let down: BlendWeights
    private let state: Mutex<State>

    /// Binary places of a value: with the weights' twice 12 a sum of -`bound`...`bound` fits 63 bits.
    private static let places = 26
    private static let bound: Float = 4_096

    init(_ plan: TilePlan) {
        self.plan = plan
        across = BlendWeights(plan.columns)
        down = BlendWeights(plan.rows)
        let count = plan.width * plan.height * 3
        state = Mutex(State(
            values: [Float](repeating: 0, count: count), sums: plan.count > 1 ? [Int64](repeating: 0, count: count) : []))
    }

    /// Bytes that it holds.
    static func bytes(_ plan: TilePlan) -> Int {
        plan.width * plan.height * 3 * (MemoryLayout<Float>.stride + (plan.count > 1 ? MemoryLayout<Int64>.stride : 0))
    }

    /// - Returns: the whole picture, to whoever adds the last tile.
    func add(_ values: [Float], ofTile index: Int) -> SignedPicture? {
        let tile = plan[index]
        precondition(values.count == tile.width * tile.height * 3)
        return state.withLock { state in
            for line in 0..<tile.height { add(line, of: tile, values, to: &state) }
            state.added += 1
            guard state.added == plan.count else { return nil }
            if !state.sums.isEmpty { finish(&state) }
            var values: [Float] = []
            swap(&values, &state.values)
            state.sums = []
            return SignedPicture(width: plan.width, height: plan.height, values: values)
        }
    }

    private func isShared(_ x: Int, _ y: Int) -> Bool { across.isShared[x] || down.isShared[y] }

    private func add(_ line: Int, of tile: TilePlan.Tile, _ values: [Float], to state: inout State) {
        let y = tile.y + line
        let rowWeight = Int64(down.weights[tile.row][line])
        for column in 0..<tile.width {
            let target = (y * plan.width + tile.x + column) * 3
            let source = (line * tile.width + column) * 3
            guard isShared(tile.x + column, y) else {
                for channel in 0..<3 { state.values[target + channel] = values[source + channel] }
                continue
            }
            let weight = rowWeight * Int64(across.weights[tile.column][column])
            for channel in 0..<3 {
                let value = max(-Self.bound, min(Self.bound, values[source + channel]))
                let fixed = Int64((Double(value) * Double(1 << Self.places)).rounded())
                state.sums[target + channel] += weight * fixed
            }
        }
    }

    private func finish(_ state: inout State) {
        let one = Double(BlendWeights.one) * Double(BlendWeights.one) * Double(1 << Self.places)
        for y in 0..<plan.height {
            for x in 0..<plan.width where isShared(x, y) {
                for channel in 0..<3 {
                    let index = (y * plan.width + x) * 3 + channel
                    state.values[index] = Float(Double(state.sums[index]) / one)
                }
            }
        }
    }
}
