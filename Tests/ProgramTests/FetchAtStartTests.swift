import Dispatch
import Foundation
import Glibc
import TestSupport
import Testing

/// `restored serve --fetch`.
@Suite("Fetching at the start")
struct FetchAtStartTests {
    @Test("serve --fetch says how far it is until it serves, and ends at once where that is asked for")
    func serveFetches() throws {
        let place = try WeightsPlace(catalogue: ToyBundle.catalogue())
        defer { place.remove() }
        let files = try ToyBundle.files()
        let mayGoOn = DispatchSemaphore(value: 0)
        let server = try LoopbackServer { request, reply in
            guard let bytes = files[request.path] else { return reply.text(404, "") }
            guard request.firstByte == nil, request.path.hasPrefix("/daclip") else { return reply.file(bytes, to: request) }
            reply.head(200, ["Content-Length: \(bytes.count)", "ETag: \"one\""])
            reply.send(bytes.prefix(1 << 20))
            mayGoOn.wait()
            reply.send(bytes.suffix(from: 1 << 20))
        }
        let arguments = [
            "serve", "--fetch", "toy", "--catalogue", place.catalogue, "--mirror", server.url, "--port", "0", "--log-format", "json",
        ]
        func fetching() throws -> RunningProgram {
            let service = try RunningProgram(arguments, environment: place.environment)
            try WeightsPlace.wait(for: service, toSay: "\"fetching\"")
            var said = ""
            while !said.contains("\"received_bytes\":1048576") {
                said = String(decoding: try place.curl(service, "/health/ready"), as: UTF8.self)
                try #require(said.contains("\"status\":\"loading\"") || said.contains("\"status\":\"fetching\""), "\(said)")
            }
            #expect(said.contains("\"bundle\":\"toy\"") && said.contains("\"total_bytes\":"))
            return service
        }
        let stopped = try fetching()
        stopped.kill(SIGTERM)
        #expect(try stopped.wait().status == 0)
        mayGoOn.signal()
        // What has come is gone on with, and asked for behind it.
        let service = try RunningProgram(arguments, environment: place.environment)
        try WeightsPlace.wait(for: service, toSay: "\"ready\"")
        #expect(server.requests.contains { $0.firstByte == 1 << 20 })
        #expect(service.said.contains("\"bundle fetched\""))
        let capabilities = String(decoding: try place.curl(service, "/capabilities"), as: UTF8.self)
        #expect(capabilities.contains("\"name\":\"toy\"") && !capabilities.contains("\"name\":\"mini\""))
        service.kill(SIGTERM)
        #expect(try service.wait().status == 0)

        // What is there is not fetched again.
        let asked = server.requests.count
        let third = try RunningProgram(arguments, environment: place.environment)
        try WeightsPlace.wait(for: third, toSay: "\"ready\"")
        #expect(third.said.contains("\"bundle is here already\"") && server.requests.count == asked)
        third.kill(SIGTERM)
        #expect(try third.wait().status == 0)
    }

    @Test("serve --fetch of what can't be fetched is one line and its status, before anything comes", arguments: [
        ("nothing", 64, "the catalogue has no nothing"), ("toy", 69, "answered 404"),
    ] as [(String, Int32, String)])
    func serveFails(name: String, status: Int32, words: String) throws {
        let place = try WeightsPlace(catalogue: ToyBundle.catalogue())
        defer { place.remove() }
        let server = try LoopbackServer { $1.text(404, "") }
        let ending = try RunningProgram(
            [
                "serve", "--fetch", "toy", "--fetch", name, "--catalogue", place.catalogue, "--mirror", server.url,
                "--port", "0", "--log-format", "json",
            ], environment: place.environment
        ).wait()
        #expect(ending.status == status && ending.error.contains(words), "\(ending)")
        #expect(server.requests.count == (name == "toy" ? 1 : 0))
    }
}
