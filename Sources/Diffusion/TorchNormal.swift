import Glibc

/// PyTorch's normal numbers on a CPU (`torch.manual_seed`, then `torch.randn` in float32): a Mersenne Twister (Matsumoto and
/// Nishimura, 1998) and the Box-Muller transform, in that program's order. Programs that were published with a seed start from
/// these.
package struct TorchNormal: Sendable {
    private static let length = 624
    private static let shift = 397
    /// From so many numbers on they are drawn in groups, in single precision.
    private static let group = 16

    private var words: [UInt32]
    private var index = TorchNormal.length
    /// The other half of a pair, where few numbers were asked for.
    private var kept: Double?

    /// - Parameter seed: of which the lower 32 bits count, as officially.
    package init(seed: UInt64) {
        var word = UInt32(truncatingIfNeeded: seed)
        words = [word]
        words.reserveCapacity(Self.length)
        for place in 1..<UInt32(Self.length) {
            word = 1_812_433_253 &* (word ^ word >> 30) &+ place
            words.append(word)
        }
    }

    /// The next numbers, as one call of `randn` draws them: another number of calls gives others.
    package mutating func numbers(_ count: Int) -> [Float] {
        guard count >= Self.group else { return (0..<max(0, count)).map { _ in Float(nextAlone()) } }
        var numbers = (0..<count).map { _ in uniform() }
        for start in stride(from: 0, through: count - Self.group, by: Self.group) { Self.transform(&numbers, from: start) }
        // What is left over begins within the last whole group: its numbers are drawn anew.
        if !count.isMultiple(of: Self.group) {
            for place in count - Self.group..<count { numbers[place] = uniform() }
            Self.transform(&numbers, from: count - Self.group)
        }
        return numbers
    }

    /// Uniform numbers become normal ones: the first half of a group with the second. All in single precision, as officially.
    private static func transform(_ numbers: inout [Float], from start: Int) {
        let circle: Float = 6.2831855
        for place in start..<start + group / 2 {
            let radius = (-2 * logf(1 - numbers[place])).squareRoot()
            let angle = circle * numbers[place + group / 2]
            (numbers[place], numbers[place + group / 2]) = (radius * cosf(angle), radius * sinf(angle))
        }
    }

    /// In 0..<1.
    private mutating func uniform() -> Float { Float(nextWord() & 0xff_ffff) / 16_777_216 }

    private mutating func nextAlone() -> Double {
        if let kept {
            self.kept = nil
            return kept
        }
        let (first, second) = (uniformInDouble(), uniformInDouble())
        let radius = (-2 * log1p(-second)).squareRoot()
        kept = radius * sin(2 * .pi * first)
        return radius * cos(2 * .pi * first)
    }

    private mutating func uniformInDouble() -> Double {
        let high = UInt64(nextWord()), low = UInt64(nextWord())
        return Double((high << 32 | low) & (1 << 53 - 1)) / Double(1 << 53)
    }

    private mutating func nextWord() -> UInt32 {
        if index == Self.length { twist() }
        var word = words[index]
        index += 1
        word ^= word >> 11
        word ^= word << 7 & 0x9d2c_5680
        word ^= word << 15 & 0xefc6_0000
        return word ^ word >> 18
    }

    private mutating func twist() {
        for place in 0..<Self.length {
            let joined = words[place] & 0x8000_0000 | words[(place + 1) % Self.length] & 0x7fff_ffff
            words[place] = words[(place + Self.shift) % Self.length] ^ joined >> 1 ^ (joined & 1) * 0x9908_b0df
        }
        index = 0
    }
}
