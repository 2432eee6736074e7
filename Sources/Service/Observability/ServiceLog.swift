package import Engine
import Glibc
package import Logging
package import Settings

/// The program's log: messages through swift-log, and one line a request.
package struct ServiceLog: Sendable {
    private let sink: LogSink
    private let level: Logger.Level

    /// For messages other than those about requests.
    package let logger: Logger

    /// - Parameter sink: takes the lines, in its form.
    package init(level: Logger.Level, sink: LogSink) {
        self.sink = sink
        self.level = level
        logger = Logger(label: "restored") { _ in LineLogHandler(sink: sink, logLevel: level) }
    }

    /// The log of the level that a configuration asks for.
    package init(configuration: Configuration, sink: LogSink) {
        self.init(level: Logger.Level(rawValue: configuration.logLevel) ?? .info, sink: sink)
    }

    /// Warns of an evaluation that took far longer than others of its kind.
    package func warn(of evaluation: SlowEvaluation) {
        logger.warning(
            "slow evaluation",
            metadata: [
                "work": "\(evaluation.work)", "samples": "\(evaluation.samples)", "seconds": "\(evaluation.seconds)",
                "median_seconds_per_sample": "\(evaluation.medianSecondsPerSample)",
            ])
    }

    /// What one request was and what became of it.
    struct Access {
        var id: String
        var peer: String
        var method: String
        /// Without the query: it may hold what nobody should read in a log.
        var path: String
        var route: String
        var status: Int
        var seconds: Double
        var bytesIn: Int
        var bytesOut: Int
        var problem: Problem?
    }

    func access(_ access: Access) {
        // A probe that is told to wait is no error of the service's.
        let level: Logger.Level = access.status >= 500 && access.status != 503 ? .error : .info
        guard level >= self.level else { return }
        var fields: [(String, LogValue)] = [
            ("request_id", .text(access.id)), ("peer", .text(access.peer)), ("method", .text(access.method)),
            ("path", .text(String(access.path.prefix(256)))), ("route", .text(access.route)),
            ("status", .integer(access.status)), ("milliseconds", .real(access.seconds * 1000)),
            ("bytes_in", .integer(access.bytesIn)), ("bytes_out", .integer(access.bytesOut)),
        ]
        if let problem = access.problem {
            fields.append(("problem", .text(problem.kind)))
            if let secret = problem.secret { fields.append(("fault", .text(secret))) }
        }
        sink.send(sink.line.text(at: .now, level, "request", fields))
    }
}

/// swift-log's handler for this program's lines.
struct LineLogHandler: LogHandler {
    let sink: LogSink
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(sink: LogSink, logLevel: Logger.Level) {
        self.sink = sink
        self.logLevel = logLevel
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { _, own in own }
        let fields = all.sorted { $0.key < $1.key }.map { ($0.key, LogValue.text("\($0.value)")) }
        sink.send(sink.line.text(at: .now, event.level, "\(event.message)", fields))
    }
}

extension timespec {
    /// The wall clock's time.
    static var now: timespec {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return time
    }
}
