import Checkpoints
import Crypto

/// Makes and recognises the names of jobs.
///
/// A name is 16 random bytes and a code that only those can compute who have the key: this process, or all that share a
/// store. So nobody can guess a job of someone else's, and a job that is gone is told from one that never was without
/// remembering it.
struct JobIdentifier: Sendable {
    private static let randomCount = 16
    private static let codeCount = 8
    /// In hexadecimal digits.
    private static let length = 2 * (randomCount + codeCount)

    private let key: SymmetricKey

    init(key: [UInt8] = newKey()) { self.key = SymmetricKey(data: key) }

    /// 32 random bytes.
    static func newKey() -> [UInt8] { SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) } }

    /// Whether a name may be one, whoever made it.
    static func isWellFormed(_ name: String) -> Bool {
        name.utf8.count == length && name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
        }
    }

    func make() -> String {
        var generator = SystemRandomNumberGenerator()
        let random = (0..<Self.randomCount).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let name = Hexadecimal.text(random)
        return name + code(name)
    }

    /// Whether the name was made with this key.
    func made(_ name: String) -> Bool {
        guard name.utf8.count == Self.length else { return false }
        let expected = code(name.prefix(2 * Self.randomCount))
        var difference: UInt8 = 0
        for (one, other) in zip(expected.utf8, name.utf8.suffix(2 * Self.codeCount)) { difference |= one ^ other }
        return difference == 0
    }

    private func code(_ random: some StringProtocol) -> String {
        let code = HMAC<SHA256>.authenticationCode(for: Array(random.utf8), using: key)
        return Hexadecimal.text(Array(code.prefix(Self.codeCount)))
    }
}
