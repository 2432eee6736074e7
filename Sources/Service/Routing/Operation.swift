import HTTPServer

/// One operation of the API: a value that holds what it needs, and nothing else.
protocol Operation: Sendable {
    /// The parameters that it takes. Any other in a query is refused before it begins.
    var parameters: ParameterNames { get }
    /// The media types of its answers; empty where the Accept field isn't looked at.
    var mediaTypes: [String] { get }

    /// Looks at a request's head, its path, method, key and query having been found right.
    ///
    /// - Throws: whatever `Problem` has words for.
    func begin(_ request: ServiceRequest) throws -> Reply
}

extension Operation {
    var parameters: ParameterNames { .none }
    var mediaTypes: [String] { [] }
}

/// What an operation does about a request.
enum Reply: Sendable {
    /// The answer, made out of memory.
    case immediate(Response)
    /// The answer has to be asked for elsewhere. It is no work: nothing waits for its end, and the end of all work is not its
    /// end.
    case question(@Sendable () async throws -> Response)
    /// The answer takes the request's body, and work.
    case afterBody(@Sendable (any RequestBody) async throws -> Response)
}
