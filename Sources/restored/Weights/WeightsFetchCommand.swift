import ArgumentParser
import Bundles

/// `restored weights fetch NAME...`.
struct WeightsFetchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch", abstract: "Fetches bundles, checks and converts them.",
        discussion: """
            What is interrupted is gone on with the next time. Proxies and certificates are found as curl finds them \
            (https_proxy, no_proxy, CURL_CA_BUNDLE, SSL_CERT_FILE, SSL_CERT_DIR). HF_TOKEN is sent to huggingface.co alone.
            """)

    @Argument(help: "Names, as restored weights list shows them.")
    var names: [String]

    @OptionGroup var weightsOptions: WeightsOptions
    @OptionGroup var catalogueOptions: CatalogueOptions

    @Option(help: "Server to go to in place of those of the catalogue, the paths stay; else RESTORED_MIRROR.")
    var mirror: String?

    @Option(name: .customLong("url"), help: "Address of a file: FILE=URL, or URL where there is one file.")
    var addresses: [String] = []

    @OptionGroup var flags: FetchFlags

    @Flag(help: "Use what is here already, and no network.")
    var offline = false

    @Option(help: "Further attempts that may bring nothing, one after another.")
    var retries = NetworkOptions().retries

    func validate() throws {
        guard (0...1_000).contains(retries) else { throw ValidationError("--retries must be from 0 to 1000") }
        guard names.count == 1 || (addresses.isEmpty && flags.digests.isEmpty) else {
            throw ValidationError("--url and --sha256 are for one bundle")
        }
    }

    func run() async throws {
        try await CommandFailure.reporting {
            var configuration = try weightsOptions.configuration()
            catalogueOptions.apply(to: &configuration)
            if let mirror { configuration.mirror = mirror }
            let weights = try BundlePlaces.weightsToChange(configuration)
            let catalogue = try BundlePlaces.catalogue(configuration)
            for name in names {
                let entry = try catalogue.entry(name)
                var options = try BundlePlaces.fetchOptions(configuration)
                try flags.apply(to: &options, for: entry)
                options.network.retries = retries
                options.isOffline = offline
                for address in addresses {
                    let (file, value) = try FetchFlags.pair(address, of: entry, flag: "--url")
                    options.addresses[file] = try WebAddress(value)
                }
                let fetch = BundleFetch(
                    entry, into: weights, options: options,
                    preparation: BundlePlaces.preparation(configuration, checks: !flags.noCheck))
                try await WeightsFetchReport.run(fetch)
            }
        }
    }
}

/// Runs a fetch and says what came of it.
enum WeightsFetchReport {
    static func run(_ fetch: BundleFetch) async throws {
        // Only the thread that fetches shows anything until it is done.
        nonisolated(unsafe) let display = FetchDisplay()
        let fetched: FetchedBundle
        do {
            fetched = try await fetch.run { display.show($0) }
        } catch {
            display.clear()
            throw error
        }
        display.clear()
        let entry = fetch.entry
        let state = fetched.wasThere ? "here already" : "ready"
        try StandardOutput.printLine("\(entry.name) is \(state): \(FilePath(fetched.folder))")
        for file in fetched.files where !fetched.wasThere {
            try StandardOutput.printLine("  \(file.file), \(file.bytes) bytes, SHA-256 \(file.sha256), \(file.digestBy.words)")
        }
        try StandardOutput.printLine("Terms of the weights: \(entry.licence)")
        try StandardOutput.printLine("Terms of the training data: \(entry.trainingDataTerms)")
        try StandardOutput.printLine("restored serve --bundle \(entry.name) serves it.")
    }
}
