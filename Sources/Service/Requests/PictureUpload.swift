import Images
import Scheduling

/// The bytes of a picture as they arrive: counted against the memory budget, and looked at as soon as its header is
/// there, so that what can't be processed is refused before the rest is worth keeping.
struct PictureUpload {
    private let limits: ImageLimits
    private let reservation: MemoryBudget.Reservation
    private let declared: ImageFormat?
    private var bytes: GatheredBytes
    private var isHeaderChecked = false
    private var nextLook = firstLook

    private static let firstLook = 64

    /// - Parameters:
    ///   - declared: what the client says that it is; nil for a type that leaves it open.
    ///   - bodyBytes: how many bytes the picture has at most, where that is known.
    ///   - reservation: takes up the bytes.
    init(
        declared: ImageFormat?, bodyBytes: Int?, limits: ImageLimits, reservation: MemoryBudget.Reservation
    ) {
        bytes = GatheredBytes(expected: bodyBytes)
        self.declared = declared
        self.limits = limits
        self.reservation = reservation
    }

    var isEmpty: Bool { bytes.count == 0 }

    /// - Throws: `ServiceFault.memoryExhausted`, or the `ImageError` that the header already shows.
    mutating func append(_ chunk: ArraySlice<UInt8>) throws {
        try reservation.grow(by: bytes.growth(for: chunk.count))
        bytes.append(chunk)
        guard !isHeaderChecked, bytes.count >= nextLook else { return }
        nextLook = bytes.count * 4
        try checkFormat(bytes.beginning)
        // A header that isn't whole yet looks broken; whether it is shows at the end.
        guard let header = try? ImageHeader.read(bytes.beginning) else { return }
        try header.check(limits)
        isHeaderChecked = true
    }

    /// The whole file and its header, checked.
    ///
    /// - Throws: `ImageError`, or `ServiceFault.memoryExhausted`.
    mutating func finish() throws -> (bytes: [UInt8], header: ImageHeader) {
        guard bytes.count > 0 else { throw ImageError.empty }
        let (blocks, joined) = (bytes.capacity, bytes.joiningCapacity)
        try reservation.grow(by: joined)
        let whole = bytes.join()
        if joined > 0 { reservation.shrink(to: reservation.bytes - blocks) }
        try checkFormat(whole)
        let header = try ImageHeader.read(whole)
        try header.check(limits)
        return (whole, header)
    }

    private func checkFormat(_ bytes: [UInt8]) throws(ImageError) {
        guard let found = ImageFormat.sniff(bytes) else { throw .unrecognisedFormat }
        if let declared, declared != found { throw .formatMismatch(declared: declared, found: found) }
    }
}
