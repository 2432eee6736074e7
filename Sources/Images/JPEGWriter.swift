/// Segments of a JPEG as bytes.
enum JPEGWriter {
    /// What one segment holds at most.
    static let largestPayload = 65_533

    /// A segment with its marker and length; none where it is too long for one.
    static func segment(_ marker: Int, _ payload: [UInt8]) -> [UInt8] {
        guard payload.count <= largestPayload else { return [] }
        let length = payload.count + 2
        return [0xFF, UInt8(marker), UInt8(length >> 8), UInt8(length & 0xFF)] + payload
    }
}
