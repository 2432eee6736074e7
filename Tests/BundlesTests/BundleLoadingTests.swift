import Bundles
import Checkpoints
import Foundation
import TestSupport
import Testing

/// The bundle that ships loads, and a changed one doesn't.
@Suite("Bundle loading")
struct BundleLoadingTests {
    static let mini = Repository.root.appendingPathComponent("Weights/mini").path

    @Test("the shipped bundle loads and tells about itself")
    func loads() throws {
        let bundle = try Bundles.Bundle.load(Self.mini)
        let manifest = bundle.manifest
        #expect(manifest.name == "mini" && manifest.kind == BundleManifest.defaultKind)
        #expect(manifest.labels.count == 11 && manifest.labels.last == "clean")
        #expect(Set(manifest.files.map(\.name)) == ["daclip.safetensors", "unet.safetensors"])
        #expect(manifest.licence != "MIT" && manifest.trainingDataTerms.contains("non-commercial"))
        let bias = try bundle.network(from: bundle.section("unet")) { parameters throws(CheckpointError) in
            try parameters.takeIfPresent("final_conv.bias", [3])
        }
        #expect(bias?.count == 3)
        let features = try bundle.network(from: bundle.section("daclip")) { parameters throws(CheckpointError) in
            try parameters.takeIfPresent("label_features", [manifest.labels.count, 128]) ?? []
        }
        #expect(features.count == manifest.labels.count * 128)
        for row in stride(from: 0, to: features.count, by: features.count / manifest.labels.count) {
            let length = features[row..<row + features.count / manifest.labels.count].reduce(0) { $0 + $1 * $1 }
            #expect(abs(length.squareRoot() - 1) < 1e-3)
        }
    }

    @Test("what nobody asks for is refused in the end, whatever the kind")
    func unasked() throws {
        try withCopy { folder in
            let manifest = folder.appendingPathComponent("bundle.json")
            let text = try String(contentsOf: manifest, encoding: .utf8)
            try text.replacingOccurrences(of: "{\n \"name\"", with: "{\"kind\": \"other\",\n \"name\"")
                .write(to: manifest, atomically: true, encoding: .utf8)
            let bundle = try Bundles.Bundle.load(folder.path)
            #expect(bundle.manifest.kind == "other")
            #expect(try BundleVerification(folder.path).isSound)
            _ = try (bundle.section("unet"), bundle.section("diffusion"))
            let error = try #require(throws: BundleError.self) { try bundle.finish() }
            #expect(error.description == "bundle.json: the key \"daclip\" is not known")
        }
    }

    @Test("a manifest of the largest size is read, one of a byte more is not")
    func size() throws {
        try withCopy { folder in
            let manifest = folder.appendingPathComponent("bundle.json")
            var text = try Data(contentsOf: manifest)
            text += Data(repeating: 0x20, count: BundleManifest.byteLimit - text.count)
            try text.write(to: manifest)
            _ = try Bundles.Bundle.manifest(in: folder.path)
            try (text + [0x20]).write(to: manifest)
            #expect(throws: BundleError.self) { try Bundles.Bundle.manifest(in: folder.path) }
        }
    }

    /// Runs with a copy of the shipped bundle.
    private func withCopy(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("restored-bundle-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for name in ["bundle.json", "daclip.safetensors", "unet.safetensors"] {
            try FileManager.default.copyItem(atPath: Self.mini + "/" + name, toPath: folder.path + "/" + name)
        }
        try body(folder)
    }

    @Test("a file with one bit changed is refused, with both digests")
    func changedFile() throws {
        try withCopy { folder in
            let file = folder.appendingPathComponent("unet.safetensors")
            var bytes = try Data(contentsOf: file)
            bytes[bytes.count - 1] ^= 1
            try bytes.write(to: file)
            let error = try #require(throws: BundleError.self) { try Bundles.Bundle.load(folder.path) }
            guard case .wrongDigest(let name, let expected, let found) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(name == "unet.safetensors" && expected != found && found.count == 64)

            let verification = try BundleVerification(folder.path)
            #expect(!verification.isSound)
            #expect(verification.files.map { $0.problem == nil } == [true, false])
            #expect(verification.files[1].foundDigest == found)
            #expect(verification.text.contains("wrong  unet.safetensors is not the file of this bundle"))
        }
    }

