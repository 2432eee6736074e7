/// How much of a request the parser is ready to hold. Each limit is inclusive: that many is accepted, one more is not.
package struct WireLimits: Sendable, Equatable {
    /// Empty lines that are ignored before a request line; more is 400.
    package var emptyLines = 2
    /// The request line without its line end, in bytes; more is 414.
    package var requestLineBytes = 8192
    /// One field line without its line end, in bytes; more is 431.
    package var fieldLineBytes = 8192
    /// The whole head, line ends and the closing empty line included, in bytes; more is 431.
    package var headBytes = 32768
    /// Fields in a head; more is 431.
    package var fieldCount = 100
    /// A method's name, in bytes; more is 501 (RFC 9112 section 3).
    package var methodBytes = 32
    /// Hexadecimal digits of a chunk's size; more is 400.
    package var chunkSizeDigits = 16
    /// Extensions of one chunk, in bytes; more is 400.
    package var chunkExtensionLineBytes = 256
    /// Extensions of all chunks of one message, in bytes; more is 400.
    package var chunkExtensionMessageBytes = 4096
    /// The trailer section, line ends and the closing empty line included, in bytes; more is 431.
    package var trailerBytes = 4096
    /// Fields in a trailer section; more is 431.
    package var trailerCount = 16

    package init() {}

    /// The first limit that makes no sense, in words; nil where all do.
    package var problem: String? {
        let positive: [(String, Int)] = [
            ("requestLineBytes", requestLineBytes), ("fieldLineBytes", fieldLineBytes), ("headBytes", headBytes),
            ("methodBytes", methodBytes), ("chunkSizeDigits", chunkSizeDigits), ("trailerBytes", trailerBytes),
        ]
        for (name, value) in positive where !(1...(1 << 24)).contains(value) {
            return "\(name) must be from 1 to 16777216, not \(value)"
        }
        let counts: [(String, Int)] = [
            ("emptyLines", emptyLines), ("fieldCount", fieldCount), ("trailerCount", trailerCount),
            ("chunkExtensionLineBytes", chunkExtensionLineBytes),
            ("chunkExtensionMessageBytes", chunkExtensionMessageBytes),
        ]
        for (name, value) in counts where !(0...10_000).contains(value) {
            return "\(name) must be from 0 to 10000, not \(value)"
        }
        return chunkSizeDigits <= 16 ? nil : "chunkSizeDigits must be at most 16, not \(chunkSizeDigits)"
    }
}
