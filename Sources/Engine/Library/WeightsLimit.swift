/// How much memory the weights of all bundles together may take.
package struct WeightsLimit: Sendable, Equatable {
    package let bytes: Int
    /// Whether a bundle that is larger by itself is refused; else it may be there alone.
    package let isStrict: Bool

    package init(bytes: Int, isStrict: Bool) {
        self.bytes = bytes
        self.isStrict = isStrict
    }

    package static let none = WeightsLimit(bytes: .max, isStrict: false)

    /// - Parameter used: bytes of the bundles that are there.
    func hasRoom(for needed: Int, beside used: Int) -> Bool {
        needed <= bytes - used || (!isStrict && used == 0)
    }

    /// Why so many bytes never find room, however idle the others are; nil where they may.
    ///
    /// - Parameter kept: bytes of the version that serves meanwhile; 0 where none does.
    func objection(to needed: Int, beside kept: Int) -> String? {
        guard !hasRoom(for: needed, beside: kept) else { return nil }
        let beside = kept == 0 ? "" : " beside the \(kept) of the version that serves"
        return "its weights take \(needed) bytes\(beside), and \(bytes) are allowed (--weights-memory)"
    }
}
