/// What can be fuzzed, each by its checks: any bytes in, and the result is a value that keeps its promises or a typed
/// error. The raw values name corpora and dictionaries.
package enum FuzzEntry: String, CaseIterable, Sendable {
    case request, chunked, multipart, safetensors, zip, pickle, png, jpeg, answer, redis

    /// - Throws: `BrokenPromise`. Worse than that ends the process, which is what a sanitizer does too.
    package func check(_ bytes: [UInt8]) throws(BrokenPromise) {
        switch self {
        case .request: try RequestChecks.check(bytes)
        case .chunked: try ChunkedBodyChecks.check(bytes)
        case .multipart: try MultipartChecks.check(bytes)
        case .safetensors: try CheckpointChecks.checkSafetensors(bytes)
        case .zip: try CheckpointChecks.checkArchive(bytes)
        case .pickle: try PickleChecks.check(bytes)
        case .png: try PictureChecks.checkPNG(bytes)
        case .jpeg: try PictureChecks.checkJPEG(bytes)
        case .answer: try AnswerChecks.check(bytes)
        case .redis: try RedisChecks.check(bytes)
        }
    }
}

/// Something that the code under test should never do, done on some input.
package struct BrokenPromise: Error, Equatable, CustomStringConvertible {
    package var description: String
}

/// - Throws: `BrokenPromise` where something does not hold.
func promise(_ holds: Bool, _ what: @autoclosure () -> String) throws(BrokenPromise) {
    guard holds else { throw BrokenPromise(description: what()) }
}

/// Numbers drawn from an input itself (FNV-1a, then SplitMix64), so that one input is always checked the same way
/// and none of its bytes has to be set aside.
struct InputGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(_ input: [UInt8]) {
        state = input.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// The ways in which a stream is fed to a parser.
enum Cuts {
    static func whole(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] { [bytes[...]] }

    static func single(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] { bytes.indices.map { bytes[$0...$0] } }

    /// Pieces of lengths that the bytes themselves choose, mostly short ones, empty ones among them.
    static func chosen(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var generator = InputGenerator(bytes)
        var pieces: [ArraySlice<UInt8>] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let longest = Bool.random(using: &generator) ? 4 : 64
            let count = Int.random(in: 0...longest, using: &generator)
            pieces.append(rest.prefix(count))
            rest = rest.dropFirst(count)
        }
        return pieces
    }
}
