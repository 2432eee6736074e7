import ArgumentParser
import Settings

/// Which weights a command is about.
struct WeightsOptions: ParsableArguments {
    @Option(help: "Folder of fetched weights; else RESTORED_WEIGHTS, else restored in XDG_DATA_HOME or ~/.local/share.")
    var weights: String?

    /// The settings of the environment, with what was given here.
    func configuration() throws -> Configuration {
        var configuration = try EngineOptions.environmentConfiguration()
        if let weights { configuration.weights = weights }
        return configuration
    }
}

/// Which catalogue a command looks into.
struct CatalogueOptions: ParsableArguments {
    @Option(help: "A catalogue of your own; else RESTORED_CATALOGUE, else the one that comes with the program.")
    var catalogue: String?

    func apply(to configuration: inout Configuration) {
        if let catalogue { configuration.catalogue = catalogue }
    }
}

extension CommandFailure {
    /// Runs a command's work: whatever ends it is said, and ends the program with the right status.
    static func reporting(_ work: () throws -> Void) throws {
        do {
            try work()
        } catch let error as ExitCode {
            throw error
        } catch let error as ValidationError {
            throw error
        } catch {
            throw CommandFailure(error).reported()
        }
    }

    static func reporting(_ work: () async throws -> Void) async throws {
        do {
            try await work()
        } catch let error as ExitCode {
            throw error
        } catch let error as ValidationError {
            throw error
        } catch {
            throw CommandFailure(error).reported()
        }
    }
}
