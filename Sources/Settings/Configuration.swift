/// Every choice an operator has, with its default. `Setting.all` says how each is named, bounded and explained.
package struct Configuration: Sendable, Equatable {
    // Where and what to serve.
    package var host = "127.0.0.1"
    package var port = 8080
    package var unixSocket = ""
    /// Folders or names of weights, the default one first.
    package var bundles = ["Weights/mini"]
    /// Names of the catalogue. They are among the bundles: behind those that are named, or in place of the default one.
    package var fetches: [String] = []
    package var catalogue = ""
    package var mirror = ""
    package var weights = ""
    /// Whether a flag or variable names bundles.
    var namesBundles = false

    // Who may ask.
    package var apiKeys: [String] = []
    package var apiKeyFile = ""
    package var corsOrigin = ""
    /// `on` or `off`.
    package var page = "on"

    // Requests.
    package var requestLineLimit = 8 << 10
    package var headerLineLimit = 8 << 10
    package var headLimit = 32 << 10
    package var headerCountLimit = 100
    package var bodyLimit = 32 << 20
    package var partLimit = 16

    // Connections.
    package var connectionLimit = 1024
    package var connectionsPerAddress = 0
    package var requestsPerConnection = 1000
    package var firstByteTimeout = 10
    package var headTimeout = 10
    package var bodyTimeout = 60
    package var bodyGrace = 10
    package var bodyRate = 16 << 10
    package var writeTimeout = 30
    package var idleTimeout = 75

    // Pictures.
    package var megapixelLimit = 50
    package var sideLimit = 16_384
    package var codecThreads = 2

    // Work.
    package var requestMemory = 1 << 30
    /// This, and below workers and threads: 0 until `fitted(to:)` has chosen.
    package var memoryBudget = 0
    /// 0 until `fitted(to:)` has chosen, which it says in the next.
    package var weightsMemory = 0
    package var choosesWeightsMemory = false
    package var workers = 0
    package var threads = 0
    package var precision = "auto"
    package var queueLimit = 64
    package var timeout = 600
    package var hangLimit = 600
    package var drainDelay = 0
    package var drainTimeout = 25

    // Jobs.
    /// Where replicas share them; empty for this process's memory.
    package var jobStore = ""
    package var jobLease = 5
    /// `all`, `front` or `worker`.
    package var role = "all"
    package var resultLifetime = 600
    package var resultMemory = 256 << 20
    package var jobLimit = 1024
    package var eventStreamLimit = 64
    package var heartbeat = 15

    // Logs.
    package var logFormat = "auto"
    package var logLevel = "info"

    package init() {}

    /// The shortest side of a picture that the networks take, in pixels.
    package static let smallestSide = 8
}
