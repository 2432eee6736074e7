import Checkpoints
import Crypto

/// Makes and recognises the names of jobs.
///
/// A name is 16 random bytes and a code that only this process can compute. So nobody can guess a job of someone
/// else's, and a job that is gone is told from one that never was without remembering it.
struct JobIdentifier: Sendable {
    private static let randomCount = 16
    private static let codeCount = 8

    private let key = SymmetricKey(size: .bits256)

    func make() -> String {
        var generator = SystemRandomNumberGenerator()
        let random = (0..<Self.randomCount).map { _ in UInt8.random(in: 0...255, using: &generator) }
        return Hexadecimal.text(random + code(random))
    }

    /// Whether this process made the name.
    func made(_ name: String) -> Bool {
        guard let bytes = Hexadecimal.bytes(name), bytes.count == Self.randomCount + Self.codeCount else { return false }
        let expected = code(Array(bytes.prefix(Self.randomCount)))
        var difference: UInt8 = 0
        for (one, other) in zip(expected, bytes.suffix(Self.codeCount)) { difference |= one ^ other }
        return difference == 0
    }

    private func code(_ random: [UInt8]) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: random, using: key).prefix(Self.codeCount))
    }
}
