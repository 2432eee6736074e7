package import Engine
import FoundationEssentials
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
                "batch": "\(evaluation.batch)", "samples": "\(evaluation.samples)", "seconds": "\(evaluation.seconds)",
                "median_seconds_per_sample": "\(evaluation.medianSecondsPerSample)",
            ])
    }

    /// Warns that a worker evaluates with fewer threads than asked for, as under a limit on processes.
    package func warn(ofThreads threads: Int, wanted: Int) {
        logger.warning(
            "fewer threads than asked for", metadata: ["wanted": "\(wanted)", "threads": "\(threads)"])
    }

    /// Says what happened to a bundle.
    package func note(_ event: LibraryEvent) {
        switch event {
        case .loaded(let bundle, let bytes):
            logger.notice("bundle loaded", metadata: ["bundle": "\(bundle.identifier)", "bytes": "\(bytes)"])
        case .failed(let name, let fault):
            logger.error("bundle unusable", metadata: ["bundle": "\(name)", "reason": "\(fault)"])
        case .evicted(let name): logger.notice("bundle let go", metadata: ["bundle": "\(name)"])
        case .removed(let name): logger.notice("bundle removed", metadata: ["bundle": "\(name)"])
        }
    }

    /// A 503 tells of load, or of a service that comes or goes, which is no fault of it: probes alone get thousands.
    static func level(ofStatus status: Int) -> Logger.Level { status >= 500 && status != 503 ? .error : .info }

    /// Says what one request was and what became of it.
    ///
    /// - Parameters:
    ///   - declined: why a restoration was withheld, in a word.
    ///   - verdicts: what was thought of a picture, in one line.
    func access(
        _ request: ServiceRequest, status: Int, seconds: Double, bytesIn: Int, bytesOut: Int, declined: String?,
        verdicts: String?, problem: Problem?
    ) {
        let level = Self.level(ofStatus: status)
        guard level >= self.level else { return }
        // The path without the query, which may hold what nobody should read in a log.
        var fields: [(String, LogValue)] = [
            ("request_id", .text(request.id)), ("peer", .text(request.head.peer)),
            ("method", .text(request.method.rawValue)), ("path", .text(String(request.path.prefix(256)))),
            ("route", .text(request.route)), ("status", .integer(status)), ("milliseconds", .real(seconds * 1000)),
            ("bytes_in", .integer(bytesIn)), ("bytes_out", .integer(bytesOut)),
        ]
        if let trace = request.trace {
            fields += [("trace_id", .text(trace.traceID)), ("parent_id", .text(trace.parentID))]
        }
        if let declined { fields.append(("declined", .text(declined))) }
        if let verdicts { fields.append(("verdicts", .text(verdicts))) }
        if let problem {
            fields.append(("problem", .text(problem.kind)))
            if let secret = problem.secret { fields.append(("fault", .text(secret))) }
        }
        sink.send(sink.line.text(at: .now, level, "request", fields))
    }
}

extension Logger {
    /// Says why a job came to nothing: whoever began it has had an answer before, and may never ask.
    func note(_ problem: Problem, ofJob job: String, requestID: String) {
        var fields: Metadata = [
            "job": "\(job.prefix(8))", "request_id": "\(requestID)", "problem": "\(problem.kind)", "status": "\(problem.status.code)",
        ]
        if let secret = problem.secret { fields["fault"] = "\(secret)" }
        log(level: ServiceLog.level(ofStatus: problem.status.code), "job failed", metadata: fields)
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
