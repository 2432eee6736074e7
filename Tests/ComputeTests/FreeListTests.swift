import Compute
import TestSupport
import Testing

@Suite("FreeList")
struct FreeListTests {
    @Test("the lowest part that is large enough is taken, and what touches becomes one")
    func places() {
        var list = FreeList()
        #expect([100, 200, 300].map { list.take($0) } == [0, 100, 300])
        list.giveBack(0..<100)
        list.giveBack(100..<300)
        #expect(list.end == 600)
        #expect(list.take(250) == 0)
        #expect(list.take(100) == 600)
        #expect(list.take(50) == 250)
        list.giveBack(600..<700)
        #expect(list.end == 600)
        list.giveBack(300..<600)
        #expect(list.end == 300)
        list.giveBack(0..<250)
        list.giveBack(250..<300)
        #expect(list.end == 0)
    }

    @Test("whatever is taken and given back, nothing in use overlaps, and all given back leaves nothing", arguments: 0..<20 as Range<UInt64>)
    func property(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var list = FreeList()
        var used: [Range<Int>] = []
        for _ in 0..<400 {
            if used.isEmpty || Int.random(in: 0..<5, using: &generator) < 3 {
                let count = Int.random(in: 1...1000, using: &generator)
                let start = list.take(count)
                #expect(!used.contains { $0.overlaps(start..<start + count) })
                used.append(start..<start + count)
            } else {
                list.giveBack(used.remove(at: Int.random(in: used.indices, using: &generator)))
            }
            #expect(list.end == used.map(\.upperBound).max() ?? 0)
        }
        for part in used.shuffled(using: &generator) { list.giveBack(part) }
        #expect(list.end == 0)
        // As one that was never used.
        #expect(list.take(10) == 0)
    }
}
