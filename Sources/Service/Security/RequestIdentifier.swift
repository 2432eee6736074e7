import Checkpoints

/// Names one request in answers and logs.
enum RequestIdentifier {
    /// What a client sent, where it is of the safe form `[A-Za-z0-9._-]{1,64}`: nothing else may reach a log or header.
    static func accepted(_ sent: String?) -> String? {
        guard let sent, (1...64).contains(sent.utf8.count), sent.utf8.allSatisfy(isSafe) else { return nil }
        return sent
    }

    /// A new one: 96 random bits in hexadecimal.
    static func make() -> String {
        // Each number drawn is a system call: two large ones, not twelve bytes.
        var generator = SystemRandomNumberGenerator()
        let (high, low) = (generator.next() as UInt64, generator.next() as UInt32)
        let bytes = withUnsafeBytes(of: high) { Array($0) } + withUnsafeBytes(of: low) { Array($0) }
        return Hexadecimal.text(bytes)
    }

    private static func isSafe(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
