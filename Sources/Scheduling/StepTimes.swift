/// The median of the last few values.
struct RecentMedian: Sendable {
    private static let capacity = 31
    private var values: [Double] = []
    private var oldest = 0
    /// Nil before the first value. Kept, as it's read more often than values are added.
    private(set) var median: Double?

    var count: Int { values.count }

    mutating func add(_ value: Double) {
        if values.count < Self.capacity {
            values.append(value)
        } else {
            values[oldest] = value
            oldest = (oldest + 1) % Self.capacity
        }
        median = values.sorted()[values.count / 2]
    }
}

/// How long steps take, from those measured lately.
///
/// Times are those of one sample's share of an evaluation: its seconds by the number of samples in it. What a cost takes is
/// told apart by the kind of the keys: the networks of two bundles may differ a hundredfold.
struct StepTimes<Key: Hashable & Sendable>: Sendable {
    private struct Entry {
        let key: Key
        var times: RecentMedian
    }

    private struct KindEntry {
        let kind: Int
        var perCost = RecentMedian()
    }

    /// Keys remembered: pictures come in any size, so the oldest are forgotten. As many kinds.
    private static var maximumKeys: Int { 64 }
    /// Measurements of a key from which on a step can be called slow.
    private static var trustedCount: Int { 5 }
    /// A step is slow beyond this many medians.
    private static var slowFactor: Double { 10 }
    /// Seconds up to which no step is slow: a busy machine interrupts short ones.
    private static var slowFloor: Double { 1 }

    /// Most lately used last, as the next.
    private var entries: [Entry] = []
    private var kinds: [KindEntry] = []
    private let kind: @Sendable (Key) -> Int

    /// - Parameter kind: of a key; keys of one kind take about as long for the same cost.
    init(kind: @escaping @Sendable (Key) -> Int) { self.kind = kind }

    /// Whether any step has been measured.
    var isEmpty: Bool { kinds.isEmpty }

    /// - Returns: the median before this one, where the step was slow measured by it.
    mutating func record(seconds: Double, samples: Int, of key: Key, costPerSample: Double) -> Double? {
        let share = seconds / Double(samples)
        record(share / costPerSample, ofKind: kind(key))
        var entry = Entry(key: key, times: RecentMedian())
        if let position = entries.firstIndex(where: { $0.key == key }) {
            entry = entries.remove(at: position)
        } else if entries.count >= Self.maximumKeys {
            entries.removeFirst()
        }
        let median = entry.times.count >= Self.trustedCount ? entry.times.median : nil
        entry.times.add(share)
        entries.append(entry)
        return median.flatMap { share > max(Self.slowFloor, Self.slowFactor * $0) ? $0 : nil }
    }

    /// Seconds of one step of a sample of this key; nil where none has been measured.
    func seconds(for key: Key) -> Double? { entries.last { $0.key == key }?.times.median }

    private mutating func record(_ secondsPerCost: Double, ofKind kind: Int) {
        var entry = KindEntry(kind: kind)
        if let position = kinds.firstIndex(where: { $0.kind == kind }) {
            entry = kinds.remove(at: position)
        } else if kinds.count >= Self.maximumKeys {
            kinds.removeFirst()
        }
        entry.perCost.add(secondsPerCost)
        kinds.append(entry)
    }

    /// Seconds of worker time that work takes, by cost where its key is new; nil where nothing of a key's kind has been
    /// measured.
    func seconds(for work: [Key: QueuedJob<Key>.Rest]) -> Double? {
        var sum = 0.0
        for (key, rest) in work {
            if let seconds = seconds(for: key) {
                sum += seconds * Double(rest.steps)
            } else if let perCost = kinds.last(where: { [kind] in $0.kind == kind(key) })?.perCost.median {
                sum += perCost * rest.cost
            } else {
                return nil
            }
        }
        return sum
    }
}
