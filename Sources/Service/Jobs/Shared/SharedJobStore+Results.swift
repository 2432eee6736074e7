import Engine
import HTTPServer
import HTTPTypes
import Redis
import Scheduling

/// What came of jobs, as clients ask for it.
extension SharedJobStore {
    /// What the store knows of the end of a job that is done.
    private struct End {
        let head: [UInt8]
        /// Of the answer's body.
        let bytes: Int
        /// Of what was drawn to restore with; nil where nothing was.
        let guidanceBytes: Int?
    }

    func result(_ id: String) async throws -> Response {
        let end = try await end(of: id)
        return try await stored("result:" + id, bytes: end.bytes) { () throws(ServiceFault) in
            guard let fields = StoredHead.fields(json: end.head) else {
                throw .internalFault("a result whose head can't be read")
            }
            return fields
        }
    }

    func guidance(_ id: String) async throws -> Response {
        guard let bytes = try await end(of: id).guidanceBytes else { throw ServiceFault.noGuidance }
        return try await stored("guidance:" + id, bytes: bytes) { FinishedWork.guidanceFields }
    }

    private func end(of id: String) async throws -> End {
        try await check(id)
        let answer: RedisValue
        do throws(RedisError) {
            answer = try await link.send(
                RedisCommand("HMGET", limits.prefix + "job:" + id, "state", "head", "bytes", "guidance", "problem"))
        } catch {
            throw ServiceFault(error)
        }
        guard let items = answer.items, items.count == 5, let word = items[0].text,
            let job = JobStatus.State(rawValue: word)
        else { throw try await absence(of: id) }
        switch job {
        case .queued, .running: throw ServiceFault.jobUnfinished
        case .cancelled: throw ServiceFault.jobCancelled
        case .failed:
            throw items[4].bytes.flatMap { StoredProblem.problem(json: $0) }
                ?? Problem(ServiceFault.internalFault("a failed job without its problem"), load: nil)
        case .done:
            return End(head: items[1].bytes ?? [], bytes: items[2].number ?? 0, guidanceBytes: items[3].number)
        }
    }

    /// A text of the store as the body of an answer, booked until its client has read it.
    private func stored(
        _ key: String, bytes: Int, fields: () throws(ServiceFault) -> HTTPFields
    ) async throws -> Response {
        let reservation = memory.reservation()
        try reservation.grow(by: max(0, bytes))
        let value: RedisValue
        do throws(RedisError) {
            value = try await link.send(
                RedisCommand("GET", limits.prefix + key), on: .long, longer: StoreLink.time(of: bytes))
        } catch {
            throw ServiceFault(error)
        }
        guard let body = value.bytes else { throw ServiceFault.jobGone }
        return Response(status: .ok, fields: try fields(), body: .bytes(body)).holding(reservation)
    }
}
