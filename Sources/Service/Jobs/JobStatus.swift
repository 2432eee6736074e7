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
    /// What is left, as far as it can be told.
    var estimatedSeconds: Double?
    /// Why it failed.
    var problem: Problem.Document?

    init(id: String) {
        self.id = id
    }

    var isFinal: Bool { state != .queued && state != .running }

    private enum CodingKeys: String, CodingKey {
        case id, state
        case queuePosition = "queue_position"
        case step, steps
        case estimatedSeconds = "estimated_seconds"
        case problem, events, result
    }

    func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: CodingKeys.self)
        try members.encode(id, forKey: .id)
        try members.encode(state, forKey: .state)
        try members.encodeIfPresent(queuePosition, forKey: .queuePosition)
        try members.encodeIfPresent(step, forKey: .step)
        try members.encodeIfPresent(steps, forKey: .steps)
        try members.encodeIfPresent(estimatedSeconds.map { ($0 * 10).rounded() / 10 }, forKey: .estimatedSeconds)
        try members.encodeIfPresent(problem, forKey: .problem)
        try members.encode("/jobs/\(id)/events", forKey: .events)
        try members.encode("/jobs/\(id)/result", forKey: .result)
    }
}
