/// Which parts of a row of bytes are free. Takes the lowest part that is large enough, so that what is in use stays together
/// and the end of it low; parts that touch become one.
package struct FreeList: Sendable {
    /// In order; no two touch, and the last one never ends at `end`.
    private var parts: [Range<Int>] = []
    /// Behind the last byte in use.
    package private(set) var end = 0

    package init() {}

    /// Takes `count` bytes, at least 1.
    ///
    /// - Returns: where they begin.
    package mutating func take(_ count: Int) -> Int {
        guard let index = parts.firstIndex(where: { $0.count >= count }) else {
            end += count
            return end - count
        }
        let part = parts[index]
        if part.count == count {
            parts.remove(at: index)
        } else {
            parts[index] = part.lowerBound + count..<part.upperBound
        }
        return part.lowerBound
    }

    /// Gives back what was taken.
    package mutating func giveBack(_ part: Range<Int>) {
        var part = part
        var index = parts.partitionPoint { $0.lowerBound > part.lowerBound }
        if index < parts.count, parts[index].lowerBound == part.upperBound {
            part = part.lowerBound..<parts.remove(at: index).upperBound
        }
        if index > 0, parts[index - 1].upperBound == part.lowerBound {
            index -= 1
            part = parts.remove(at: index).lowerBound..<part.upperBound
        }
        if part.upperBound == end {
            end = part.lowerBound
        } else {
            parts.insert(part, at: index)
        }
    }
}

extension Array {
    /// The first index whose element, as all behind it, belongs to the second part of an array that is parted in two.
    fileprivate func partitionPoint(_ isSecondPart: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isSecondPart(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
