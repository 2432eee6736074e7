import Engine
import HTTPServer
import HTTPTypes
import HTTPWire
import Images
import Scheduling

/// The one place where errors become statuses and words.
extension Problem {
    /// The problem that any error of the layers below or of this one stands for.
    ///
    /// - Parameter load: how busy the engine is, for `Retry-After`; asked for only where the problem tells it.
    init(_ error: any Error, load: @autoclosure () -> EngineLoad? = nil) {
        switch error {
        case let problem as Problem: self = problem
        case let fault as ServiceFault: self.init(fault, load: load())
        case let error as RestorationError: self.init(error, load: load())
        case let error as ImageError: self.init(error)
        case is MemoryBudget.Exhausted: self.init(ServiceFault.memoryExhausted, load: load())
        case let error as RequestBodyError: self.init(error)
        case let error as ProtocolError: self.init(error)
        case let error as MultipartError: self.init(error)
        case let error as QueryError: self.init(ServiceFault.malformedQuery(error.description), load: nil)
        case is CancellationError: self.init(ServiceFault.clientGone, load: nil)
        default: self.init(ServiceFault.internalFault(String(describing: error)), load: nil)
        }
    }

    /// Seconds until a place is likely to be free: what one restoration takes, at least 1.
    static func retryAfter(_ load: EngineLoad?) -> Int {
        wholeSeconds(load?.typicalSeconds ?? 1)
    }

    /// Rounded up, within 1 second and 1 hour.
    static func wholeSeconds(_ seconds: Double) -> Int {
        guard seconds.isFinite else { return 3600 }
        return Int(min(max(seconds.rounded(.up), 1), 3600))
    }

    init(_ error: RestorationError, load: @autoclosure () -> EngineLoad?) {
        switch error {
        case .pictureTooSmall(let width, let height, let minimumSide):
            self.init(ImageError.sideTooShort(width: width, height: height, limit: minimumSide))
        case .exceedsMemory(let needed, let limit, let largestSide):
            self.init(
                .unprocessableContent, "picture-too-large", "The picture is too large to restore here",
                "Restoring it would need \(needed) bytes of working memory and \(limit) are allowed; "
                    + "the largest square that fits is \(largestSide)x\(largestSide) pixels.")
        case .overlapExceedsMemory(let needed, let limit):
            self.init(
                .unprocessableContent, "overlap-too-large", "The overlap is too large to restore here",
                "The sums of the tiles' overlaps would take \(needed) bytes and \(limit) are allowed; "
                    + "ask for less overlap or none.")
        case .option(let fault):
            self.init(
                ServiceFault.invalidParameter(
                    name: fault.option.name, value: fault.value, expected: fault.expected), load: nil)
        case .needsTextTower(let bundle):
            self.init(
                .badRequest, "invalid-parameter", "A parameter has an invalid value",
                "'labels' needs a bundle with a text tower, which \(bundle) lacks.")
        case .notOffered(let what, let bundle):
            self.init(
                .unprocessableContent, "not-offered", "The bundle doesn't do that", "The bundle \(bundle) has no \(what).")
        case .unknownBundle(let name, let known):
            self.init(
                ServiceFault.invalidParameter(
                    name: "bundle", value: name, expected: "one of \(known.joined(separator: ", "))"), load: nil)
        case .brokenBundle(let name, let reason):
            self.init(
                .serviceUnavailable, "bundle-unavailable", "The bundle can't be used",
                "The bundle \(Quoted.text(name)) can't be used: \(reason).", retryAfter: 60)
        case .picture(let error): self.init(error)
        case .reference(let error): self.init(ofReference: error)
        case .needsReference(let bundle):
            self.init(
                .unprocessableContent, "reference-needed", "A reference is needed",
                "The bundle \(bundle) restores with the help of another picture of the same: send it in the field 'reference' of "
                    + "the form (multipart/form-data) that has this one as 'image'.")
        case .queueFull(let limit, let retryAfterSeconds):
            self.init(
                .tooManyRequests, "queue-full", "The queue is full",
                "\(limit) requests wait already; try again later.", retryAfter: Self.wholeSeconds(retryAfterSeconds))
        case .deadlineUnattainable(let estimated, let allowed):
            self.init(
                .unprocessableContent, "deadline-unattainable", "The deadline can't be met",
                "Even without other work this picture takes about \(Self.wholeSeconds(estimated)) seconds and "
                    + "less than \(Self.wholeSeconds(allowed)) are left; send a smaller picture, fewer steps or a longer "
                    + "timeout.")
        case .deadlineExceeded(whileQueued: true):
            self.init(
                .serviceUnavailable, "expired-in-queue", "The deadline passed in the queue",
                "The request's turn didn't come before its deadline; try again later.",
                retryAfter: Self.retryAfter(load()))
        case .deadlineExceeded(whileQueued: false):
            self.init(
                .gatewayTimeout, "deadline-exceeded", "The deadline passed",
                "The picture was not restored before the request's deadline.")
        case .cancelled: self.init(ServiceFault.clientGone, load: nil)
        case .draining: self.init(ServiceFault.draining, load: nil)
        case .nonFinite(let stage):
            self.init(
                .internalServerError, "non-finite", "The restoration went wrong",
                "The numbers of the stage \(Quoted.text(stage)) are not finite. The fault is ours and has been logged "
                    + "under this request's id.", secret: "non-finite numbers in \(stage)")
        case .internalFault(let inside): self.init(ServiceFault.internalFault(inside), load: nil)
        }
    }

