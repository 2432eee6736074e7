/// Received bytes that wait to be parsed. What is taken out is a counted slice of the very buffer that the kernel
/// filled: only a line or a delimiter that was cut in two is put together in memory of its own.
struct ByteQueue: Sendable {
    /// The bytes to be looked at; empty only where there are none at all.
    private(set) var front: ArraySlice<UInt8>
    /// What came after them, in a buffer of its own.
    private var rest: ArraySlice<UInt8> = []

    init(_ bytes: [UInt8] = []) {
        front = bytes[...]
    }

    var count: Int { front.count + rest.count }

    mutating func append(_ piece: ArraySlice<UInt8>) {
        if front.isEmpty {
            front = piece
        } else if rest.isEmpty {
            rest = piece
        } else {
            // Never where each piece is parsed before the next one is read.
            rest += piece
        }
    }

    /// Takes that many bytes, or all of the front where it is shorter.
    @discardableResult
    mutating func take(_ count: Int) -> ArraySlice<UInt8> {
        let piece = front.prefix(count)
        front = front.dropFirst(count)
        if front.isEmpty {
            front = rest
            rest = []
        }
        return piece
    }

    /// Brings bytes of the next piece to the end of the front, at most `limit`, and none after the first `last`.
    ///
    /// - Returns: false where there are none.
    mutating func extend(by limit: Int, through last: UInt8? = nil) -> Bool {
        var wanted = rest.prefix(limit)
        if let last, let index = wanted.firstIndex(of: last) { wanted = wanted[...index] }
        guard !wanted.isEmpty else { return false }
        front += wanted
        rest = rest.dropFirst(wanted.count)
        return true
    }
}
