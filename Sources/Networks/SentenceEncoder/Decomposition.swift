@_spi(_Unicode) import Swift

/// Unicode's normalisation form D.
enum Decomposition {
    /// The standard library has it for its own comparisons and does not offer it by name; Foundation's would add 50 MB to a
    /// static program.
    static func scalars(of text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        text.allSatisfy(\.isASCII) ? text : Array(String(String.UnicodeScalarView(text))._nfd)
    }
}
