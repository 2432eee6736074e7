/// The type of a tensor's elements; the raw value is PyTorch's name of it.
package enum ScalarType: String, Sendable, CaseIterable {
    case float64, float32, float16, bfloat16
    case float8E4M3 = "float8_e4m3fn"
    case float8E5M2 = "float8_e5m2"
    case int64, int32, int16, int8
    case uint64, uint32, uint16, uint8
    case bool

    /// Bytes of one element.
    package var width: Int {
        switch self {
        case .float64, .int64, .uint64: 8
        case .float32, .int32, .uint32: 4
        case .float16, .bfloat16, .int16, .uint16: 2
        case .float8E4M3, .float8E5M2, .int8, .uint8, .bool: 1
        }
    }

    /// The name in a safetensors header.
    package var safetensorsName: String {
        switch self {
        case .float64: "F64"
        case .float32: "F32"
        case .float16: "F16"
        case .bfloat16: "BF16"
        case .float8E4M3: "F8_E4M3"
        case .float8E5M2: "F8_E5M2"
        case .int64: "I64"
        case .int32: "I32"
        case .int16: "I16"
        case .int8: "I8"
        case .uint64: "U64"
        case .uint32: "U32"
        case .uint16: "U16"
        case .uint8: "U8"
        case .bool: "BOOL"
        }
    }

    /// The type that a safetensors header names so; nil for unknown ones.
    package init?(safetensorsName name: String) {
        guard let type = Self.allCases.first(where: { $0.safetensorsName == name }) else { return nil }
        self = type
    }

    /// The type of a storage class of the module `torch`, such as `FloatStorage`; nil for unknown ones.
    package init?(torchStorage name: String) {
        switch name {
        case "DoubleStorage": self = .float64
        case "FloatStorage": self = .float32
        case "HalfStorage": self = .float16
        case "BFloat16Storage": self = .bfloat16
        case "LongStorage": self = .int64
        case "IntStorage": self = .int32
        case "ShortStorage": self = .int16
        case "CharStorage": self = .int8
        case "ByteStorage": self = .uint8
        case "BoolStorage": self = .bool
        default: return nil
        }
    }
}

/// The number of elements of a shape; nil where it, or its bytes at this width, would not fit an `Int`.
///
/// A zero-sized dimension gives zero, but the other dimensions must fit all the same: later code multiplies them too.
func checkedElementCount(of shape: [Int], width: Int = 1) -> Int? {
    var product = width
    var isEmpty = false
    for size in shape {
        guard size >= 0 else { return nil }
        if size == 0 { isEmpty = true; continue }
        let (value, overflow) = product.multipliedReportingOverflow(by: size)
        guard !overflow else { return nil }
        product = value
    }
    return isEmpty ? 0 : product / width
}
