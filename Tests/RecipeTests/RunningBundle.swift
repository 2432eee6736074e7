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
        var configuration = Configuration()
        configuration.port = 0
        let log = ServiceLog(level: .error, sink: LogSink { _ in })
        let service = RestorationService(configuration: configuration, log: log)
        service.start(try bundle.engine {
            $0.pictureMemory = service.memory
            configure(&$0)
        })
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
