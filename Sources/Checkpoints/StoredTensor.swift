/// A tensor as a checkpoint stores it: row-major and contiguous, its numbers still in the (mapped) file.
package struct StoredTensor: Sendable {
    package let scalarType: ScalarType
    package let shape: [Int]
    private let bytes: CheckpointBytes
    private let offset: Int

    /// - Precondition: the shape's elements lie within the bytes.
    init(scalarType: ScalarType, shape: [Int], bytes: CheckpointBytes, offset: Int) {
        self.scalarType = scalarType
        self.shape = shape
        self.bytes = bytes
        self.offset = offset
        precondition(offset >= 0 && offset <= bytes.count && byteCount <= bytes.count - offset)
    }

    /// A tensor of one's own, for writing and for tests.
    ///
    /// - Precondition: as many numbers as the shape has elements.
    package init(_ floats: [Float], shape: [Int]) {
        self.init(scalarType: .float32, shape: shape, littleEndian: floats.withUnsafeBytes { [UInt8]($0) })
    }

    /// A tensor of one's own, from its elements' bytes, lowest first.
    ///
    /// - Precondition: as many bytes as the shape's elements take.
    package init(scalarType: ScalarType, shape: [Int], littleEndian elements: [UInt8]) {
        let count = checkedElementCount(of: shape, width: scalarType.width)
        precondition(count.map { $0 * scalarType.width } == elements.count)
        self.init(scalarType: scalarType, shape: shape, bytes: CheckpointBytes(elements), offset: 0)
    }

    /// The same numbers in the same order under another shape; nil where that has not as many.
    package func reshaped(_ shape: [Int]) -> StoredTensor? {
        guard checkedElementCount(of: shape) == elementCount else { return nil }
        return StoredTensor(scalarType: scalarType, shape: shape, bytes: bytes, offset: offset)
    }

    package var elementCount: Int { shape.reduce(1, *) }

    package var byteCount: Int { elementCount * scalarType.width }

    /// Whether both are the same bytes of the same file, as the two names of an aliased parameter are.
    package func sharesStorage(with other: StoredTensor) -> Bool {
        bytes === other.bytes && offset == other.offset && byteCount == other.byteCount
    }

    /// Says that its numbers won't be looked at again soon: what is mapped of them leaves this process's memory.
    package func leaveMemory() { bytes.leaveMemory(offset..<offset + byteCount) }

    /// Equal for tensors that are the same bytes of one file.
    var place: Range<Int> { offset..<offset + byteCount }

    /// The elements as stored: little-endian, row-major, possibly unaligned.
    package func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try bytes.withBytes(in: offset..<offset + byteCount, body)
    }
}
