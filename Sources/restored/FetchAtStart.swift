import Bundles
import Service
import Settings

/// `serve --fetch`: brings bundles of the catalogue before the service takes work. Meanwhile it says how far that is.
struct FetchAtStart {
    let configuration: Configuration
    let service: RestorationService
    let log: ServiceLog

    init(_ configuration: Configuration, service: RestorationService, log: ServiceLog) {
        self.configuration = configuration
        self.service = service
        self.log = log
    }

    /// What is there already is looked at and not fetched again.
    ///
    /// - Throws: `FetchError`, `CommandFailure`.
    func run() async throws {
        // A name that is wrong is told of before anything comes.
        for fetch in try configuration.fetches.map({ try BundlePlaces.fetch($0, configuration) }) { try await run(fetch) }
        service.prepare(.loading)
    }

    private func run(_ fetch: BundleFetch) async throws {
        let name = fetch.entry.name
        service.prepare(.fetching(bundle: name, received: 0, total: nil))
        log.logger.notice("fetching", metadata: ["bundle": "\(name)"])
        let fetched = try await fetch.run { [service] progress in
            switch progress {
            case .waiting: break
            case .receiving(let part):
                service.prepare(.fetching(bundle: name, received: part.receivedOfAll, total: part.totalOfAll))
            case .converting: service.prepare(.loading)
            }
        }
        guard !fetched.wasThere else {
            log.logger.notice("bundle is here already", metadata: ["bundle": "\(name)"])
            return
        }
        log.logger.notice(
            "bundle fetched",
            metadata: [
                "bundle": "\(name)", "folder": "\(FilePath(fetched.folder))",
                "bytes": "\(fetched.files.reduce(0) { $0 + $1.bytes })",
            ])
    }
}
