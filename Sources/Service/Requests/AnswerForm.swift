import Engine
import HTTPWire

/// The forms in which `/restore` can answer.
enum AnswerForm: Sendable, Equatable {
    case picture(RestoreParameters.Format)
    /// A document with the picture in base64.
    case document(RestoreParameters.Format)
    /// The picture and, where one was drawn to restore with, the guidance.
    case parts(RestoreParameters.Format)

    static let offers = ["image/png", "image/jpeg"] + others
    private static let others = ["application/json", "multipart/mixed"]

    /// The form that a client gets.
    ///
    /// - Parameters:
    ///   - accept: the request's Accept fields, joined.
    ///   - format: the parameter, which leaves only pictures of that format and documents with one.
    /// - Throws: `ServiceFault.notAcceptable`.
    init(accept: String?, format: RestoreParameters.Format?) throws(ServiceFault) {
        let offers = format.map { ["image/\($0.rawValue)"] + Self.others } ?? Self.offers
        switch try Negotiation.best(of: offers, accept: accept) {
        case "image/png": self = .picture(.png)
        case "image/jpeg": self = .picture(.jpeg)
        case "multipart/mixed": self = .parts(format ?? .png)
        default: self = .document(format ?? .png)
        }
    }

    var format: RestoreParameters.Format {
        switch self {
        case .picture(let format), .document(let format), .parts(let format): format
        }
    }

    /// Whether it is a picture and nothing else.
    var isPicture: Bool {
        if case .picture = self { true } else { false }
    }

    /// Whether a guidance is a part of it.
    var hasGuidance: Bool {
        if case .parts = self { true } else { false }
    }

    /// What an answer of this form takes while it is made: the encoded picture, which is as large as a decoded one
    /// where that is noise with opacity (a photograph's is about half of it), and its text in a document.
    ///
    /// - Parameter drawn: pixels of a guidance that is a part of it or kept beside it, at most.
    func bytes(pixels: Int, drawn: Int) -> Int {
        let encoded = PictureMemory.bytesPerPixel * pixels
        let files = encoded + PictureMemory.bytesPerPixel * drawn
        switch self {
        case .picture: return files
        case .document: return files + Base64.count(of: encoded)
        // And the body that they are put together in.
        case .parts: return 2 * files
        }
    }
}

/// Choice of an answer's media type (RFC 9110, section 12.5.1).
enum Negotiation {
    /// The offer that a client likes best, the earlier of equals.
    ///
    /// - Throws: `ServiceFault.notAcceptable`.
    static func best(of offers: [String], accept: String?) throws(ServiceFault) -> String {
        let media = offers.compactMap(MediaType.parse)
        guard let best = AcceptField(accept).best(of: media) else { throw .notAcceptable(offered: offers) }
        return best.essence
    }
}
