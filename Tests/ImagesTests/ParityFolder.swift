import Foundation

/// Files beside the tests' sources and the reference numbers, which may be missing.
enum TestFiles {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    static let parity = ProcessInfo.processInfo.environment["RESTORED_PARITY"].map { URL(filePath: $0) }
        ?? root.deletingLastPathComponent().appending(path: "shared/parity")

    static var hasParity: Bool { FileManager.default.fileExists(atPath: parity.appending(path: "images").path) }

    static func parityBytes(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: parity.appending(path: path)))
    }

    static func fixture(_ name: String) throws -> [UInt8] { try bytes("Tests/Fixtures/Images/\(name)") }

    /// - Parameter path: from the root of the repository.
    static func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: root.appending(path: path))) }
}

/// Just enough of safetensors to read fixtures: an 8-byte length, a JSON header, raw little-endian data.
struct FixtureTensors {
    private struct Entry: Decodable {
        let shape: [Int]
        let data_offsets: [Int]
    }
    private let entries: [String: Entry]
    private let data: Data

    init(_ path: String) throws {
        let file = try Data(contentsOf: TestFiles.parity.appending(path: path))
        let length = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        let header = try JSONSerialization.jsonObject(with: file[8..<8 + length]) as? [String: Any] ?? [:]
        entries = try header.filter { $0.key != "__metadata__" }.mapValues {
            try JSONDecoder().decode(Entry.self, from: JSONSerialization.data(withJSONObject: $0))
        }
        data = file.dropFirst(8 + length)
    }

    var names: [String] { entries.keys.sorted() }

    func shape(_ name: String) -> [Int] { entries[name]?.shape ?? [] }

    func bytes(_ name: String) -> [UInt8] {
        guard let range = entries[name]?.data_offsets else { return [] }
        return [UInt8](data[data.startIndex + range[0]..<data.startIndex + range[1]])
    }

    func floats(_ name: String) -> [Float] {
        bytes(name).withUnsafeBytes { raw in
            (0..<raw.count / 4).map { Float(bitPattern: raw.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)) }
        }
    }
}
