import Checkpoints

/// How many words a file of perceptrons makes, and of which lengths: its shapes say so.
package struct WordSizes: Sendable, Equatable {
    package let words: Int
    /// Length of what a word is made of.
    package let inputs: Int
    /// Width within a perceptron.
    package let hidden: Int
    /// Length of a word.
    package let outputs: Int

    /// Words that a file may make: a text has no more tokens.
    package static let mostWords = 77
    private static let widths = 1...8_192

    /// - Throws: where the first word's perceptron is missing, or what it says can't be.
    init(_ parameters: ParameterReader) throws(CheckpointError) {
        let (first, last) = ("mapping_0.0.weight", "mapping_0.9.weight")
        guard let entering = parameters.shape(of: first), let leaving = parameters.shape(of: last) else {
            for name in [first, last] { parameters.acknowledge(name) }
            try parameters.finish()
            throw .malformedTensor(name: first, "expected the perceptrons of words")
        }
        for (name, shape) in [(first, entering), (last, leaving)] {
            guard shape.count == 2, shape.allSatisfy(Self.widths.contains) else {
                throw .malformedTensor(
                    name: name, "expected two dimensions of at most \(Self.widths.upperBound), found \(shape)")
            }
        }
        words = (0..<Self.mostWords).prefix { parameters.contains("mapping_\($0).0.weight") }.count
        (inputs, hidden, outputs) = (entering[1], entering[0], leaving[0])
    }
}
