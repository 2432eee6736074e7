import ArgumentParser
import CSystem
import Engine
import Glibc
import HTTPServer
import Redis
import Service
import Settings
import Threads

/// `restored serve`.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serves restoration over HTTP.", usage: "restored serve [--SETTING VALUE ...]",
        discussion: Configuration.help)

    // The settings declare their own flags, bounds and help, so that the environment and /capabilities know them too.
    @Argument(parsing: .allUnrecognized, help: .hidden)
    var settings: [String] = []

    func run() async throws {
        let signals = SignalWatch()
        let machine = MachineLimits.current
        let environment = ProgramArguments.environment
        let configuration = try readConfiguration(environment).fitted(to: machine)
        returnLargeBlocksToTheSystem()
        let sink = LogSink(
            descriptor: STDERR_FILENO,
            format: LogFormat(setting: configuration.logFormat, isTerminal: StandardError.isTerminal))
        let log = ServiceLog(configuration: configuration, sink: sink)
        let links = ServiceLink.names(in: environment)
        if !links.isEmpty {
            log.logger.notice("variables ignored", metadata: ["of_services": "\(links.joined(separator: " "))"])
        }
        let service = RestorationService(
            configuration: configuration, log: log, redis: RedisOptions(environment: environment))
        let lifecycle: ServiceLifecycle
        do throws(ServerError) {
            let server = try HTTPServer(configuration: configuration.server, handler: service, observer: service)
            try server.start()
            lifecycle = ServiceLifecycle(service: service, server: server, configuration: configuration, log: log)
        } catch {
            throw CommandFailure(.unavailable, error.description).reported()
        }
        let addresses = Self.announce(lifecycle.server, as: configuration.host, in: log)
        let reloads = signals.reloads
        let starting = Task {
            do {
                let library = try await start(service, configuration, log: log)
                log.logger.notice(
                    "ready",
                    metadata: [
                        "addresses": "\(addresses)", "bundle": "\(library.statuses.map(\.name).joined(separator: " "))",
                        "workers": "\(configuration.workers)",
                        "threads": "\(configuration.threads)", "precisions": "\(Self.precisions(of: library))",
                        "memory_budget": "\(configuration.memoryBudget)",
                    ])
                let weights = library.statuses.count > 1 ? max(0, configuration.weightsMemory - library.weights.usedBytes) : 0
                let wanted = configuration.boundedBytes + ResidentMemory.peak + weights
                if wanted > machine.memory {
                    log.logger.warning(
                        "limits exceed memory", metadata: ["limits": "\(wanted)", "memory": "\(machine.memory)"])
                }
                for await _ in reloads where configuration.serviceRole != .front {
                    await reload(library, configuration, log: log)
                }
            } catch {
                // The end was asked for while weights came: what has come is kept.
                guard !Task.isCancelled else { return }
                let code = CommandFailure(error).reported()
                sink.flush()
                _exit(code.rawValue)
            }
        }
        // Without the log's last lines: who sends a second signal waits for nothing.
        let status = await lifecycle.run(until: signals.signals) { _exit(ExitStatus.drainCutShort.rawValue) }
        starting.cancel()
        sink.flush()
        if status != 0 { throw ExitCode(status) }
    }

    /// Fetches what isn't here, reads which bundles there are, loads the default one and takes work.
    private func start(
        _ service: RestorationService, _ configuration: Configuration, log: ServiceLog
    ) async throws -> BundleLibrary {
        if configuration.serviceRole == .front {
            let none = BundleLibrary([], limit: configuration.weightsLimit, waitingLimit: 0, load: { .none }) { listing, _ in
                throw RestorationError.unknownBundle(listing.name, known: [])
            }
            service.start(none)
            return none
        }
        try await FetchAtStart(configuration, service: service, log: log).run()
        var engine = configuration.engine(pictureMemory: service.memory)
        engine.onSlowEvaluation = { log.warn(of: $0) }
        engine.onFewerThreads = { log.warn(ofThreads: $1, wanted: $0) }
        let library = try await WorkerThread.run(name: "load") { [engine] in
            try ServedBundles.library(configuration, engine: engine, log: log)
        }
        try await ServedBundles.loadFirst(of: library)
        service.start(library)
        return library
    }

    /// Reads again which bundles there are.
    private func reload(_ library: BundleLibrary, _ configuration: Configuration, log: ServiceLog) async {
        log.logger.notice("reading bundles again")
        do {
            let former = library.statuses.map(\.folder)
            library.list(try await WorkerThread.run(name: "load") {
                try ServedBundles.listings(configuration, after: former)
            })
        } catch {
            // Those that there were stay.
            log.logger.error("bundles can't be read", metadata: ["reason": "\(CommandFailure(error).message)"])
        }
    }

    /// What the default bundle's networks compute with, as "daclip=fp32 unet=bf16".
    private static func precisions(of library: BundleLibrary) -> String {
        let precisions = library.statuses.first { $0.isDefault }?.recipe?.precisions ?? [:]
        return precisions.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }.joined(separator: " ")
    }

    /// Says where it listens, and where it can't.
    ///
    /// - Returns: the addresses in one line.
    private static func announce(_ server: HTTPServer, as host: String, in log: ServiceLog) -> String {
        let addresses = server.addresses.joined(separator: " ")
        log.logger.notice(
            "listening", metadata: ["host": "\(host)", "port": "\(server.port ?? 0)", "addresses": "\(addresses)"])
        for failure in server.unavailableAddresses {
            log.logger.warning("address unavailable", metadata: ["reason": "\(failure)"])
        }
        return addresses
    }

    /// Pictures and activations come and go for as long as the service runs. Left to itself glibc raises the size from
    /// which a freed block goes back to the system, up to 32 MiB, and what is kept fragments: a mixed load of 20 minutes
    /// held 300 MiB and rising where a fixed size held 150.
    private func returnLargeBlocksToTheSystem() {
        _ = mallopt(M_MMAP_THRESHOLD, 1 << 20)
    }

    private func readConfiguration(_ environment: [String: String]) throws -> Configuration {
        do {
            var configuration = try Configuration(arguments: settings, environment: environment)
            if !configuration.apiKeyFile.isEmpty {
                let bytes: [UInt8]
                do {
                    bytes = try InputFile.read(
                        FilePath(escaped: configuration.apiKeyFile), limit: 1 << 20)
                } catch {
                    throw error.reported()
                }
                try configuration.addKeys(inFile: String(decoding: bytes, as: UTF8.self))
            }
            return configuration
        } catch let error as ConfigurationError {
            throw ValidationError(error.description)
        }
    }
}
