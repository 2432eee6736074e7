package import CLIP
package import Compute
import Glibc

/// AutoDIR's assessment: which of eight things a picture needs, and what of texts steers its restoration
/// (Weights/README.md, "AutoDIR").
package struct Assessment: Sendable {
    /// What a picture may need, in the order that decides ties. The last one is nothing.
    package static let categories = [
        "noise", "blur", "rain", "underexposure", "haze", "low resolution", "raindrop", "no",
    ]
    /// Of the category of those that need nothing.
    package static let clean = categories.count - 1
    /// Of the one whose result isn't corrected.
    package static let lowResolution = 5

    static func prompt(of category: String) -> String { "A photo needs \(category) artifact reduction" }

    package let towers: PairedTowers
    package let tokenizer: BytePairTokenizer
    /// Crops that a verdict looks at, along each side: officially the one in the middle. What several say is averaged.
    package let cropsASide: Int
    /// Of the categories' prompts: unit vectors, and the states of their tokens, which see no padding.
    package let features: [[Float]]
    package let states: [[Float]]
    /// Of the empty text, whose tokens see its padding.
    package let emptyStates: [Float]

    /// - Parameter cropsASide: at least one.
    package init(
        _ towers: PairedTowers, tokenizer: BytePairTokenizer, cropsASide: Int = 1, in workspace: Workspace
    ) {
        self.cropsASide = cropsASide
        self.towers = towers
        self.tokenizer = tokenizer
        let sequences = Self.categories.map { Self.tokens($0, prompted: true, tokenizer, towers) }
        let states = towers.text.states(
            sequences.map(\.ids), visible: sequences.map(\.count), in: workspace)
        let vectors = towers.text.embeddings(of: states, sequences.map(\.ids), in: workspace)
        let values = (states.values, vectors.values)
        self.states = sequences.indices.map {
            Array(values.0[$0 * states.sampleCount..<($0 + 1) * states.sampleCount])
        }
        features = sequences.indices.map {
            Self.unit(Array(values.1[$0 * vectors.channels..<($0 + 1) * vectors.channels]))
        }
        emptyStates = towers.text.states(
            [Self.tokens("", prompted: false, tokenizer, towers).ids], in: workspace).values
    }

    private static func tokens(
        _ text: String, prompted: Bool, _ tokenizer: BytePairTokenizer, _ towers: PairedTowers
    ) -> (ids: [Int32], count: Int) {
        tokenizer.paddedTokens(
            for: prompted ? prompt(of: text) : text, contextLength: towers.configuration.text.contextLength)
    }

    // MARK: Words

    /// The states of a text's tokens, which see its padding, as the official program has them.
    package func states(of text: String, in workspace: Workspace) -> [Float] {
        let (ids, _) = Self.tokens(text, prompted: false, tokenizer, towers)
        return towers.text.states([ids], in: workspace).values
    }

    /// Whether the text is longer than the context, so that its end is not looked at.
    package func cuts(_ text: String) -> Bool {
        Self.tokens(text, prompted: false, tokenizer, towers).count > towers.configuration.text.contextLength
    }

    // MARK: A verdict

    /// The crops of a large picture.
    var mostCrops: Int { cropsASide * cropsASide }

    /// What a verdict looks at.
    package func crops(_ picture: SignedPicture) -> [[Float]] {
        places(width: picture.width, height: picture.height).map { crop(picture, at: $0) }
    }

    /// Where the crops of a picture begin: evenly from edge to edge, row by row; of one, and along a side that has no room for
    /// two, in the middle.
    package func places(width: Int, height: Int) -> [(x: Int, y: Int)] {
        let side = towers.configuration.vision.imageSize
        let (across, down) = (offsets(width, side), offsets(height, side))
        return down.flatMap { y in across.map { (x: $0, y: y) } }
    }

    private func offsets(_ length: Int, _ side: Int) -> [Int] {
        let room = length - side
        guard cropsASide > 1, room > 0 else { return [Self.offset(length, side)] }
        let count = min(cropsASide, room + 1)
        return (0..<count).map { room * $0 / (count - 1) }
    }

    /// A part of a picture at its own resolution, normalised for the picture tower; black around it where it is smaller.
    package func crop(_ picture: SignedPicture, at place: (x: Int, y: Int)) -> [Float] {
        let side = towers.configuration.vision.imageSize
        let (left, top) = place
        return (0..<side * side * 3).map { index in
            let (pixel, channel) = index.quotientAndRemainder(dividingBy: 3)
            let (y, x) = (pixel / side + top, pixel % side + left)
            let isInside = (0..<picture.width).contains(x) && (0..<picture.height).contains(y)
            let value = isInside ? (picture.values[(y * picture.width + x) * 3 + channel] + 1) / 2 : 0
            return (value - Preprocessing.mean[channel]) / Preprocessing.deviation[channel]
        }
    }

    /// Where the crop begins: before the picture where that is smaller.
    private static func offset(_ length: Int, _ side: Int) -> Int {
        length >= side ? (length - side) / 2 : -((side - length) / 2)
    }

    /// Unit vectors of crops.
    package func embeddings(_ crops: [[Float]], in workspace: Workspace) -> [[Float]] {
        let side = towers.configuration.vision.imageSize
        let images = Tensor(
            crops.flatMap(\.self), batch: crops.count, height: side, width: side, channels: 3, pool: workspace.pool)
        let vectors = towers.vision(images, in: workspace)
        let values = vectors.values
        return crops.indices.map { Self.unit(Array(values[$0 * vectors.channels..<($0 + 1) * vectors.channels])) }
    }

    /// What the vectors of a picture's crops say of some categories: the softmax of their mean logits.
    ///
    /// - Parameter embeddings: at least one.
    /// - Returns: their probabilities, in the same order.
    package func probabilities(of embeddings: [[Float]], among categories: [Int]) -> [Double] {
        let each = embeddings.map { logits(of: $0, among: categories) }
        let means = categories.indices.map { index in
            each.reduce(0) { $0 + Double($1[index]) } / Double(max(1, each.count))
        }
        let largest = means.max() ?? 0
        let numerators = means.map { exp($0 - largest) }
        let sum = numerators.reduce(0, +)
        return numerators.map { $0 / sum }
    }

    package func logits(of embedding: [Float], among categories: [Int]) -> [Float] {
        categories.map { category in
            towers.logitScale * zip(embedding, features[category]).reduce(0) { $0 + $1.0 * $1.1 }
        }
    }

    /// The states of the categories' prompts, each as much as it is likely.
    package func mixture(_ probabilities: [Double], of categories: [Int]) -> [Float] {
        var result = [Float](repeating: 0, count: states.first?.count ?? 0)
        for (probability, category) in zip(probabilities, categories) {
            let share = Float(probability)
            for index in result.indices { result[index] += share * states[category][index] }
        }
        return result
    }

    private static func unit(_ vector: [Float]) -> [Float] {
        let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return vector.map { $0 / length }
    }
}
