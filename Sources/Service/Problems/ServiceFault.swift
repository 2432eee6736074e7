import Engine
import HTTPTypes

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
    case severalReferenceFields
    case unexpectedFile(name: String)
    case malformedForm(String)
    case formTooLarge(String)

    // Jobs.
    case noSuchJob
    case jobGone
    case jobCancelled
    case jobUnfinished
    /// It is done, and drew nothing to restore with.
    case noGuidance
    /// Its owners ended, one after another, while they worked on it.
    case jobAbandoned(claims: Int)
    /// The store has lost its picture.
    case jobUploadLost
    case jobStoreUnavailable
    case jobStoreFull

    // The state of the service.
    case memoryExhausted
    /// Clients still read the results that fill it.
    case resultMemoryExhausted
    /// An idle service could keep the deadline, and this one can't now.
    case deadlineUnattainableNow(estimatedSeconds: Double, allowedSeconds: Double)
    /// More than all the memory there is for answers of this kind, however idle the service is.
    case answerTooLarge(needed: Int, limit: Int)
    case tooManyStreams(limit: Int)
    case loading
    case draining
    case clientGone
    case internalFault(String)
}

/// Statuses and words for what this layer finds wrong itself.
extension Problem {
    init(_ fault: ServiceFault, load: @autoclosure () -> EngineLoad?) {
        self =
            Problem(request: fault) ?? Problem(parameter: fault) ?? Problem(body: fault)
            ?? Problem(job: fault) ?? Problem(state: fault, load: load())
    }

