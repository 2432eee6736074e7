import Engine
import Foundation
import HTTPServer
import Images
import Service
import Settings
import TestSupport
import Testing

/// A bundle that is served on a port of its own.
struct RunningBundle {
    let life: ServiceLifecycle
    let port: Int

    init(_ bundle: SinglePassBundle, _ configure: (inout EngineConfiguration) -> Void = { _ in }) throws {
        try self.init(ServiceLog(level: .error, sink: LogSink { _ in })) { prepare in
            try bundle.engine {
                prepare(&$0)
                configure(&$0)
            }
        }
    }

    /// - Parameter engine: makes it; what it is given prepares its configuration for the service.
    init(_ log: ServiceLog, engine: (_ prepare: (inout EngineConfiguration) -> Void) throws -> RecipeEngine) throws {
        var configuration = Configuration()
        configuration.port = 0
        let service = RestorationService(configuration: configuration, log: log)
        service.start(try engine { $0.pictureMemory = service.memory })
        let server = try HTTPServer(configuration: configuration.server, handler: service, observer: service)
        try server.start()
        port = try #require(server.port)
        life = ServiceLifecycle(service: service, server: server, configuration: configuration, log: log)
    }

    func restore(_ picture: Picture, _ query: String = "", fields: [String] = []) async throws -> Loopback {
        try await Loopback.send(
            "POST", "/restore" + query, to: port, fields: fields, body: ImageEncoder.png(picture))
    }
}
