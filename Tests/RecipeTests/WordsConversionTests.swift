import ArgumentParser
import Bundles
import Engine
import Foundation
import Images
import TestSupport
import Testing
import restored

/// Bundles with words, made of the files that people have.
@Suite("Words: conversion", .enabled(if: WordsBundle.isThere), .timeLimit(.minutes(5)))
struct WordsConversionTests {
    /// A catalogue with an entry of the network alone and one of each layout; no file has an address.
    private static func catalogue(_ bundles: [(name: String, bundle: WordsBundle)]) throws -> Data {
        let entries = try bundles.map { name, bundle in
            let json = try Data(contentsOf: bundle.folder.appendingPathComponent("bundle.json"))
            var manifest = try #require(JSONSerialization.jsonObject(with: json) as? [String: Any])
            for key in ["name", "version", "licence", "trainingDataTerms"] { manifest[key] = nil }
            let files = try BundleManifestFiles.names(in: bundle.folder)
            return [
                "name": name, "version": "1", "restores": "noise", "licence": "none", "trainingDataTerms": "none",
                "page": "https://p.example", "files": files.map { ["file": $0] }, "bundle": Self.withoutDigests(manifest),
            ] as [String: Any]
        }
        return try JSONSerialization.data(withJSONObject: ["bundles": entries])
    }

    private static func withoutDigests(_ value: Any) -> Any {
        guard let members = value as? [String: Any] else { return value }
        return members.filter { $0.key != "sha256" }.mapValues { withoutDigests($0) }
    }

    private enum BundleManifestFiles {
        static func names(in folder: URL) throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0 != "bundle.json" }.sorted()
        }
    }

    @Test("the entry of the kind that all files are given of is made, known by their names and by their folders")
    func command() async throws {
        let place = FileManager.default.temporaryDirectory.appendingPathComponent("restored-words-place-\(UUID())")
        defer { try? FileManager.default.removeItem(at: place) }
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        let single = try WordsBundle(.single), folders = try WordsBundle(.diffusers)
        // The catalogue lists the files that a bundle names, of which this one has but the network's.
        let alone = try WordsBundle(changes: nil)
        for name in ["mapper.pt", "clean_mapper.pt", "vision.safetensors", "merges.txt"] {
            try FileManager.default.removeItem(at: alone.folder.appendingPathComponent(name))
        }
        let catalogue = place.appendingPathComponent("catalogue.json")
        try Self.catalogue([("alone", alone), ("single", single), ("folders", folders)]).write(to: catalogue)
        // As diffusers has them: all called alike.
        for (name, file) in [
            ("unet", "diffusion_pytorch_model.safetensors"), ("vae", "diffusion_pytorch_model.safetensors"),
            ("text_encoder", "model.safetensors"),
        ] {
            let folder = place.appendingPathComponent(name)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try FileManager.default.moveItem(
                at: folders.folder.appendingPathComponent(name + ".safetensors"), to: folder.appendingPathComponent(file))
        }
        let common = ["nafnet_guided.pth", "mapper.pt", "clean_mapper.pt", "vision.safetensors", "merges.txt"].map {
            single.folder.appendingPathComponent($0).path
        }
        let diffusers = ["unet", "vae"].map { place.appendingPathComponent("\($0)/diffusion_pytorch_model.safetensors").path }
            + [place.appendingPathComponent("text_encoder/model.safetensors").path]
        let weights = place.appendingPathComponent("weights")
        func convert(_ files: [String]) async throws {
            let arguments = ["--kind", "guided", "--catalogue", catalogue.path, "--weights", weights.path]
            try await WeightsConvertCommand.parse(files + arguments).run()
        }
        try await convert(common + [single.folder.appendingPathComponent("diffusion.safetensors").path])
        try await convert(common + diffusers)
        try await convert([common[0]])
        var results: [RestorationResult] = []
        for name in ["single", "folders"] {
            let folder = weights.appendingPathComponent(name).path
            let engine = try RecipeEngine(Bundles.Bundle.load(folder), configuration: EngineConfiguration())
            // A picture was restored with it, with what was drawn for that.
            #expect(try await BundleCheck.run(in: folder, by: engine).isSame)
            results.append(try await WordsEngineTests.restore(WordsEngineTests.picture(), on: engine))
        }
        try WordsEngineTests.expect(results[0].picture.pixels, "restored_u8")
        #expect(results[0].picture == results[1].picture && results[0].guidance == results[1].guidance)
        #expect(FileManager.default.fileExists(atPath: weights.appendingPathComponent("alone/bundle.json").path))
        // Neither whole.
        await #expect(throws: (any Error).self) { try await convert(Array(common.dropLast())) }
    }

    @Test("the catalogue that is built in has an entry for either layout, whose sizes are those of official files")
    func builtIn() throws {
        let json = try Data(contentsOf: Repository.root.appendingPathComponent("Weights/catalogue.json"))
        let catalogue = try #require(JSONSerialization.jsonObject(with: json) as? [String: Any])
        let entries = try #require(catalogue["bundles"] as? [[String: Any]])
        let bundles = entries.compactMap { $0["bundle"] as? [String: Any] }.filter { $0["kind"] as? String == "guided" }
        let words = bundles.compactMap { $0["words"] as? [String: Any] }
        #expect(words.count == 2)
        for section in words {
            #expect((section["text"] as? [String: Any])?["layers"] as? Int == 23)
            #expect((section["vision"] as? [String: Any])?["head_width"] as? Int == 80)
            #expect((section["unet"] as? [String: Any])?["context_dim"] as? Int == 1_024)
        }
    }
}