    private init?(request fault: ServiceFault) {
        switch fault {
        case .noSuchPath:
            self.init(.notFound, "no-such-path", "There is nothing here", "No operation has this path.")
        case .methodNotAllowed(let allowed):
            let list = allowed.joined(separator: ", ")
            self.init(
                .methodNotAllowed, "method-not-allowed", "The method isn't allowed here", "Allowed are \(list).",
                fields: [.allow: list])
        case .unauthorized(let keySent):
            self.init(
                .unauthorized, "unauthorized", "A key is needed",
                keySent ? "The key is not one of this service's." : "Send 'Authorization: Bearer KEY'.",
                fields: [.wwwAuthenticate: #"Bearer realm="restored""# + (keySent ? #", error="invalid_token""# : "")])
        case .notAcceptable(let offered):
            self.init(
                .notAcceptable, "not-acceptable", "No acceptable form of the answer",
                "The Accept field admits none of \(offered.joined(separator: ", ")).")
        default: return nil
        }
    }

    private init?(parameter fault: ServiceFault) {
        switch fault {
        case .unknownParameter(let name, let known):
            let list = known.isEmpty ? "there are none here" : "known are \(known.joined(separator: ", "))"
            self.init(
                .badRequest, "unknown-parameter", "A parameter is unknown",
                "There is no parameter \(Quoted.text(name)); \(list).")
        case .duplicateParameter(let name):
            self.init(
                .badRequest, "duplicate-parameter", "A parameter is given twice",
                "The parameter \(Quoted.text(name)) may be given once.")
        case .invalidParameter(let name, let value, let expected):
            self.init(
                .badRequest, "invalid-parameter", "A parameter has an invalid value",
                "'\(name)' must be \(expected), not \(Quoted.text(value)).")
        case .malformedQuery(let reason):
            self.init(.badRequest, "malformed-query", "The query is malformed", "The query can't be read: \(reason).")
        default: return nil
        }
    }

    private init?(body fault: ServiceFault) {
        switch fault {
        case .encodedBody(let coding):
            self.init(
                .unsupportedMediaType, "encoded-body", "The body is encoded",
                "The content coding \(Quoted.text(coding)) is not supported; send the picture as it is.",
                fields: [.acceptEncoding: "identity"])
        case .unsupportedBody(let sent):
            self.init(
                .unsupportedMediaType, "unsupported-body", "The body's type isn't supported",
                "\(Quoted.text(sent)) is not supported; send multipart/form-data with the field 'image', image/jpeg, "
                    + "image/png or application/octet-stream.")
        case .bodyTooLarge(let limit):
            self.init(
                .contentTooLarge, "body-too-large", "The body is too large",
                "The body may have \(limit) bytes at most.")
        case .noImageField:
            self.init(.badRequest, "no-image", "The form has no picture", "The form has no field 'image'.")
        case .severalImageFields:
            self.init(.badRequest, "several-images", "The form has several pictures", "Send one field 'image'.")
        case .severalReferenceFields:
            self.init(
                .badRequest, "several-images", "The form has several pictures", "Send one field 'reference' beside 'image'.")
        case .unexpectedFile(let name):
            self.init(
                .badRequest, "unknown-parameter", "A parameter is unknown",
                "The form has a file \(Quoted.text(name)); the picture goes in the field 'image'.")
        case .malformedForm(let reason):
            self.init(.badRequest, "malformed-form", "The form is malformed", "The form can't be read: \(reason).")
        case .formTooLarge(let reason):
            self.init(.contentTooLarge, "form-too-large", "The form is too large", "The form is over a limit: \(reason).")
        default: return nil
        }
    }

    private init?(job fault: ServiceFault) {
        switch fault {
        case .noSuchJob:
            self.init(.notFound, "no-such-job", "There is no such job", "No job has this identifier.")
        case .jobGone:
            self.init(.gone, "job-gone", "The job is gone", "The job expired or was deleted; its result is gone.")
        case .jobCancelled:
            self.init(.gone, "job-cancelled", "The job was cancelled", "A cancelled job has no result.")
        case .jobUnfinished:
            self.init(
                .conflict, "job-unfinished", "The job isn't finished", "There is no result yet; try again later.",
                retryAfter: 1)
        case .noGuidance:
            self.init(
                .notFound, "no-guidance", "The job has no guidance",
                "Nothing was drawn to restore with; guidance=words asks for that, where the bundle can.")
        case .jobAbandoned(let claims):
            self.init(
                .internalServerError, "job-abandoned", "The job could not be done",
                "It was begun \(claims) times, and each time the process that worked on it ended or fell silent.")
        case .jobUploadLost:
            self.init(
                .internalServerError, "job-lost", "The job's picture is lost",
                "The job store no longer has the picture; send it again.")
        case .jobStoreUnavailable:
            self.init(
                .serviceUnavailable, "job-store-unavailable", "The job store can't be reached",
                "Jobs can neither be taken in nor asked for now; try again later.", retryAfter: 2)
        case .jobStoreFull:
            self.init(
                .serviceUnavailable, "job-store-full", "The job store is full",
                "Too many pictures wait already; try again later.", retryAfter: 5)
        default: return nil
        }
    }

    private init(state fault: ServiceFault, load: @autoclosure () -> EngineLoad?) {
        switch fault {
        case .memoryExhausted:
            self.init(
                .serviceUnavailable, "memory-exhausted", "The memory for requests is used up",
                "Too many pictures are being worked on; try again later.", retryAfter: Self.retryAfter(load()))
        case .resultMemoryExhausted:
            self.init(
                .serviceUnavailable, "result-memory-exhausted", "The memory for results is used up",
                "Clients still read the results that fill it; try again later.", retryAfter: 5)
        case .deadlineUnattainableNow(let estimated, let allowed):
            self.init(
                .serviceUnavailable, "deadline-unattainable-now", "The deadline can't be met now",
                "With the work that is there, this picture takes about \(Self.wholeSeconds(estimated)) seconds and less "
                    + "than \(Self.wholeSeconds(allowed)) are left; try again later, or with a longer timeout.",
                retryAfter: Self.wholeSeconds(estimated - allowed))
        case .answerTooLarge(let needed, let limit):
            self.init(
                .unprocessableContent, "answer-too-large", "The answer is too large here",
                "Making and holding the answer would take \(needed) bytes and \(limit) are allowed; send a smaller "
                    + "picture, or ask for it in another form.")
        case .tooManyStreams(let limit):
            self.init(
                .serviceUnavailable, "too-many-streams", "Too many event streams are open",
                "\(limit) event streams are open already; ask for the job's state instead.", retryAfter: 5)
        case .loading:
            self.init(
                .serviceUnavailable, "loading", "The service is starting", "The weights are being loaded.",
                retryAfter: 2)
        case .draining:
            self.init(
                .serviceUnavailable, "draining", "The service is shutting down", "Try again, on another instance.",
                retryAfter: 5)
        case .clientGone:
            self.init(
                .clientClosedRequest, "client-gone", "The client went away",
                "The work was stopped because the client went away.")
        case .internalFault(let inside):
            self = Self.internalFault(inside)
        default:
            self = Self.internalFault("no words for \(fault)")
        }
    }

    private static func internalFault(_ inside: String) -> Problem {
        Problem(
            .internalServerError, "internal-fault", "Something went wrong here",
            "The fault is ours and has been logged under this request's id.", secret: inside)
    }
}
