import Engine
import Testing

@Suite("Memory of pictures")
struct PictureMemoryTests {
    @Test("a restoration holds the picture that came, what was seen of it and what is made; a classification the first two")
    func pictures() {
        #expect(PictureMemory.bytes(width: 30, height: 20) == 3 * 30 * 20 * 4)
        #expect(PictureMemory.bytes(width: 30, height: 20) == PictureMemory.peakBytesPerPixel * 30 * 20)
        #expect(PictureMemory.classificationBytes(width: 30, height: 20) == 2 * 30 * 20 * 4)
    }
}
