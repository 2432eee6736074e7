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
