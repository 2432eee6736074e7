/// A safetensors file: eight bytes of header length, a JSON header that gives each tensor's type, shape and place, and
/// the numbers without gap, overlap or remainder.
struct Safetensors {
    let tensors: [String: StoredTensor]
    let metadata: [String: String]

    init(_ bytes: CheckpointBytes) throws(CheckpointError) {
        guard let length = bytes.littleEndian(UInt64.self, at: 0), bytes.byte(at: 8) == UInt8(ascii: "{") else {
            throw .unrecognised(Self.describeStart(of: bytes))
        }
        guard length <= UInt64(bytes.count - 8) else {
            throw .malformedSafetensors("the header is said to take \(length) bytes, \(bytes.count - 8) are left")
        }
        guard length <= CheckpointLimits.headerBytes else {
            throw .overLimit("bytes of header", limit: CheckpointLimits.headerBytes)
        }
        let dataStart = 8 + Int(length)
        var parser = SafetensorsHeaderParser(bytes, in: 8..<dataStart)
        let header = try parser.parse()
        try Self.checkLayout(header.entries, dataSize: bytes.count - dataStart)

        var tensors: [String: StoredTensor] = [:]
        tensors.reserveCapacity(header.entries.count)
        for entry in header.entries {
            let tensor = StoredTensor(
                scalarType: entry.scalarType, shape: entry.shape, bytes: bytes, offset: dataStart + entry.begin)
            guard tensors.updateValue(tensor, forKey: entry.name) == nil else {
                throw .malformedSafetensors("the name \(quoted(entry.name)) is there twice")
            }
        }
        self.tensors = tensors
        metadata = header.metadata
    }

    /// Every range holds just its shape's elements, and together they are the whole data part, each byte once.
    private static func checkLayout(
        _ entries: [SafetensorsHeader.Entry], dataSize: Int
    ) throws(CheckpointError) {
        var position = 0
        // Empty tensors first where several begin at one place; indices keep the copies small.
        let order = entries.indices.sorted {
            (entries[$0].begin, entries[$0].end) < (entries[$1].begin, entries[$1].end)
        }
        for index in order {
            let entry = entries[index]
            guard entry.begin <= entry.end, entry.end <= dataSize else {
                throw .malformedTensor(name: entry.name, "its bytes \(entry.begin) to \(entry.end) "
                    + "are not within the \(dataSize) bytes of data")
            }
            guard let count = checkedElementCount(of: entry.shape, width: entry.scalarType.width) else {
                throw .malformedTensor(name: entry.name, "its shape \(entry.shape) is too large")
            }
            guard count * entry.scalarType.width == entry.end - entry.begin else {
                throw .malformedTensor(name: entry.name, "\(entry.shape) of \(entry.scalarType.rawValue) take "
                    + "\(count * entry.scalarType.width) bytes, its range has \(entry.end - entry.begin)")
            }
            guard entry.begin == position else {
                let fault = entry.begin < position ? "overlaps the tensor before it" : "leaves a hole before it"
                throw .malformedTensor(name: entry.name, "begins at byte \(entry.begin) and \(fault), "
                    + "expected \(position)")
            }
            position = entry.end
        }
        guard position == dataSize else {
            throw .malformedSafetensors("the tensors take \(position) bytes, the file has \(dataSize) of data")
        }
    }

    /// Names what a file begins with that is no checkpoint.
    private static func describeStart(of bytes: CheckpointBytes) -> String {
        let start = bytes.withBytes(in: 0..<min(bytes.count, 4)) { [UInt8]($0) }
        let known: [([UInt8], String)] = [
            ([0x80, 0x02], "a bare pickle (a PyTorch file from before version 1.6?)"),
            ([0x1F, 0x8B], "a gzip file"),
            ([0x89, 0x50, 0x4E, 0x47], "a PNG picture"), ([0xFF, 0xD8], "a JPEG picture"),
            (Array("PK".utf8), "a zip archive without entries at its start"), (Array("<".utf8), "a web page"),
            (Array("vers".utf8), "a pointer to a file in large file storage"), (Array("GGUF".utf8), "a GGUF file"),
        ]
        if let match = known.first(where: { start.starts(with: $0.0) }) { return match.1 }
        return bytes.count < 9
            ? "only \(bytes.count) bytes"
            : "the bytes " + start.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    }
}
