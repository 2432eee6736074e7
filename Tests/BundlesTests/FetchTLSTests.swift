import Bundles
import Foundation
import TestSupport
import Testing

/// Fetches over TLS, from a server of openssl's.
@Suite("Fetching over TLS", .enabled(if: TLSServer.isThere, "needs openssl"))
struct FetchTLSTests {
    @Test("a redirection from https to http is not followed")
    func insecureRedirection() throws {
        let server = try TLSServer(
            answer: "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/data.txt\r\nContent-Length: 0\r\n\r\n")
        defer { server.stop() }
        let bench = try FetchBench { $1.text(404, "") }
        let error = try bench.failure(FetchBench.entry()) {
            $0.mirror = try? WebAddress(server.url)
            $0.network.certificateFile = server.certificate
        }
        #expect(error == .insecureRedirection(from: server.url + "/a/data.txt", to: "http://127.0.0.1:1/data.txt"))
    }

    @Test("a certificate that nobody vouches for is an error at once, and one that is given is trusted")
    func certificates() throws {
        let server = try TLSServer(answer: "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfour")
        defer { server.stop() }
        let bench = try FetchBench { $1.text(404, "") }
        let error = try bench.failure(FetchBench.entry()) { $0.mirror = try? WebAddress(server.url) }
        guard case .unreachable(_, let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains("certificate") && bench.paused == .zero)
        try bench.fetch(FetchBench.entry()) {
            $0.mirror = try? WebAddress(server.url)
            $0.network.certificateFile = server.certificate
        }
        #expect(bench.fetched == Array("four".utf8))
    }
}

/// Answers every request for `/a/data.txt` with the same bytes.
final class TLSServer {
    private static let program = "/usr/bin/openssl"
    static let isThere = FileManager.default.isExecutableFile(atPath: program)

    private let folder: URL
    private let process = Process()
    private let input = Pipe()
    let url: String
    var certificate: String { folder.appendingPathComponent("certificate.pem").path }

    init(answer: String) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("restored-tls-\(UUID())")
        try FileManager.default.createDirectory(at: folder.appendingPathComponent("a"), withIntermediateDirectories: true)
        try Data(answer.utf8).write(to: folder.appendingPathComponent("a/data.txt"))
        let request = Process()
        request.executableURL = URL(fileURLWithPath: Self.program)
        request.currentDirectoryURL = folder
        request.standardError = FileHandle.nullDevice
        request.arguments = [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-keyout", "key.pem",
            "-out", "certificate.pem", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
        ]
        try request.run()
        request.waitUntilExit()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: Self.program)
        process.currentDirectoryURL = folder
        process.arguments = ["s_server", "-accept", "127.0.0.1:0", "-cert", "certificate.pem", "-key", "key.pem", "-HTTP"]
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        // It says where it listens: ACCEPT 127.0.0.1:PORT
        var said = ""
        while !said.contains("\n") || !said.contains("ACCEPT ") {
            let piece = output.fileHandleForReading.availableData
            guard !piece.isEmpty else { break }
            said += String(decoding: piece, as: UTF8.self)
        }
        let port = try #require(said.firstMatch(of: /ACCEPT .*:(\d+)/)?.output.1, "openssl says \(said)")
        url = "https://127.0.0.1:\(port)"
    }

    func stop() {
        // It has inherited the mask of a thread that takes no signals.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: folder)
    }
}
