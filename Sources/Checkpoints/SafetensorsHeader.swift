/// What a safetensors header says, not yet checked against the data.
struct SafetensorsHeader {
    struct Entry {
        var name: String
        var scalarType: ScalarType
        var shape: [Int]
        /// Counted from the end of the header.
        var begin: Int
        var end: Int
    }

    /// The key that is no tensor.
    static let metadataName = "__metadata__"

    var entries: [Entry] = []
    var metadata: [String: String] = [:]
}

/// Reads the header's JSON. Its form is fixed (an object of objects of strings and whole numbers), so there is no
/// recursion, and whatever else JSON could say is an error.
struct SafetensorsHeaderParser {
    private var text: JSONTextReader

    init(_ bytes: CheckpointBytes, in range: Range<Int>) {
        text = JSONTextReader(bytes, in: range)
    }

    mutating func parse() throws(CheckpointError) -> SafetensorsHeader {
        var header = SafetensorsHeader()
        var hasMetadata = false
        try text.expect("{")
        if !text.skip("}") {
            repeat {
                let name = try text.string()
                try text.expect(":")
                if name == SafetensorsHeader.metadataName {
                    guard !hasMetadata else { throw text.fault("\(SafetensorsHeader.metadataName) is there twice") }
                    hasMetadata = true
                    header.metadata = try metadata()
                } else {
                    guard header.entries.count < CheckpointLimits.tensors else {
                        throw .overLimit("tensors", limit: CheckpointLimits.tensors)
                    }
                    header.entries.append(try entry(name))
                }
            } while text.skip(",")
            try text.expect("}")
        }
        try text.expectPadding()
        return header
    }

    private mutating func metadata() throws(CheckpointError) -> [String: String] {
        var result: [String: String] = [:]
        try text.expect("{")
        if text.skip("}") { return result }
        repeat {
            let key = try text.string()
            try text.expect(":")
            try text.budget.charge(96)
            guard result.updateValue(try text.string(), forKey: key) == nil else {
                throw text.fault("the metadata \(quoted(key)) is there twice")
            }
        } while text.skip(",")
        try text.expect("}")
        return result
    }

    private mutating func entry(_ name: String) throws(CheckpointError) -> SafetensorsHeader.Entry {
        // The entry, its copy in the dictionary with the dictionary's free places, and the sorted name.
        try text.budget.charge(192)
        var scalarType: ScalarType?
        var shape: [Int]?
        var range: [Int]?
        try text.expect("{")
        repeat {
            let key = try text.string()
            try text.expect(":")
            switch key {
            case "dtype" where scalarType == nil:
                let typeName = try text.string()
                guard let type = ScalarType(safetensorsName: typeName) else {
                    throw .malformedTensor(name: name, "the type \(quoted(typeName)) is not known")
                }
                scalarType = type
            case "shape" where shape == nil:
                shape = try text.wholeNumbers(atMost: CheckpointLimits.rank, of: "dimensions")
            case "data_offsets" where range == nil:
                range = try text.wholeNumbers(atMost: 2, of: "data_offsets")
            case "dtype", "shape", "data_offsets": throw .malformedTensor(name: name, "\(key) is there twice")
            default: throw .malformedTensor(name: name, "the key \(quoted(key)) is not known")
            }
        } while text.skip(",")
        try text.expect("}")
        guard let scalarType, let shape, let range, range.count == 2 else {
            throw .malformedTensor(name: name, "dtype, shape and two data_offsets are needed")
        }
        return .init(name: name, scalarType: scalarType, shape: shape, begin: range[0], end: range[1])
    }
}
