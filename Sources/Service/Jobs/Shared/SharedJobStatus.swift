import HTTPTypes
import Redis

extension JobStatus {
    /// The status that a job's fields in the store stand for; nil where there is no such job.
    ///
    /// - Parameters:
    ///   - names: of the fields.
    ///   - answer: their values.
    init?(id: String, fields names: [String], _ answer: RedisValue) {
        guard let values = answer.items, values.count == names.count else { return nil }
        let fields = Dictionary(zip(names, values)) { first, _ in first }
        guard let state = fields["state"]?.text.flatMap({ State(rawValue: $0) }) else { return nil }
        self.init(id: id)
        self.state = state
        revision = fields["revision"]?.number ?? 1
        if state != .queued {
            step = fields["step"]?.number
            steps = fields["steps"]?.number
        }
        if state == .running { estimatedSeconds = fields["seconds"]?.text.flatMap { Double($0) } }
        if state == .done {
            verdicts = fields["head"]?.bytes.flatMap { StoredHead.fields(json: $0) }?[.restoredVerdicts]
        }
        if state == .done, fields["guidance"]?.number != nil { addGuidance() }
        if state == .failed {
            problem = fields["problem"]?.bytes.flatMap { StoredProblem.problem(json: $0) }?
                .document(instance: fields["request"]?.text ?? "")
        }
    }
}
