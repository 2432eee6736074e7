/// What a network's transformers look at beside their own tokens: keys and values of a context, projected once for as many
/// evaluations as share it.
package final class TextContext: @unchecked Sendable {
    // Sendable: written in `init` only.

    /// Tokens of the context.
    package let tokens: Int
    private let storage: UnsafeMutablePointer<Float>
    /// Where a transformer's keys begin, and their width; its values stand beside them.
    private let places: [(offset: Int, width: Int)]

    /// - Parameter projections: of each transformer, in order: `tokens` rows of keys and values side by side.
    init(tokens: Int, projections: [(values: UnsafePointer<Float>, width: Int)]) {
        self.tokens = tokens
        var places: [(offset: Int, width: Int)] = []
        var count = 0
        for projection in projections {
            places.append((count, projection.width))
            count += tokens * 2 * projection.width
        }
        self.places = places
        storage = .allocate(capacity: max(1, count))
        for (place, projection) in zip(places, projections) {
            (storage + place.offset).initialize(from: projection.values, count: tokens * 2 * projection.width)
        }
    }

    deinit { storage.deallocate() }

    /// Bytes that it holds.
    package var bytes: Int {
        places.reduce(0) { $0 + tokens * 2 * $1.width } * MemoryLayout<Float>.stride
    }

    /// The first token's keys of a transformer. Valid while the context lives.
    func keys(ofTransformer index: Int) -> UnsafePointer<Float> { UnsafePointer(storage + places[index].offset) }
}
