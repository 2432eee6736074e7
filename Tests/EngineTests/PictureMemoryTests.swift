import Engine
import Testing

@Suite("Memory of pictures")
struct PictureMemoryTests {
    @Test("two pictures are held, three where several degradations are treated", arguments: [
        (nil, 2), (["rainy"], 2), (["rainy", "noisy"], 3), (["rainy", "noisy", "hazy", "snowy"], 3),
    ] as [([String]?, Int)])
    func pictures(degradations: [String]?, count: Int) {
        var options = RestorationOptions()
        options.degradations = degradations
        #expect(PictureMemory.bytes(width: 30, height: 20, options: options) == count * 30 * 20 * 4)
    }
}
