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
/// Times are those of one sample's share of an evaluation: its seconds by the number of samples in it.
struct StepTimes<Key: Hashable & Sendable>: Sendable {
    private struct Entry {
        let key: Key
        var times: RecentMedian
    }

    /// Keys remembered: pictures come in any size, so the oldest are forgotten.
    private static var maximumKeys: Int { 64 }
    /// Measurements of a key from which on a step can be called slow.
    private static var trustedCount: Int { 5 }
    /// A step is slow beyond this many medians.
    private static var slowFactor: Double { 10 }
    /// Seconds up to which no step is slow: a busy machine interrupts short ones.
    private static var slowFloor: Double { 1 }

    /// Most lately used last.
    private var entries: [Entry] = []
    private var secondsPerCost = RecentMedian()

    /// - Returns: the median before this one, where the step was slow measured by it.
    mutating func record(seconds: Double, samples: Int, of key: Key, costPerSample: Double) -> Double? {
        let share = seconds / Double(samples)
        secondsPerCost.add(share / costPerSample)
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

    /// Seconds of worker time that work takes, by cost where its key is new; nil before the first measurement.
    func seconds(for work: [Key: QueuedJob<Key>.Rest]) -> Double? {
        guard let perCost = secondsPerCost.median else { return nil }
        return work.reduce(0) { sum, item in
            sum + (seconds(for: item.key).map { $0 * Double(item.value.steps) } ?? perCost * item.value.cost)
        }
    }
}
