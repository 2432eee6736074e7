import HTTPTypes
import Service
import Testing

@Suite("A picture's bytes") struct GatheredBytesTests {
    @Test("gathered in pieces of any size they are the same, each moved at most twice, and no memory is uncounted")
    func gathered() {
        let block = GatheredBytes.longestBlock
        for count in [0, 1, block - 1, block, block + 1, 3 * block + 7] {
            for size in [997, 65536, 1 << 20] {
                let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
                var gathered = GatheredBytes()
                var capacity = 0
                for start in stride(from: 0, to: count, by: size) {
                    let piece = bytes[start..<min(start + size, count)]
                    capacity += gathered.growth(for: piece.count)
                    gathered.append(piece)
                    #expect(gathered.capacity == capacity && capacity >= gathered.count)
                }
                let address = gathered.beginning.withUnsafeBytes { $0.baseAddress }
                let isOneBlock = count <= block
                #expect(gathered.joiningCapacity == (isOneBlock ? 0 : count))
                let whole = gathered.join()
                #expect(whole == bytes)
                #expect(gathered.copiedCount == (isOneBlock ? 1 : 2) * count)
                // What is not counted as moved was not moved.
                if isOneBlock, count > 0 { #expect(whole.withUnsafeBytes { $0.baseAddress } == address) }
                #expect(gathered.capacity == 0)
            }
        }
    }

    @Test("a body that is declared to be short takes no more memory than that")
    func short() {
        for (expected, capacity) in [(nil, 262_144), (5000, 5000), (10, 1024), (1 << 30, 262_144)] as [(Int?, Int)] {
            #expect(GatheredBytes(expected: expected).growth(for: 10) == capacity)
        }
    }
}
