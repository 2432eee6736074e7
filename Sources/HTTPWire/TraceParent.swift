/// Where a request belongs in a trace that somebody else began (W3C Trace Context, section 3.2).
package struct TraceParent: Sendable, Equatable {
    /// Of the whole trace: 32 lower-case hexadecimal digits, not all 0.
    package let traceID: String
    /// Of the caller's part of it: 16 such digits, not all 0.
    package let parentID: String
    /// Whether the caller keeps what is recorded.
    package let isSampled: Bool

    /// Reads the field; nil where it is none, which then counts as absent.
    package init?(_ field: String?) {
        guard let field, field.utf8.count >= Self.length else { return nil }
        let bytes = Array(field.utf8)
        let dashes = [2, 35, 52]
        for (index, byte) in bytes.prefix(Self.length).enumerated() {
            guard dashes.contains(index) ? byte == UInt8(ascii: "-") : Self.isDigit(byte) else { return nil }
        }
        let version = bytes[0..<2]
        // The first version ends here; a later one may add more, behind a dash.
        let isEnded = bytes.count == Self.length
        let isLater = version != Self.firstVersion[...] && version != Self.forbiddenVersion[...]
        guard version == Self.firstVersion[...] ? isEnded : isLater && (isEnded || bytes[Self.length] == UInt8(ascii: "-"))
        else { return nil }
        let (trace, parent) = (bytes[3..<35], bytes[36..<52])
        guard !trace.allSatisfy({ $0 == Self.zero }), !parent.allSatisfy({ $0 == Self.zero }) else { return nil }
        traceID = String(decoding: trace, as: UTF8.self)
        parentID = String(decoding: parent, as: UTF8.self)
        isSampled = (UInt8(String(decoding: bytes[53..<55], as: UTF8.self), radix: 16) ?? 0) & 1 == 1
    }

    private static let length = 55
    private static let zero = UInt8(ascii: "0")
    private static let firstVersion = Array("00".utf8)
    private static let forbiddenVersion = Array("ff".utf8)

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}
