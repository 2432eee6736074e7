import Images

/// One choice an operator has: the single declaration behind its flag, its environment variable, its line in
/// `serve --help`, its check at start and its entry in `/capabilities`.
package struct Setting: Sendable {
    /// The flag without its dashes: `head-timeout`.
    package let name: String
    package let help: String
    let value: Value
    package let isPublished: Bool

    typealias IntegerPath = any WritableKeyPath<Configuration, Int> & Sendable
    typealias TextPath = any WritableKeyPath<Configuration, String> & Sendable
    typealias ListPath = any WritableKeyPath<Configuration, [String]> & Sendable

    /// Where the value goes in a configuration, and what it may be.
    enum Value: Sendable {
        case integer(IntegerPath, unit: Unit, bounds: ClosedRange<Int>)
        case text(TextPath, form: String)
        case choice(TextPath, [String])
        /// A flag that may be given several times; its environment variable separates values by commas.
        case list(ListPath, form: String)
    }

    package enum Unit: String, Sendable {
        case none = ""
        case bytes, bytesPerSecond = "bytes/s", seconds, pixels, megapixels
    }

    /// The bounds of a whole-number setting; nil for others.
    package var bounds: ClosedRange<Int>? {
        if case .integer(_, _, let bounds) = value { bounds } else { nil }
    }

    /// The bounds as people write them: `1s...1h`; nil for settings that are no whole numbers.
    package var boundsText: String? {
        guard case .integer(_, let unit, let bounds) = value else { return nil }
        return "\(Quantity.text(bounds.lowerBound, in: unit))...\(Quantity.text(bounds.upperBound, in: unit))"
    }

    /// The value of a whole-number setting in a configuration, with its unit; nil for others.
    package func quantity(in configuration: Configuration) -> (value: Int, unit: Unit)? {
        guard case .integer(let path, let unit, _) = value else { return nil }
        return (configuration[keyPath: path], unit)
    }

    package var flag: String { "--" + name }

    /// `RESTORED_HEAD_TIMEOUT` for `head-timeout`.
    package var environmentVariable: String {
        "RESTORED_" + name.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
    }

    private static func integer(
        _ name: String, _ path: IntegerPath, _ unit: Unit, _ bounds: ClosedRange<Int>,
        isPublished: Bool = true, _ help: String
    ) -> Setting {
        Setting(name: name, help: help, value: .integer(path, unit: unit, bounds: bounds), isPublished: isPublished)
    }

    /// The form of what names a file, which must not be empty where it is given.
    static let fileForm = "FILE"
    static let bundleForm = "NAME"

    private static let gibibyte = 1 << 30
    private static let day = 86_400

    /// All settings, in the order in which help lists them.
    package static let all: [Setting] = [
        Setting(
            name: "host", help: "Address to listen on, or a name; :: for all addresses.",
            value: .text(\.host, form: "ADDRESS"), isPublished: false),
        integer("port", \.port, .none, 0...65_535, isPublished: false, "Port to listen on; 0 takes any free one."),
        Setting(
            name: "unix-socket", help: "Unix domain socket to listen on as well.",
            value: .text(\.unixSocket, form: "PATH"), isPublished: false),
        Setting(
            name: "bundle", help: "Weights to serve, a folder or a fetched name; may be repeated.",
            value: .list(\.bundles, form: bundleForm), isPublished: false),
        Setting(
            name: "fetch", help: "Bundle to fetch if it isn't here, and to serve; may be repeated.",
            value: .list(\.fetches, form: bundleForm), isPublished: false),
        Setting(
            name: "catalogue", help: "Catalogue of what can be fetched, in place of the program's own.",
            value: .text(\.catalogue, form: fileForm), isPublished: false),
        Setting(
            name: "mirror", help: "Server to fetch from in place of those of the catalogue.",
            value: .text(\.mirror, form: "URL"), isPublished: false),
        Setting(
            name: "weights", help: "Folder of fetched weights.", value: .text(\.weights, form: "FOLDER"),
            isPublished: false),

        Setting(
            name: "api-key", help: "Key that requests must carry as 'Bearer KEY'; may be repeated.",
            value: .list(\.apiKeys, form: "KEY"), isPublished: false),
        Setting(
            name: "api-key-file", help: "File with one key a line, added to those given.",
            value: .text(\.apiKeyFile, form: fileForm), isPublished: false),
        Setting(
            name: "cors-origin", help: "Origin whose pages may call the service from a browser.",
            value: .text(\.corsOrigin, form: "ORIGIN"), isPublished: false),
        Setting(
            name: "page", help: "Whether there is a page for people at /.", value: .choice(\.page, ["on", "off"]),
            isPublished: false),

        integer("request-line-limit", \.requestLineLimit, .bytes, 256...65_536, "Longest request line; longer is 414."),
        integer("header-line-limit", \.headerLineLimit, .bytes, 256...65_536, "Longest header line; longer is 431."),
        integer("head-limit", \.headLimit, .bytes, 1024...1_048_576, "Longest head of a request; longer is 431."),
        integer("header-count-limit", \.headerCountLimit, .none, 8...10_000, "Most header fields; more is 431."),
        integer("body-limit", \.bodyLimit, .bytes, 1024...gibibyte, "Largest request body; larger is 413."),
        integer("part-limit", \.partLimit, .none, 1...256, "Most parts of a multipart body; more is 413."),

        integer("connection-limit", \.connectionLimit, .none, 1...65_536, "Most connections at once."),
        integer(
            "connections-per-address", \.connectionsPerAddress, .none, 0...65_536,
            "Most connections of one address; 0 for no such limit."),
        integer(
            "requests-per-connection", \.requestsPerConnection, .none, 1...1_000_000,
            "Requests after which a connection closes."),
        integer("first-byte-timeout", \.firstByteTimeout, .seconds, 1...3600, "Wait for a new connection's first byte."),
        integer("head-timeout", \.headTimeout, .seconds, 1...3600, "Time for a whole head; longer is 408."),
        integer("body-timeout", \.bodyTimeout, .seconds, 1...3600, "Longest silence within a body; longer is 408."),
        integer(
            "body-grace", \.bodyGrace, .seconds, 1...3600,
            "Time before the least body rate is asked for, over windows as long."),
        integer("body-rate", \.bodyRate, .bytesPerSecond, 0...gibibyte, "Least rate of a body; slower is 408. 0 for none."),
        integer("write-timeout", \.writeTimeout, .seconds, 1...3600, "Wait for a client that reads nothing."),
        integer("idle-timeout", \.idleTimeout, .seconds, 1...3600, "Life of an idle connection between requests."),

        integer("megapixel-limit", \.megapixelLimit, .megapixels, 1...1024, "Most pixels of a picture; more is 422."),
        integer(
            "side-limit", \.sideLimit, .pixels, 64...ImageEncoder.longestJPEGSide,
            "Longest side of a picture; longer is 422."),
        integer("codec-threads", \.codecThreads, .none, 1...64, "Pictures decoded or encoded at the same time."),

        integer(
            "request-memory", \.requestMemory, .bytes, 1 << 20...1 << 40,
            "Memory for bodies and decoded pictures; beyond it is 503."),
        integer(
            "memory-budget", \.memoryBudget, .bytes, 0...1 << 40,
            "Memory for restorations beyond the weights; 0 for up to half of memory."),
        integer(
            "weights-memory", \.weightsMemory, .bytes, 0...1 << 40,
            "Memory for the weights of all bundles; 0 for a quarter of the memory."),
        integer(
            "workers", \.workers, .none, 0...256, isPublished: false,
            "Evaluations that run at the same time; 0 by the processors."),
        integer(
            "threads", \.threads, .none, 0...1024, isPublished: false,
            "Threads of one evaluation; 0 shares out the processors."),
        Setting(
            name: "precision", help: "Of large products; auto is the fastest that a bundle's card allows.",
            value: .choice(\.precision, ["auto", "fp32", "bf16"]), isPublished: false),
        integer("queue-limit", \.queueLimit, .none, 1...4096, "Restorations that may wait; one more is 429."),
        integer("timeout", \.timeout, .seconds, 1...day, "Longest time for a request; a client may ask for less."),
        integer(
            "hang-limit", \.hangLimit, .seconds, 1...day, isPublished: false,
            "Longest evaluation under way; past it /health/live is 503."),
        integer(
            "drain-delay", \.drainDelay, .seconds, 0...3600,
            "Time at SIGTERM in which it is not ready and takes work all the same."),
        integer("drain-timeout", \.drainTimeout, .seconds, 0...3600, "Time for work under way to end at SIGTERM."),

        Setting(
            name: "job-store", help: "Where replicas share jobs: redis:// or rediss://; else in memory.",
            value: .text(\.jobStore, form: "URL"), isPublished: false),
        integer(
            "job-lease", \.jobLease, .seconds, 1...3600, isPublished: false,
            "Silence of a replica after which another does its jobs."),
        Setting(
            name: "role", help: "front hands its work to workers through the job store.",
            value: .choice(\.role, ServiceRole.allCases.map(\.rawValue)), isPublished: false),
        integer("result-lifetime", \.resultLifetime, .seconds, 1...day, "Life of a finished job; then it is 410."),
        integer("result-memory", \.resultMemory, .bytes, 1 << 20...1 << 40, "Memory for results; the oldest go first."),
        integer("job-limit", \.jobLimit, .none, 1...1_000_000, "Most jobs remembered; the oldest finished go first."),
        integer("event-stream-limit", \.eventStreamLimit, .none, 1...65_536, "Most event streams; one more is 503."),
        integer("heartbeat", \.heartbeat, .seconds, 1...3600, "Time between heartbeats of a quiet event stream."),

        Setting(
            name: "log-format", help: "Form of the log; auto is text on a terminal.",
            value: .choice(\.logFormat, ["auto", "text", "json"]), isPublished: false),
        Setting(
            name: "log-level", help: "Least level that is logged.",
            value: .choice(\.logLevel, ["trace", "debug", "info", "notice", "warning", "error"]), isPublished: false),
    ]

    /// The value in a configuration as text, for help and logs.
    func text(in configuration: Configuration) -> String {
        switch value {
        case .integer(let path, let unit, _): Quantity.text(configuration[keyPath: path], in: unit)
        case .text(let path, _), .choice(let path, _): configuration[keyPath: path]
        case .list(let path, _): configuration[keyPath: path].joined(separator: ",")
        }
    }
}
