import Bundles
import Checkpoints
import Foundation
import TestSupport
import Testing

/// What can be had, as a catalogue says it.
@Suite("Catalogues")
struct CatalogueTests {
    @Test("the program's own is sound, and its files have addresses over https or words on how to come by them")
    func builtIn() throws {
        let catalogue = try Catalogue.builtIn()
        #expect(try Catalogue(contentsOf: Repository.root.appendingPathComponent("Weights/catalogue.json").path) == catalogue)
        for name in ["daclip-universal", "daclip-universal-mix", "daclip-wild", "instructir", "nafnet-gopro", "nafnet-reds", "nafnet-sidd", "restormer-motion-deblurring", "promptir"] {
            #expect(catalogue[name] != nil, "\(name)")
        }
        for entry in catalogue.entries {
            #expect(entry.files.allSatisfy { $0.address.map { $0.scheme == .https } ?? (entry.obtain != nil) }, "\(entry.name)")
            #expect(entry.roughBytes > 0 && entry.asksForAcceptance == entry.licence.contains("not for commercial use"))
        }
        let official = try catalogue.entry("daclip-universal")
        #expect(official.licence == "MIT" && official.kind == BundleManifest.defaultKind)
        #expect(official.files[0].address?.description
            == "https://huggingface.co/weblzw/daclip-uir-ViT-B-32-irsde/resolve/main/daclip_ViT-B-32.pt")
    }

    private static let sound = """
        {"note": "x", "bundles": [{"name": "a", "version": "1", "restores": "rain", "licence": "MIT", "trainingDataTerms": "none",
         "page": "https://a.example", "files": [{"file": "a.pt", "url": "https://a.example/a.pt", "bytes": 5}],
         "bundle": {"kind": "k", "net": {"file": "a.pt"}}}]}
        """

    @Test("what can't be is refused, with its place", arguments: [
        ("\"name\": \"a\"", "\"name\": \"../a\"", "bundles[0].name: expected letters"),
        ("\"version\": \"1\", ", "", "bundles[0].version: is needed"),
        ("\"licence\"", "\"licences\"", "licence: is needed"),
        ("\"page\"", "\"odd\": 1, \"page\"", "the key \"odd\" is not known"),
        ("\"bytes\": 5", "\"bytes\": 0", "bundles[0].files[0].bytes: expected 1 to"),
        ("\"bytes\": 5", "\"sha256\": \"00\"", "sha256: expected 64 lower-case"),
        ("\"bytes\": 5", "\"size\": 5", "the key \"size\" is not known"),
        ("https://a.example/a.pt", "http://a.example/a.pt", "url: expected https, or a sha256 beside it"),
        ("https://a.example/a.pt", "ftp://a.example/a.pt", "expected https or http, found ftp"),
        ("https://a.example/a.pt", "a.pt", "bundles[0].files[0].url"),
        ("{\"file\": \"a.pt\", \"url\"", "{\"file\": \"../a.pt\", \"url\"", "expected a plain file name"),
        ("\"a.pt\"", "\"check.safetensors\"", "expected a plain file name, and none of"),
        ("{\"file\": \"a.pt\", \"url\"", "{\"file\": \"b.pt\", \"url\"", "bundle: \"a.pt\" is not among the files"),
        ("\"net\": {\"file\": \"a.pt\"}", "\"net\": {}", "names , expected those in files"),
        ("\"net\"", "\"labels\": [\"a b\"], \"net\"", "bundle: labels"),
        ("[{\"file\": \"a.pt\", \"url\": \"https://a.example/a.pt\", \"bytes\": 5}]", "[]", "files: expected 1 to 64"),
        ("{\"kind\": \"k\", \"net\": {\"file\": \"a.pt\"}}", "[]", "bundle: expected an object"),
        ("\"bundles\": [", "\"bundles\": [1, ", "bundles: expected a list of objects"),
    ])
    func faults(old: String, new: String, reason: String) throws {
        _ = try Catalogue(json: Array(Self.sound.utf8))
        try #require(Self.sound.contains(old))
        let error = try #require(throws: ConfigurationError.self) {
            try Catalogue(json: Array(Self.sound.replacing(old, with: new).utf8))
        }
        #expect(error.description.contains(reason), "\(error)")
    }

    @Test("a catalogue of the largest size and number is read, one of a byte or an entry more is not")
    func limits() throws {
        let text = Array(Self.sound.utf8)
        let padded = text + [UInt8](repeating: 0x20, count: Catalogue.byteLimit - text.count)
        #expect(try Catalogue(json: padded).entries.count == 1)
        #expect(throws: ConfigurationError.self) { try Catalogue(json: padded + [0x20]) }
        func entries(_ count: Int) -> [UInt8] {
            let entries = (0..<count).map { """
                {"name":"\($0)","version":"1","restores":"x","licence":"x","trainingDataTerms":"x","page":"x","files":[{"file":"a"}]}
                """ }
            return Array("{\"bundles\":[\(entries.joined(separator: ","))]}".utf8)
        }
        #expect(try Catalogue(json: entries(Catalogue.entryLimit)).entries.count == Catalogue.entryLimit)
        #expect(throws: ConfigurationError.self) { try Catalogue(json: entries(Catalogue.entryLimit + 1)) }
        #expect(throws: ConfigurationError.self) {
            try Catalogue(json: Array(Self.sound.replacing("}]}", with: "}, {\"name\": \"a\"}]}").utf8))
        }
    }

    @Test("a listing tells what is here, begun, to fetch, by hand, and not supported")
    func listing() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("restored-listing-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        func entry(_ name: String, url: Bool = true, bundle: String = ",\"bundle\":{\"kind\":\"k\",\"net\":{\"file\":\"a.pt\"}}") -> String {
            """
            {"name":"\(name)","version":"1","restores":"x","licence":"x","trainingDataTerms":"x","page":"https://p.example",
            "files":[{"file":"a.pt"\(url ? ",\"url\":\"https://a.example/a.pt\"" : ""),"rough_bytes":1500000000}]\(bundle)}
            """
        }
        let entries = [
            entry("fresh"), entry("begun"), entry("here"), entry("hand", url: false), entry("later", bundle: ""),
            entry("other", bundle: ",\"bundle\":{\"kind\":\"q\",\"net\":{\"file\":\"a.pt\"}}"),
        ]
        let catalogue = try Catalogue(json: Array("{\"bundles\":[\(entries.joined(separator: ","))]}".utf8))
        try FileManager.default.createDirectory(at: folder.appendingPathComponent(".begun.part"), withIntermediateDirectories: true)
        for name in ["here", "own"] {
            let bundle = folder.appendingPathComponent(name)
            try FileManager.default.createDirectory(at: bundle, withIntermediateDirectories: true)
            try Data("{\"name\":\"\(name)\",\"version\":\"1\",\"licence\":\"mine\",\"trainingDataTerms\":\"none\"}".utf8)
                .write(to: bundle.appendingPathComponent("bundle.json"))
        }
        let listing = CatalogueListing(catalogue, in: WeightsFolder(path: folder.path), kinds: ["k"])
        #expect(listing.lines.map(\.name) == ["fresh", "begun", "here", "hand", "later", "other", "own"])
        #expect(listing.lines.map(\.state) == [.toFetch, .begun, .here, .byHand, .notSupported, .notSupported, .here])
        #expect(listing.text.contains("fresh: to fetch, 1.5 GB, x\n  x\n  https://p.example\n"))
        #expect(listing.text.hasSuffix("own: here, no weights of its own, mine\n  \(folder.path)/own"))
        let json = try JSONSerialization.jsonObject(with: Data(listing.json.utf8)) as? [String: [[String: Any]]]
        #expect(json?["bundles"]?.count == 7)
        let sizes = [0, 1, 999_999, 1_000_000, 999_499_999, 1_049_999_999, 1_050_000_000, 1_960_000_000, 3_225_000_000]
        #expect(sizes.map(CatalogueListing.size) == [
            "0 KB", "1 KB", "1000 KB", "1 MB", "999 MB", "1.0 GB", "1.1 GB", "2.0 GB", "3.2 GB",
        ])
        #expect(CatalogueListing(catalogue, in: nil, kinds: ["k"]).lines.count == 6)
    }

    @Test("addresses are http or https without users' names; mirrors keep the path")
    func addresses() throws {
        for text in ["", "a", "https://", "file:///a", "https://a b/", "https://a\u{E4}.example/", "https://u@a/", "https://u:p@a/", "https://a.%f4b/", "https://a%7F/"] {
            #expect(throws: FetchError.self, "\(text)") { try WebAddress(text) }
        }
        let path = String(repeating: "a", count: WebAddress.byteLimit - "https://a/".utf8.count)
        _ = try WebAddress("https://a/" + path)
        #expect(throws: FetchError.self) { try WebAddress("https://a/a" + path) }
        let address = try WebAddress("https://A.example:8443/x/y?q=1#part")
        #expect(address.host == "a.example" && address.scheme == .https && !address.description.contains("#"))
        for (mirror, expected) in [
            ("http://127.0.0.1:80", "http://127.0.0.1:80/x/y?q=1"), ("http://m/", "http://m/x/y?q=1"),
            ("http://m/deep/er/", "http://m/deep/er/x/y?q=1"), ("http://[::1]:81", "http://[::1]:81/x/y?q=1"),
        ] {
            #expect(try address.at(mirror: WebAddress(mirror)).whole == expected)
        }
        for (location, expected) in [
            ("/z", "https://a.example:8443/z"), ("z", "https://a.example:8443/x/z"), ("//b/z", "https://b/z"),
            ("http://b/z", "http://b/z"), ("?q=2", "https://a.example:8443/x/y?q=2"),
        ] {
            #expect(try address.redirected(to: location).whole.lowercased() == expected)
        }
    }
}
