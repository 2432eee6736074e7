import HTTPServer
import HTTPTypes

/// What came of work: the answer to its request, and beside it, of a job, what was drawn to restore with.
struct FinishedWork: Sendable {
    let answer: Response
    /// A PNG; nil where nothing was drawn, or nobody can ask for it.
    let guidance: [UInt8]?

    init(_ answer: Response, guidance: [UInt8]? = nil) {
        self.answer = answer
        self.guidance = guidance
    }

    /// Bytes of all that is held in memory.
    var byteCount: Int { answer.byteCount + (guidance?.count ?? 0) }

    /// The head of an answer that is a guidance.
    static let guidanceFields: HTTPFields = [.contentType: "image/png", .cacheControl: "no-store"]
}
