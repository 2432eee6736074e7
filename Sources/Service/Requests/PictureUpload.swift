import Images

/// The bytes of a picture as they arrive: counted against the memory budget, and looked at as soon as its header is
/// there, so that what can't be processed is refused before the rest is worth keeping.
struct PictureUpload {
    private let limits: ImageLimits
    private let reservation: MemoryBudget.Reservation
    private let declared: ImageFormat?
    private(set) var bytes: [UInt8] = []
    private var isHeaderChecked = false
    private var nextLook = firstLook

    private static let firstLook = 64

    /// - Parameters:
    ///   - declared: what the client says that it is; nil for a type that leaves it open.
    ///   - reservation: takes up the bytes.
    init(declared: ImageFormat?, limits: ImageLimits, reservation: MemoryBudget.Reservation) {
        self.declared = declared
        self.limits = limits
        self.reservation = reservation
    }

    /// - Throws: `ServiceFault.memoryExhausted`, or the `ImageError` that the header already shows.
    mutating func append(_ chunk: [UInt8]) throws {
        let capacity = bytes.capacity
        bytes.append(contentsOf: chunk)
        try reservation.grow(by: bytes.capacity - capacity)
        guard !isHeaderChecked, bytes.count >= nextLook else { return }
        nextLook = bytes.count * 4
        try checkFormat()
        // A header that isn't whole yet looks broken; whether it is shows at the end.
        guard let header = try? ImageHeader.read(bytes) else { return }
        try header.check(limits)
        isHeaderChecked = true
    }

    /// The header of the whole file, checked.
    ///
    /// - Throws: `ImageError`.
    func header() throws(ImageError) -> ImageHeader {
        guard !bytes.isEmpty else { throw .empty }
        try checkFormat()
        let header = try ImageHeader.read(bytes)
        try header.check(limits)
        return header
    }

    private func checkFormat() throws(ImageError) {
        guard let found = ImageFormat.sniff(bytes) else { throw .unrecognisedFormat }
        if let declared, declared != found { throw .formatMismatch(declared: declared, found: found) }
    }
}
