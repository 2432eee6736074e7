import Checkpoints
import FoundationEssentials
import HTTPServer
import HTTPTypes

/// What is wanted of a job's picture, as the store keeps it beside the upload.
struct JobOrder: Codable, Sendable, Equatable {
    enum Operation: String, Codable, Sendable {
        case restore, classify
    }

    var operation = Operation.restore
    /// As the request had them.
    var parameters: [String: String]
    /// The request's Accept fields, joined.
    var accept: String?
    /// Length of the reference's file, which lies behind the picture's in the upload; nil where there is none.
    var referenceBytes: Int?
    /// Whether what is drawn to restore with is kept beside the answer; nil for no.
    var keepsGuidance: Bool?
    /// Of the noise where the request names none: drawn once, so that doing the job again gives the same bytes.
    var seed: UInt64

    init(_ operation: Operation, _ list: ParameterList, accept: String?) {
        self.operation = operation
        parameters = list.all
        self.accept = accept
        seed = .random(in: .min ... .max)
    }

    var json: [UInt8] { JSON.bytes(self) }

    /// - Throws: where these are the bytes of no order.
    init(json: [UInt8]) throws {
        self = try JSONDecoder().decode(JobOrder.self, from: Data(json))
    }

    /// The files of an upload.
    ///
    /// - Throws: where there are fewer bytes than the reference has.
    func files(in upload: [UInt8]) throws(ServiceFault) -> (picture: [UInt8], reference: [UInt8]?) {
        guard let referenceBytes else { return (upload, nil) }
        guard (1..<max(1, upload.count)).contains(referenceBytes) else {
            throw .internalFault("a job's upload is shorter than its reference")
        }
        return (Array(upload.dropLast(referenceBytes)), Array(upload.suffix(referenceBytes)))
    }

    /// - Throws: `ServiceFault`, where there are others than may be.
    func list(of names: ParameterNames) throws(ServiceFault) -> ParameterList {
        var list = ParameterList(of: names)
        for (name, value) in parameters.sorted(by: { $0.key < $1.key }) { try list.add(name, value) }
        return list
    }
}

/// A problem as the store keeps it.
struct StoredProblem: Codable, Sendable, Equatable {
    var status: Int
    var kind: String
    var title: String
    var detail: String
    var retryAfter: Int?

    init(_ problem: Problem) {
        status = problem.status.code
        kind = problem.kind
        title = problem.title
        detail = problem.detail
        retryAfter = problem.retryAfter
    }

    var json: [UInt8] { JSON.bytes(self) }

    /// Nil where these are the bytes of none.
    static func problem(json: [UInt8]) -> Problem? {
        guard let stored = try? JSONDecoder().decode(StoredProblem.self, from: Data(json)),
            (400...599).contains(stored.status)
        else { return nil }
        return Problem(
            HTTPResponse.Status(code: stored.status), stored.kind, stored.title, stored.detail,
            retryAfter: stored.retryAfter)
    }
}

/// The head of an answer as the store keeps it: names and values by turns.
enum StoredHead {
    static func json(_ fields: HTTPFields) -> [UInt8] {
        JSON.bytes(fields.flatMap { [$0.name.rawName, $0.value] })
    }

    /// Nil where these are the bytes of none.
    static func fields(json: [UInt8]) -> HTTPFields? {
        guard let words = try? JSONDecoder().decode([String].self, from: Data(json)), words.count.isMultiple(of: 2) else {
            return nil
        }
        var fields = HTTPFields()
        for index in stride(from: 0, to: words.count, by: 2) {
            guard let name = HTTPField.Name(words[index]) else { return nil }
            fields.append(HTTPField(name: name, value: words[index + 1]))
        }
        return fields
    }
}