    init(_ error: ImageError) {
        let detail = error.description.prefix(1).uppercased() + error.description.dropFirst() + "."
        switch error.kind {
        case .malformed:
            self.init(.badRequest, "broken-picture", "The picture is broken", detail)
        case .wrongFormat:
            self.init(.unsupportedMediaType, "wrong-format", "The picture's format isn't supported", detail)
        case .unprocessable:
            self.init(.unprocessableContent, "unprocessable-picture", "The picture can't be processed", detail)
        case .cancelled:
            self.init(ServiceFault.clientGone, load: nil)
        case .internalFailure:
            if error == .outOfMemory {
                self.init(ServiceFault.memoryExhausted, load: nil)
            } else {
                self.init(ServiceFault.internalFault(error.description), load: nil)
            }
        }
    }

    /// Of the second picture: it has the statuses of the first.
    private init(ofReference error: ImageError) {
        let detail = "Of the two pictures the reference: \(error.description)."
        switch error.kind {
        case .malformed: self.init(.badRequest, "broken-reference", "The reference is broken", detail)
        case .wrongFormat:
            self.init(.unsupportedMediaType, "wrong-reference-format", "The reference's format isn't supported", detail)
        case .unprocessable:
            self.init(.unprocessableContent, "unprocessable-reference", "The reference can't be processed", detail)
        case .cancelled, .internalFailure: self.init(error)
        }
    }

    init(_ error: ProtocolError) {
        switch error.kind {
        case .overloaded:
            self.init(error.status, "too-many-connections", "Too many connections", error.detail, retryAfter: 1)
        case .tooSlow: self.init(error.status, "too-slow", "The request came too slowly", error.detail)
        case .notImplemented: self.init(error.status, "not-implemented", "Not implemented", error.detail)
        case .bodyTooLarge, .requestLineTooLong, .fieldsTooLarge:
            self.init(error.status, "request-too-large", "A part of the request is too large", error.detail)
        case .malformed, .expectationFailed, .versionNotSupported:
            self.init(error.status, "malformed-request", "The request can't be served", error.detail)
        }
    }

    init(_ error: MultipartError) {
        switch error {
        case .badContentType(let reason):
            self.init(ServiceFault.malformedForm(reason), load: nil)
        case _ where error.isTooLarge:
            self.init(ServiceFault.formTooLarge(error.description), load: nil)
        default:
            self.init(ServiceFault.malformedForm(error.description), load: nil)
        }
    }

    init(_ error: RequestBodyError) {
        switch error {
        case .tooLarge(let limit): self.init(ServiceFault.bodyTooLarge(limit: limit), load: nil)
        case .tooSlow:
            self.init(
                .requestTimeout, "body-too-slow", "The body came too slowly",
                "The body didn't arrive within the time or at the rate that the server asks for.")
        case .malformed(let reason):
            self.init(.badRequest, "malformed-body", "The body is malformed", "The body's framing is wrong: \(reason).")
        case .trailersTooLarge(let reason): self.init(ProtocolError(.fieldsTooLarge, reason))
        case .disconnected: self.init(ServiceFault.clientGone, load: nil)
        }
    }
}
