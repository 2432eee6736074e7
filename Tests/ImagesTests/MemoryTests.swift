import Foundation
import Images
import TestSupport
import Testing

/// Each runs in a process of its own: beside other tests the kernel's count would be theirs as well.
@Suite("Memory of hostile pictures", .disabled(if: isSanitized, "a sanitizer keeps what was freed"))
struct MemoryTests {
    @Test("a thousand broken files leave no memory behind")
    func repeats() async {
        await #expect(processExitsWith: .success) {
            let all = BrokenPictures.all().filter { $0.bytes.count < 1 << 20 }
            for broken in all { _ = outcome(broken) }
            let before = try residentBytes("VmRSS")
            for round in 0..<1000 { _ = outcome(all[round % all.count]) }
            let growth = try residentBytes("VmRSS") - before
            precondition(growth < 4 << 20, "grew by \(growth) bytes")
        }
    }

    @Test("no bomb takes 64 MiB, nor does a lying header of 49 megapixels")
    func bombs() async {
        await #expect(processExitsWith: .success) {
            let tall = PNGSketch(width: 7_000, height: 7_000)
            let png = PNGSketch.signature + tall.header() + PNGSketch.chunk("IDAT", Zlib.stored([0, 1, 2, 3]))
                + PNGSketch.chunk("IEND", [])
            let small = JPEGSketch(try ImageEncoder.jpeg(.sample(width: 48, height: 40)))
            let jpeg = small.patching(0xC0, 5, with: [0x1B, 0x58, 0x1B, 0x58])
            let all = BrokenPictures.all()
            let before = try residentBytes("VmHWM")
            for broken in all { _ = outcome(broken) }
            for file in [png, jpeg] { precondition((try? ImageDecoder.decode(file)) == nil) }
            let growth = try residentBytes("VmHWM") - before
            precondition(growth < 64 << 20, "grew by \(growth) bytes")
        }
    }

    @Test("a progressive picture at the limit of 50 megapixels stays within its estimate", .disabled(if: isDebug))
    func largest() async {
        await #expect(processExitsWith: .success) {
            let picture = Picture(width: 8_000, height: 6_250, pixels: [UInt8](repeating: 90, count: 150_000_000))
            let file = try ImageEncoder.jpeg(picture, options: .init(isProgressive: true))
            let estimate = try ImageHeader.read(file).decodingBytes
            let before = try residentBytes("VmRSS")
            let decoded = try ImageDecoder.decode(file)
            let growth = try residentBytes("VmRSS") - before
            precondition(decoded == picture && growth < estimate, "grew by \(growth) bytes")
        }
    }
}

/// Decoding 50 megapixels and comparing them is quick only where the tests are optimised.
private let isDebug: Bool = {
    var isDebug = false
    assert({ isDebug = true; return true }())
    return isDebug
}()

private let isSanitized = dlsym(nil, "__asan_init") != nil

/// From the kernel's own count of this process: `VmRSS` now, `VmHWM` at its highest.
private func residentBytes(_ field: String) throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = status.split(separator: "\n").first { $0.hasPrefix("\(field):") }
    let kibibytes = line?.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) }
    return try #require(kibibytes) * 1024
}
