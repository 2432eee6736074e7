/// Counts of values up to each of a row of bounds, as Prometheus' histograms have them.
package struct Histogram: Sendable, Equatable {
    /// Upper bounds, rising.
    package let bounds: [Double]
    /// One a bound and one beyond the last; not cumulative.
    package private(set) var counts: [Int]
    /// Of all values.
    package private(set) var sum = 0.0

    package init(bounds: [Double]) {
        self.bounds = bounds
        counts = [Int](repeating: 0, count: bounds.count + 1)
    }

    package mutating func add(_ value: Double) {
        counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
        sum += value
    }

    /// Of all values.
    package var count: Int { counts.reduce(0, +) }
}
