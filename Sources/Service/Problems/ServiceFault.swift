/// What this layer itself finds wrong with a request, or can't do now.
package enum ServiceFault: Error, Sendable, Equatable {
    // Finding the operation.
    case noSuchPath
    case methodNotAllowed(allowed: [String])
    case unauthorized(keySent: Bool)
    case notAcceptable(offered: [String])

    // The parameters.
    case unknownParameter(name: String, known: [String])
    case duplicateParameter(name: String)
    case invalidParameter(name: String, value: String, expected: String)
    case malformedQuery(String)

    // The body.
    case encodedBody(String)
    case unsupportedBody(sent: String)
    case bodyTooLarge(limit: Int)
    case noImageField
    case severalImageFields
    case unexpectedFile(name: String)
    case malformedForm(String)
    case formTooLarge(String)

    // Jobs.
    case noSuchJob
    case jobGone
    case jobCancelled
    case jobUnfinished

    // The state of the service.
    case memoryExhausted
    /// More than all the memory there is for answers of this kind, however idle the service is.
    case answerTooLarge(needed: Int, limit: Int)
    case tooManyStreams(limit: Int)
    case loading
    case draining
    case clientGone
    case internalFault(String)
}
