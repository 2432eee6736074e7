import ArgumentParser
import Dispatch
import FoundationEssentials
import Images
import Restoration
import Service

/// Which weights a command works with.
struct EngineOptions: ParsableArguments {
    @Option(help: "Folder of the weights; else RESTORED_BUNDLE, else Weights/mini.")
    var bundle: String?

    /// The settings of the environment, with what was given here, fitted to this machine.
    func configuration() throws -> Configuration {
        var configuration = try Self.environmentConfiguration()
        if let bundle { configuration.bundle = bundle }
        return configuration.fitted(to: .current)
    }

    /// The settings of the environment.
    static func environmentConfiguration() throws -> Configuration {
        do {
            return try Configuration(arguments: [], environment: ProcessInfo.processInfo.environment)
        } catch {
            throw ValidationError(error.description)
        }
    }

    func engine(_ configuration: Configuration) async throws -> any RestorationEngine {
        try await Self.load(configuration)
    }

    /// Loads away from Swift's own threads, which must not block.
    static func load(_ configuration: Configuration) async throws -> any RestorationEngine {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global(qos: .userInitiated).async {
                continuation.resume(
                    with: Result { try makeEngine(bundlePath: configuration.bundle, configuration: configuration) })
            }
        }
    }
}

/// Decodes and encodes for the commands, on a queue that may block.
enum PictureWork {
    static func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global(qos: .userInitiated).async { continuation.resume(with: Result { try work() }) }
        }
    }

    /// What a picture and its restoration take: red, green, blue and opacity of both.
    static func heldBytes(width: Int, height: Int) -> Int { 8 * width * height }

    /// The picture in a file.
    static func picture(_ path: String, limits: ImageLimits) async throws -> Picture {
        try await run { try ImageDecoder.decode(try PictureFile.read(path), limits: limits) }
    }
}
