/// The form of API keys and of the files that hold them.
enum APIKeyFormat {
    /// Keys are visible ASCII without spaces or commas, so that they fit a header and an environment variable.
    static func isWellFormed(_ key: String) -> Bool {
        (8...256).contains(key.utf8.count) && key.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x2C }
    }

    static let rule = "an API key must have 8 to 256 visible ASCII characters without spaces and commas"

    /// The keys in a file's text: one a line; blank lines and those that start with `#` are skipped.
    ///
    /// - Throws: also where there is none, which would leave the service open to everybody.
    static func keys(inFile text: String) throws(ConfigurationError) -> [String] {
        let keys = text.split(whereSeparator: \.isNewline).map(trimmed).filter { !$0.isEmpty && !$0.hasPrefix("#") }
        guard !keys.isEmpty else { throw ConfigurationError("the file that --api-key-file names has no key in it") }
        guard keys.allSatisfy(isWellFormed) else { throw ConfigurationError(rule) }
        return keys
    }

    private static func trimmed(_ line: Substring) -> String {
        var line = line
        while let last = line.last, last.isWhitespace { line.removeLast() }
        return String(line.drop(while: \.isWhitespace))
    }
}
