/// Values joined by commas, as parameters and flags have them.
package enum CommaList {
    /// What stands between the commas, without the spaces around it.
    ///
    /// - Returns: nil where a piece is empty or there twice.
    package static func pieces(of text: String) -> [String]? {
        let pieces = text.split(separator: ",", omittingEmptySubsequences: false).map(trimmed)
        return pieces.allSatisfy { !$0.isEmpty } && Set(pieces).count == pieces.count ? pieces : nil
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text.drop { $0 == " " }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
