/// A small generator with a seed (SplitMix64, Steele et al. 2014), so that random tests repeat.
package struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }

    /// A copy with one to eight random faults: bits flipped, bytes set to telling values, pieces cut, doubled or moved.
    package mutating func mutate(_ original: [UInt8]) -> [UInt8] {
        var bytes = original
        for _ in 0..<Int.random(in: 1...8, using: &self) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &self)
            let length = min(Int.random(in: 1...16, using: &self), bytes.count - place)
            switch Int.random(in: 0..<7, using: &self) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &self)
            case 1: bytes[place] = .random(in: 0...255, using: &self)
            case 2:
                let telling: [UInt8] = [0, 1, 0x7F, 0x80, 0xFF]
                for index in place..<place + length { bytes[index] = telling[Int(next() % 5)] }
            case 3: bytes.removeSubrange(place..<place + length)
            case 4: bytes.insert(contentsOf: bytes[place..<place + length], at: place)
            case 5: bytes = Array(bytes.prefix(place))
            default:
                let target = Int.random(in: 0...bytes.count - length, using: &self)
                bytes.replaceSubrange(target..<target + length, with: bytes[place..<place + length])
            }
        }
        return bytes
    }
}
