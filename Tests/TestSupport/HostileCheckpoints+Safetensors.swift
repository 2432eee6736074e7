extension HostileCheckpoints {
    private static func header(
        _ name: String, _ reason: String, _ header: String, data: Int = 24, length: UInt64? = nil
    ) -> HostileCheckpoint {
        HostileCheckpoint("header-\(name).safetensors", reason, safetensors(header, dataSize: data, length: length))
    }

    /// A header with one tensor of this description.
    private static func tensor(
        _ name: String, _ reason: String, _ description: String, data: Int = 24
    ) -> HostileCheckpoint {
        header("tensor-" + name, reason, "{\"a\":{\(description)}}", data: data)
    }

    private static let sound = "\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}"

    static var safetensors: [HostileCheckpoint] { lengths + json + tensors + layouts }

    private static var lengths: [HostileCheckpoint] {
        [
            header("longer-than-file", "is said to take", "{\(sound)}", length: 1 << 20),
            header("as-long-as-numbers-go", "is said to take", "{\(sound)}", length: .max),
            header("negative", "is said to take", "{\(sound)}", length: 1 << 63),
            header("empty", "found the end of the header", "{\(sound)}", length: 0),
            header("one-byte", "found the end of the header", "{\(sound)}", length: 1),
            header("one-short", "found the end of the header", "{\(sound)}", length: UInt64(sound.utf8.count + 1)),
            header("one-long", "found byte 0", "{\(sound)}", length: UInt64(sound.utf8.count + 3)),
            header("not-an-object", "not a checkpoint", "[\(sound)]"),
            header("blank-first", "not a checkpoint", " {\(sound)}"),
        ]
    }

    private static var json: [HostileCheckpoint] {
        [
            header("two-objects", "expected the end", "{\(sound)}{\(sound)}"),
            header("comma-at-end", "expected a string", "{\(sound),}"),
            header("no-comma", "expected '}'", "{\(sound) \(sound)}"),
            header("comment", "expected a string", "{/* */\(sound)}"),
            header("unquoted-name", "expected a string", "{a:1}"),
            header("single-quotes", "expected a string", "{'a':{}}"),
            header("unending-string", "doesn't end", "{\"a"),
            header("escape-at-end", "doesn't end", "{\"a\\"),
            header("control-character", "control character", "{\"a\n\":{}}"),
            header("unknown-escape", "escape", "{\"\\x41\":{}}"),
            header("short-escape", "four hexadecimal digits", "{\"\\u00\":{}}"),
            header("half-a-surrogate", "surrogate", "{\"\\uD800\":{}}"),
            header("two-high-surrogates", "surrogate", "{\"\\uD800\\uD800\":{}}"),
            header("low-surrogate", "surrogate", "{\"\\uDC00\":{}}"),
            header("string-too-long", "bytes of a string", "{\"\(String(repeating: "a", count: 65_537))\":{}}"),
            HostileCheckpoint("header-not-utf-8.safetensors", "not UTF-8",
                safetensors([0x7B, 0x22, 0xC3, 0x28, 0x22, 0x3A, 0x7B, 0x7D, 0x7D], dataSize: 0)),
            HostileCheckpoint("header-overlong-utf-8.safetensors", "not UTF-8",
                safetensors([0x7B, 0x22, 0xC0, 0xAF, 0x22, 0x3A, 0x7B, 0x7D, 0x7D], dataSize: 0)),
            header("deep-arrays", "expected '{'", "{\"a\":" + String(repeating: "[", count: 200_000)),
            header("deep-objects", "is not known", String(repeating: "{\"a\":", count: 200_000)),
            header("deep-metadata", "expected a string",
                "{\"__metadata__\":" + String(repeating: "{\"a\":", count: 200_000)),
            header("metadata-number", "expected a string", "{\"__metadata__\":{\"a\":1},\(sound)}"),
            header("metadata-twice", "twice", "{\"__metadata__\":{},\"__metadata__\":{},\(sound)}"),
            header("metadata-key-twice", "twice", "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"},\(sound)}"),
            header("name-twice", "\"a\" is there twice",
                "{\(sound),\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[24,24]}}"),
            header("name-twice-escaped", "\"a\" is there twice",
                "{\(sound),\"\\u0061\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[24,24]}}"),
            header("control-character-in-message", "\\u{1b}",
                "{\"\\u001b[2J\":{\"dtype\":\"F32\",\"shape\":[9],\"data_offsets\":[0,24]}}"),
        ]
    }

    private static var tensors: [HostileCheckpoint] {
        [
            tensor("empty", "expected a string", ""),
            tensor("no-type", "are needed", #""shape":[2,3],"data_offsets":[0,24]"#),
            tensor("no-shape", "are needed", #""dtype":"F32","data_offsets":[0,24]"#),
            tensor("no-offsets", "are needed", #""dtype":"F32","shape":[2,3]"#),
            tensor("one-offset", "are needed", #""dtype":"F32","shape":[2,3],"data_offsets":[24]"#),
            tensor("three-offsets", "data_offsets", #""dtype":"F32","shape":[2,3],"data_offsets":[0,24,24]"#),
            tensor("type-twice", "twice", #""dtype":"F32","dtype":"F32","shape":[2,3],"data_offsets":[0,24]"#),
            tensor("offsets-twice", "twice",
                #""dtype":"F32","shape":[2,3],"data_offsets":[0,24],"data_offsets":[0,24]"#),
            tensor("unknown-key", "not known", #""dtype":"F32","shape":[2,3],"data_offsets":[0,24],"x":1"#),
            tensor("unknown-type", "\"F33\" is not known", #""dtype":"F33","shape":[2,3],"data_offsets":[0,24]"#),
            tensor("type-is-number", "expected a string", #""dtype":32,"shape":[2,3],"data_offsets":[0,24]"#),
            tensor("shape-is-text", "expected '['", #""dtype":"F32","shape":"2x3","data_offsets":[0,24]"#),
            tensor("negative-size", "found '-'", #""dtype":"F32","shape":[-2,-3],"data_offsets":[0,24]"#),
            tensor("fraction", "expected ']'", #""dtype":"F32","shape":[2.0,3],"data_offsets":[0,24]"#),
            tensor("exponent", "expected ']'", #""dtype":"F32","shape":[2e0,3],"data_offsets":[0,24]"#),
            tensor("leading-zero", "leading zero", #""dtype":"F32","shape":[02,3],"data_offsets":[0,24]"#),
            tensor("number-too-large", "a number over",
                #""dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,24]"#),
            tensor("overflowing-shape", "too large",
                #""dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,24]"#),
            tensor("overflowing-shape-and-zero", "too large",
                #""dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0]"#, data: 0),
            tensor("overflowing-bytes", "too large",
                #""dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,24]"#),
            tensor("many-dimensions", "dimensions",
                "\"dtype\":\"F32\",\"shape\":[\([String](repeating: "1", count: 33).joined(separator: ","))],\"data_offsets\":[0,4]"),
            tensor("shape-too-large", "its range has 24", #""dtype":"F32","shape":[2,4],"data_offsets":[0,24]"#),
            tensor("shape-too-small", "its range has 24", #""dtype":"F32","shape":[2,2],"data_offsets":[0,24]"#),
            tensor("type-too-wide", "its range has 24", #""dtype":"F64","shape":[2,3],"data_offsets":[0,24]"#),
            tensor("begin-after-end", "are not within", #""dtype":"F32","shape":[2,3],"data_offsets":[24,0]"#),
            tensor("end-past-data", "are not within", #""dtype":"F32","shape":[2,4],"data_offsets":[0,32]"#),
            tensor("end-far-past-data", "are not within",
                #""dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]"#),
        ]
    }

    private static func two(_ name: String, _ reason: String, _ second: String, data: Int) -> HostileCheckpoint {
        header("layout-" + name, reason, "{\(sound),\"b\":{\(second)}}", data: data)
    }

    private static var layouts: [HostileCheckpoint] {
        [
            two("overlap", "overlaps", #""dtype":"F32","shape":[2],"data_offsets":[20,28]"#, data: 28),
            two("same-bytes", "overlaps", #""dtype":"F32","shape":[2,3],"data_offsets":[0,24]"#, data: 24),
            two("inside", "overlaps", #""dtype":"F32","shape":[1],"data_offsets":[8,12]"#, data: 24),
            two("hole", "leaves a hole", #""dtype":"F32","shape":[1],"data_offsets":[28,32]"#, data: 32),
            header("layout-hole-at-start", "leaves a hole",
                #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, data: 8),
            header("layout-data-left-over", "the file has 32", "{\(sound)}", data: 32),
            header("layout-data-without-tensors", "the file has 32", "{}", data: 32),
            header("layout-too-many-tensors", "over a limit", "{" + (0...16_384).map {
                "\"\($0)\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}"
            }.joined(separator: ",") + "}", data: 0),
            header("layout-long-names", "over a limit", "{" + (0..<200).map {
                "\"\($0)\(String(repeating: "n", count: 60_000))\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}"
            }.joined(separator: ",") + "}", data: 0),
        ]
    }
}
