import Checkpoints
import HTTPServer
import HTTPTypes
import Scheduling

extension Response {
    /// An answer in JSON.
    static func json(
        _ document: some Encodable, status: HTTPResponse.Status = .ok, fields: HTTPFields = [:]
    ) -> Response {
        var fields = fields
        fields[.contentType] = "application/json"
        return Response(status: status, fields: fields, body: .bytes(JSON.bytes(document)))
    }

    /// Bytes of a body that is held in memory.
    var byteCount: Int {
        if case .bytes(let bytes) = body { bytes.count } else { 0 }
    }

    /// This answer, holding the memory of its body, and no more, until a slow reader has taken all of it.
    func holding(_ reservation: MemoryBudget.Reservation) -> Response {
        reservation.endWork(keeping: byteCount)
        var response = self
        response.retained = reservation
        return response
    }
}

/// How long the stages of an answer took, as the `Server-Timing` field has it (W3C Server Timing).
struct ServerTiming: Sendable {
    private let stages: [(name: String, milliseconds: Double)]

    init(_ stages: [(name: String, duration: Duration)]) {
        // Three decimals.
        self.stages = stages.map { ($0.name, ($0.duration.milliseconds * 1000).rounded() / 1000) }
    }

    var fieldText: String { stages.map { "\($0.name);dur=\($0.milliseconds)" }.joined(separator: ", ") }

    var milliseconds: [String: Double] {
        Dictionary(stages.map { ($0.name, $0.milliseconds) }, uniquingKeysWith: +)
    }
}
