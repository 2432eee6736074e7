import Foundation
import Glibc
import TestSupport
import Testing

/// A folder of bundles that is served, and what may happen to it.
@Suite("A served folder of bundles", .timeLimit(.minutes(3)))
struct ServedFolderTests {
    private let place: WeightsPlace
    private let bundles: String

    init() throws {
        place = try WeightsPlace(catalogue: [])
        bundles = place.folder.path + "/bundles"
    }

    /// The weights that come with the program, under another name.
    private func make(_ name: String, in folder: String, json: String? = nil) throws {
        let path = bundles + "/" + folder
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let text = try String(contentsOf: ToyBundle.folder.appendingPathComponent("bundle.json"), encoding: .utf8)
        try (json ?? text.replacing("\"name\": \"mini\"", with: "\"name\": \"\(name)\""))
            .write(toFile: path + "/bundle.json", atomically: true, encoding: .utf8)
        for file in ["daclip.safetensors", "unet.safetensors"] {
            try FileManager.default.createSymbolicLink(
                atPath: path + "/" + file, withDestinationPath: ToyBundle.folder.appendingPathComponent(file).path)
        }
    }

    private func serve() throws -> RunningProgram {
        let service = try RunningProgram(
            ["serve", "--bundle", bundles, "--port", "0", "--log-format", "json"], environment: place.environment)
        try WeightsPlace.wait(for: service, toSay: "\"ready\"")
        return service
    }

    /// By what `/capabilities` says.
    private func states(_ service: RunningProgram) throws -> [String] {
        let document = try JSONSerialization.jsonObject(with: place.curl(service, "/capabilities")) as? [String: Any]
        return (document?["bundles"] as? [[String: Any]] ?? []).map { "\($0["name"] ?? "") \($0["state"] ?? "")" }
    }

    @Test("SIGHUP while it is missing, or empty, keeps the bundles that there were, and the log says so")
    func missing() throws {
        defer { place.remove() }
        try make("a", in: "one")
        try make("b", in: "two")
        let service = try serve()
        for isEmpty in [false, true] {
            let before = service.said.count
            try FileManager.default.moveItem(atPath: bundles, toPath: bundles + ".away")
            if isEmpty { try FileManager.default.createDirectory(atPath: bundles, withIntermediateDirectories: true) }
            service.kill(SIGHUP)
            while !service.said.dropFirst(before).contains("\"bundles can't be read\"") {
                try #require(kill(service.process, 0) == 0)
                try #require(!service.said.contains("\"bundle removed\""), "\(service.said)")
                usleep(5_000)
            }
            #expect(try states(service) == ["a loaded", "b unloaded"])
            if isEmpty { try FileManager.default.removeItem(atPath: bundles) }
            try FileManager.default.moveItem(atPath: bundles + ".away", toPath: bundles)
        }
        // One that has truly gone is gone.
        try FileManager.default.removeItem(atPath: bundles + "/two")
        service.kill(SIGHUP)
        try WeightsPlace.wait(for: service, toSay: "\"bundle removed\"")
        #expect(try states(service) == ["a loaded"])
        service.kill(SIGTERM)
        #expect(try service.wait().status == 0)
    }

    @Test("what a conversion has left, and a broken bundle in a folder of another's name, stop no start")
    func names() throws {
        defer { place.remove() }
        try make("a", in: "one")
        try make("a", in: ".one.converting")
        try make("", in: "a", json: "{")
        try make("", in: "broken", json: "{")
        let service = try serve()
        #expect(try states(service) == ["broken broken", "a loaded"])
        #expect(service.said.contains("another one has that name"))
        service.kill(SIGTERM)
        #expect(try service.wait().status == 0)
    }
}
