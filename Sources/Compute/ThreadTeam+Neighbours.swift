import Synchronization

extension ThreadTeam {
    /// Calls `body` once for each item in `0..<count`, as `run` does, but gives each thread neighbours, in their order: what
    /// an item needs can be fetched while the one before it is worked on. A thread that has done its own takes others' last.
    ///
    /// - Parameter body: `next` is the item that its thread will take afterwards, unless another comes first; nil where that
    ///   isn't known.
    package func runNeighbours(_ count: Int, _ body: (_ item: Int, _ next: Int?) -> Void) {
        guard size > 1, count > 1 else {
            for item in 0..<max(0, count) { body(item, item + 1 < count ? item + 1 : nil) }
            return
        }
        let shares = (0..<size).map { Share(count * $0 / size..<count * ($0 + 1) / size) }
        run(size) { _, thread in
            while let item = shares[thread].takeFirst() { body(item, shares[thread].first) }
            for other in shares {
                while let item = other.takeLast() { body(item, nil) }
            }
        }
    }
}

/// Items that are left of a thread's share.
private final class Share: Sendable {
    /// The first in the lower half, the end in the upper one.
    private let bounds: Atomic<UInt64>

    init(_ range: Range<Int>) {
        bounds = Atomic(Self.word(range))
    }

    var first: Int? { Self.range(bounds.load(ordering: .relaxed)).first }

    func takeFirst() -> Int? { take { $0.dropFirst() } and: { $0.first } }

    func takeLast() -> Int? { take { $0.dropLast() } and: { $0.last } }

    private func take(_ rest: (Range<Int>) -> Range<Int>, and item: (Range<Int>) -> Int?) -> Int? {
        var word = bounds.load(ordering: .relaxed)
        while true {
            let range = Self.range(word)
            guard let taken = item(range) else { return nil }
            let (exchanged, original) = bounds.compareExchange(
                expected: word, desired: Self.word(rest(range)), ordering: .relaxed)
            if exchanged { return taken }
            word = original
        }
    }

    private static func word(_ range: Range<Int>) -> UInt64 {
        UInt64(range.upperBound) << 32 | UInt64(range.lowerBound)
    }

    private static func range(_ word: UInt64) -> Range<Int> {
        Int(word & 0xFFFF_FFFF)..<Int(word >> 32)
    }
}
