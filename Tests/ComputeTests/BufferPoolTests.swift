import Compute
import Glibc
import Testing

@Suite("BufferPool", .serialized)
struct BufferPoolTests {
    /// Of this process, by the kernel's count.
    private static func residentBytes() throws -> Int {
        let file = try #require(fopen("/proc/self/statm", "r"))
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        try #require(fgets(&line, Int32(line.count), file) != nil)
        let fields = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            .split(separator: " ")
        return try #require(Int(fields[1])) * sysconf(Int32(_SC_PAGESIZE))
    }

    private static func touchedTensor(bytes: Int, in workspace: Workspace) -> Tensor {
        let tensor = workspace.tensor(batch: 1, width: 1, channels: bytes / 4)
        tensor.base.update(repeating: 1, count: tensor.count)
        return tensor
    }

    /// In a process of its own, since other tests' memory comes and goes.
    @Test("memory that the pool lets go of is the system's again, whatever was allocated between its buffers")
    func trimming() async {
        await #expect(processExitsWith: .success) {
            let workspace = Workspace(threads: 1)
            // Freed blocks teach malloc to keep such.
            free(malloc(8 << 20))
            let before = try Self.residentBytes()
            var others: [[Int]] = []
            var tensors: [Tensor] = []
            for number in 0..<400 {
                tensors.append(Self.touchedTensor(bytes: 300_000 + number % 7 * 1000, in: workspace))
                others.append([Int](repeating: number, count: 100))
            }
            #expect(try Self.residentBytes() - before > 100_000_000)
            tensors = []
            workspace.pool.trim()
            #expect(try Self.residentBytes() - before < 20_000_000)
            #expect(others.count == 400)
        }
    }

    @Test("buffers are aligned, writable to their end, and counted as they are", arguments: [
        4, 64, 4092, 4096, 4100, 300_000, 5_000_000,
    ])
    func buffers(bytes: Int) {
        let workspace = Workspace(threads: 1)
        let tensor = Self.touchedTensor(bytes: bytes, in: workspace)
        #expect(Int(bitPattern: tensor.base) % 64 == 0)
        #expect(workspace.pool.liveBytes == max(bytes, 64))
        withExtendedLifetime(tensor) {}
    }

    @Test("a buffer that was given back is used again for what is not much smaller")
    func reuse() {
        let workspace = Workspace(threads: 1)
        let first = Self.touchedTensor(bytes: 1_000_000, in: workspace).base
        #expect(Self.touchedTensor(bytes: 900_000, in: workspace).base == first)
        #expect(workspace.pool.peakBytes == 1_000_000)
    }
}