    @Test("a file that is missing is named")
    func missingFile() throws {
        try withCopy { folder in
            try FileManager.default.removeItem(at: folder.appendingPathComponent("daclip.safetensors"))
            #expect(throws: BundleError.unreadable(file: "daclip.safetensors", reason: "No such file or directory")) {
                try Bundles.Bundle.load(folder.path)
            }
            let verification = try BundleVerification(folder.path)
            #expect(verification.files[0].problem == "daclip.safetensors can't be read: No such file or directory")
            #expect(verification.files[0].foundDigest == nil)
            #expect(verification.json.contains(#""found_sha256":null,"problem":"daclip"#))
        }
    }

    @Test("a file with the right digest that is no checkpoint is named")
    func unsoundFile() throws {
        try withCopy { folder in
            let file = folder.appendingPathComponent("unet.safetensors")
            try Data("no tensors".utf8).write(to: file)
            let manifest = folder.appendingPathComponent("bundle.json")
            let text = try String(contentsOf: manifest, encoding: .utf8)
            let digest = try FileDigest.sha256(of: CheckpointBytes(contentsOf: file.path))
            let old = try #require(
                Bundles.Bundle.manifest(in: folder.path).files.first { $0.name == "unet.safetensors" }).sha256
            try text.replacingOccurrences(of: old, with: digest).write(to: manifest, atomically: true, encoding: .utf8)
            let bundle = try Bundles.Bundle.load(folder.path)
            let error = try #require(throws: BundleError.self) {
                try bundle.network(from: bundle.section("unet")) { _ in }
            }
            #expect(error.description.hasPrefix("unet.safetensors: not a checkpoint"))
        }
    }

    @Test("a folder without a manifest is no bundle")
    func noManifest() {
        #expect(throws: BundleError.unreadable(file: "/tmp/no-such-bundle/bundle.json", reason: "No such file or directory")) {
            try Bundles.Bundle.load("/tmp/no-such-bundle")
        }
    }

    @Test("verifying states the weights' terms apart from the code's")
    func terms() throws {
        let verification = try BundleVerification(Self.mini)
        #expect(verification.isSound)
        #expect(verification.files.allSatisfy { $0.foundDigest == $0.expectedDigest && ($0.tensorCount ?? 0) > 0 })
        #expect(verification.text.contains("Terms of the weights: " + verification.licence))
        #expect(verification.text.contains("Terms of the training data: "))
        #expect(verification.text.contains("MIT, covers its code and not these weights"))
        let json = try #require(try JSONSerialization.jsonObject(with: Data(verification.json.utf8)) as? [String: Any])
        #expect(json["sound"] as? Bool == true)
        #expect(json["code_licence"] as? String == "MIT")
        #expect((json["files"] as? [Any])?.count == 2)
    }

    @Test("digests are those of SHA-256, also around a megabyte")
    func digests() {
        func digest(_ bytes: [UInt8]) -> String { FileDigest.sha256(of: CheckpointBytes(bytes)) }
        // FIPS 180-4's example, the empty message, and a million times "a" with a hundred thousand more.
        #expect(digest(Array("abc".utf8)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(digest([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(digest([UInt8](repeating: 0x61, count: 1_000_000))
            == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test("a listing names every tensor, for readers and for programs")
    func listing() throws {
        let listing = CheckpointListing(StateDict([
            "b": StoredTensor([1, 2], shape: [2]),
            "a\u{1B}\"": StoredTensor(scalarType: .bfloat16, shape: [2, 0], littleEndian: []),
        ]))
        #expect(listing.text == """
            a\u{FFFD}"  bfloat16 [2, 0]
            b    float32  [2]
            2 tensors, 2 elements, 8 bytes (tensors with two names count twice)
            """)
        #expect(listing.json == #"{"tensors":[{"dtype":"bfloat16","name":"a\u001b\"","shape":[2,0]},"#
            + #"{"dtype":"float32","name":"b","shape":[2]}]}"#)
    }
}
