package import Checkpoints
package import Compute

/// Writes words about a picture out of what a vision tower makes of it (README, "From a picture to words").
package struct WordMapper: Sendable {
    package let sizes: WordSizes
    private let ofPicture: [WordPerceptron]  // mapping_k
    private let ofPatches: [WordPerceptron]  // mapping_patch_k

    /// - Parameter parameters: beside which the file may hold others; `finish` is for whoever reads the whole.
    package init(_ parameters: ParameterReader) throws(CheckpointError) {
        let sizes = try WordSizes(parameters)
        self.sizes = sizes
        (ofPicture, ofPatches) = try parameters.both(
            { () throws(CheckpointError) in
                try parameters.map(sizes.words) { word throws(CheckpointError) in
                    try WordPerceptron(parameters.scope("mapping_\(word)"), sizes: sizes)
                }
            },
            { () throws(CheckpointError) in
                try parameters.map(sizes.words) { word throws(CheckpointError) in
                    try WordPerceptron(parameters.scope("mapping_patch_\(word)"), sizes: sizes)
                }
            })
    }

    /// - Parameter tokens: of each picture the class token, then at least one patch; as long as `sizes.inputs`.
    /// - Returns: words by pictures: `sizes.words` rows of `sizes.outputs` for each.
    package func callAsFunction(_ tokens: Tensor, in workspace: Workspace) -> [[Float]] {
        let patches = tokens.pixels - 1
        precondition(tokens.channels == sizes.inputs && patches > 0)
        let (pictureTokens, patchTokens) = Self.parted(tokens, in: workspace)
        var words = [[Float]](repeating: [], count: tokens.batch)
        for (ofPicture, ofPatches) in zip(ofPicture, ofPatches) {
            let whole = ofPicture(pictureTokens, in: workspace)
            let parts = ofPatches(patchTokens, in: workspace)
            for index in words.indices {
                let own = whole.base + index * sizes.outputs
                let mean = Self.mean(parts.sample(index), rows: patches, width: sizes.outputs)
                words[index] += (0..<sizes.outputs).map { own[$0] + mean[$0] }
            }
        }
        return words
    }

    /// Class tokens as one row of tokens, and the patches of each picture.
    private static func parted(_ tokens: Tensor, in workspace: Workspace) -> (pictures: Tensor, patches: Tensor) {
        let (width, patches) = (tokens.channels, tokens.pixels - 1)
        let first = workspace.tensor(batch: 1, width: tokens.batch, channels: width)
        let rest = workspace.tensor(batch: tokens.batch, width: patches, channels: width)
        for index in 0..<tokens.batch {
            (first.base + index * width).update(from: tokens.sample(index), count: width)
            rest.sample(index).update(from: tokens.sample(index) + width, count: patches * width)
        }
        return (first, rest)
    }

    private static func mean(_ values: UnsafePointer<Float>, rows: Int, width: Int) -> [Float] {
        var sums = [Double](repeating: 0, count: width)
        for row in 0..<rows {
            for column in 0..<width { sums[column] += Double(values[row * width + column]) }
        }
        return sums.map { Float($0 / Double(rows)) }
    }
}

/// Takes out of words what they say of a picture's degradation (README, "Cleaning").
package struct WordCleaner: Sendable {
    package let sizes: WordSizes
    private let perceptrons: [WordPerceptron]  // mapping_k

    /// - Throws: `CheckpointError` that names every missing, surplus and mis-shaped tensor.
    package init(_ parameters: ParameterReader) throws(CheckpointError) {
        let sizes = try WordSizes(parameters)
        self.sizes = sizes
        perceptrons = try parameters.map(sizes.words) { word throws(CheckpointError) in
            try WordPerceptron(parameters.scope("mapping_\(word)"), sizes: sizes)
        }
        try parameters.finish()
    }

    /// - Parameter words: of each picture, `sizes.words` rows of `sizes.inputs`.
    /// - Returns: the same number of rows of `sizes.outputs`.
    package func callAsFunction(_ words: [[Float]], in workspace: Workspace) -> [[Float]] {
        precondition(words.allSatisfy { $0.count == sizes.words * sizes.inputs })
        var cleaned = [[Float]](repeating: [], count: words.count)
        for (word, perceptron) in perceptrons.enumerated() {
            let rows = words.flatMap { $0[word * sizes.inputs..<(word + 1) * sizes.inputs] }
            let input = Tensor(rows, width: words.count, channels: sizes.inputs, pool: workspace.pool)
            let values = perceptron(input, in: workspace).values
            for index in cleaned.indices { cleaned[index] += values[index * sizes.outputs..<(index + 1) * sizes.outputs] }
        }
        return cleaned
    }
}
