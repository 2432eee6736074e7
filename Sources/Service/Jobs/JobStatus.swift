/// What a job tells of itself.
struct JobStatus: Encodable, Sendable, Equatable {
    enum State: String, Encodable, Sendable, CaseIterable {
        case queued, running, done, failed, cancelled
    }

    let id: String
    var state = State.queued
    /// How many others are before it; while queued.
    var queuePosition: Int?
    /// Evaluations done of those to do; once running.
    var step: Int?
    var steps: Int?
    /// What is left, as far as it can be told, in tenths.
    var estimatedSeconds: Double?
    /// What was thought of the picture, in one line; once done, where the bundle tells.
    var verdicts: String?
    /// Why it failed.
    var problem: Problem.Document?

    /// Goes up by one with every change; not in the document, but the id of the job's event.
    var revision = 1

    let events: String
    let result: String
    /// Where what was drawn to restore with is; once done, where something was.
    var guidance: String?

    init(id: String) {
        self.id = id
        events = "/jobs/\(id)/events"
        result = "/jobs/\(id)/result"
    }

    /// There is a guidance from now on.
    mutating func addGuidance() { guidance = "/jobs/\(id)/guidance" }

    var isFinal: Bool { state != .queued && state != .running }

    private enum CodingKeys: String, CodingKey {
        case id, state, step, steps, verdicts, problem, events, result, guidance
        case queuePosition = "queue_position"
        case estimatedSeconds = "estimated_seconds"
    }
}
