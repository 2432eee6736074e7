/// Why bytes did not become a picture, or a picture did not become bytes.
///
/// `ImageDecoder` finds them in the order of the cases: what the bytes claim to be, what their header says, whether
/// that is within the limits and of a kind that can be processed, and only then whether the rest is sound.
package enum ImageError: Error, Equatable, Sendable {
    case empty
    /// The first bytes are neither a JPEG's nor a PNG's.
    case unrecognisedFormat
    /// The sender declared one format and sent the other.
    case formatMismatch(declared: ImageFormat, found: ImageFormat)
    /// The header breaks its format, ends too early, or gives a side of 0.
    case brokenHeader(String)
    case tooManyPixels(width: Int, height: Int, limit: Int)
    case sideTooLong(width: Int, height: Int, limit: Int)
    case sideTooShort(width: Int, height: Int, limit: Int)
    /// A side that the format asked for can't have.
    case sideTooLongFor(ImageFormat, width: Int, height: Int, limit: Int)
    /// A sound picture of a kind that is not processed.
    case unsupported(UnsupportedPicture)
    /// Something beside the pixels is larger than its limit.
    case overLimit(ImageLimits.Quantity, limit: Int)
    /// The data ends before the picture does.
    case truncated
    /// The data breaks the format: a wrong checksum, a bad code, a missing part.
    case corrupt(String)
    /// The caller's check asked to stop.
    case cancelled
    case outOfMemory
    /// A picture that the output format cannot hold.
    case notEncodable(String)
}

/// Kinds of pictures that are refused by name.
package enum UnsupportedPicture: String, Sendable, CaseIterable {
    case lossless = "lossless JPEG"
    case hierarchical = "hierarchical JPEG"
    case arithmeticCoding = "JPEG with arithmetic coding"
    case twelveBit = "12-bit JPEG"
    case cmyk = "CMYK JPEG"
    case ycck = "YCCK JPEG"
    case unusualComponents = "JPEG with neither 1 nor 3 components"
    case highDynamicRange = "16-bit PNG of high dynamic range (PQ or HLG)"
}

extension ImageError {
    /// What a caller can do about an error; a service maps each kind to one status.
    package enum Kind: Sendable {
        /// Empty, broken, truncated or corrupt: HTTP 400.
        case malformed
        /// Neither format, or not the declared one: HTTP 415.
        case wrongFormat
        /// Sound as far as it was read, but too large, too small or of a kind that is not processed: HTTP 422.
        case unprocessable
        /// Stopped by the caller's own check.
        case cancelled
        /// Not the sender's fault.
        case internalFailure
    }

    package var kind: Kind {
        switch self {
        case .empty, .brokenHeader, .truncated, .corrupt: .malformed
        case .unrecognisedFormat, .formatMismatch: .wrongFormat
        case .tooManyPixels, .sideTooLong, .sideTooShort, .sideTooLongFor, .unsupported, .overLimit: .unprocessable
        case .cancelled: .cancelled
        case .outOfMemory, .notEncodable: .internalFailure
        }
    }
}

extension ImageError: CustomStringConvertible {
    /// One sentence without a full stop, fit for a client to read.
    package var description: String {
        switch self {
        case .empty: "the picture is empty"
        case .unrecognisedFormat: "the picture is neither a JPEG nor a PNG"
        case .formatMismatch(let declared, let found):
            "the picture was declared \(declared.mediaType) and is \(found.mediaType)"
        case .brokenHeader(let detail): "the picture's header is broken: \(detail)"
        case .tooManyPixels(let width, let height, let limit):
            "the picture has \(width) x \(height) pixels; at most \(limit) are processed"
        case .sideTooLong(let width, let height, let limit):
            "the picture has \(width) x \(height) pixels; a side may have at most \(limit)"
        case .sideTooShort(let width, let height, let limit):
            "the picture has \(width) x \(height) pixels; a side must have at least \(limit)"
        case .sideTooLongFor(let format, let width, let height, let limit):
            "the picture has \(width) x \(height) pixels; a side of a \(format.rawValue.uppercased()) has at most \(limit)"
        case .unsupported(let kind): "a \(kind.rawValue) is not supported"
        case .overLimit(let quantity, let limit): "the picture's \(quantity.rawValue) exceeds \(limit) \(quantity.unit)"
        case .truncated: "the picture is truncated"
        case .corrupt(let detail): "the picture is corrupt: \(detail)"
        case .cancelled: "the work on the picture was cancelled"
        case .outOfMemory: "there is not enough memory for the picture"
        case .notEncodable(let detail): "the picture cannot be encoded: \(detail)"
        }
    }
}
