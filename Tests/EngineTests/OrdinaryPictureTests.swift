import Engine
import Foundation
import Images
import TestSupport
import Testing

/// What users send besides photographs must not be harmed, whatever the shipped classifier takes it for.
@Suite("Ordinary pictures with the shipped weights", .serialized)
struct OrdinaryPictureTests {
    private static let engine = Result { try ShippedEngine.make(workers: 1, threads: 2, batch: 4) }

    private func restored(
        _ picture: Picture, _ change: (inout RestorationOptions) -> Void = { _ in }
    ) async throws -> RestorationResult {
        var options = RestorationOptions()
        options.seed = 1
        change(&options)
        return try await Self.engine.get().restore(picture, options: options) { _ in }
    }

    private static func fixture(_ path: String) throws -> Picture {
        try ImageDecoder.decode(Array(try Data(contentsOf: Repository.root.appendingPathComponent("Tests/Fixtures/" + path))))
    }

    /// A part of the photograph that comes with the tests.
    private static func photograph(_ left: Int, _ top: Int, width: Int = 240, height: Int = 200) throws -> Picture {
        Picture(
            width: width, height: height,
            pixels: try fixture("Photographs/kodim20.png").window(columns: left..<left + width, rows: top..<top + height))
    }

    private static func made(_ kind: String, _ member: Int) throws -> Picture {
        var draw = OrdinaryPictures(seed: UInt64(member))
        switch kind {
        case "page":
            let papers: [OrdinaryPictures.Colour] = [(255, 255, 255), (246, 241, 226), (32, 33, 36)]
            return draw.page(paper: papers[member], ink: member == 2 ? (230, 230, 230) : (20, 20, 24))
        case "interface":
            let grounds: [OrdinaryPictures.Colour] = [(255, 255, 255), (245, 245, 247), (30, 30, 46)]
            let bars: [OrdinaryPictures.Colour] = [(21, 101, 192), (224, 226, 231), (69, 71, 90)]
            return draw.interface(ground: grounds[member], bar: bars[member], ink: member == 2 ? (205, 214, 244) : (33, 33, 33))
        case "on plain ground":
            let grounds: [OrdinaryPictures.Colour] = [(255, 255, 255), (0, 0, 0), (201, 214, 223)]
            return draw.cutOut(of: try photograph(100 + 40 * member, 150), ground: grounds[member])
        default:
            let colours: [OrdinaryPictures.Colour] = [(0, 0, 0), (128, 128, 128), (200, 30, 30)]
            return draw.plain(colours[member])
        }
    }

    private func expectUnharmed(_ picture: Picture, _ name: String) async throws {
        let result = try await restored(picture)
        let difference = try PictureComparison(result.picture, picture).psnr()
        #expect(difference >= 30, "\(name) was taken for \(result.degradations): \(difference) dB")
        #expect(result.unchanged == (result.picture == picture))
        #expect(result.declined == nil || result.unchanged)
    }

    @Test("handed in: a page, a screenshot, an object on white, white", arguments: [
        "png-document.png", "png-screenshot.png", "jpg-on-white.jpg", "png-white.png",
    ])
    func handedIn(name: String) async throws { try await expectUnharmed(Self.fixture("Cases/" + name), name) }

    @Test("three of each kind more", arguments: ["page", "interface", "on plain ground", "plain"], 0..<3)
    func made(kind: String, member: Int) async throws {
        try await expectUnharmed(Self.made(kind, member), "\(kind) \(member)")
    }

    @Test("what is withheld is there for who asks for it by name or by force")
    func askedFor() async throws {
        let page = try Self.fixture("Cases/png-document.png")
        let declined = try await restored(page)
        #expect(declined.unchanged)
        for change in [{ $0.force = true }, { $0.degradations = ["uncompleted"] }] as [(inout RestorationOptions) -> Void] {
            let result = try await restored(page, change)
            #expect(!result.unchanged && result.declined == nil && result.picture != page)
        }
    }

    // MARK: Alpha

    @Test("cut-outs that look the same are treated the same, whatever lies under their alpha of 0", arguments: 0..<4)
    func alpha(member: Int) async throws {
        var pair: [Picture] = []
        if member == 3 {
            pair = try ["png-alpha-orig.png", "png-alpha-black.png"].map { try Self.fixture("Cases/" + $0) }
        } else {
            let photograph = try Self.photograph(60 * member, 40 * member, width: 160, height: 120)
            let colours: [OrdinaryPictures.Colour] = [(0, 0, 0), (255, 0, 255)]
            pair = colours.map { hidden in
                var draw = OrdinaryPictures(seed: 0)
                return draw.transparent(of: photograph, hidden: hidden, share: 0.7 + 0.1 * Double(member))
            }
        }
        for change in [{ _ in }, { $0.degradations = ["noisy"] }] as [(inout RestorationOptions) -> Void] {
            let results = [try await restored(pair[0], change), try await restored(pair[1], change)]
            #expect(results[0].rounds == results[1].rounds)
            for (result, original) in zip(results, pair) {
                #expect(result.picture.alpha == original.alpha)
                for (position, opacity) in (original.alpha ?? []).enumerated() {
                    let own = 3 * position..<3 * position + 3
                    let expected = opacity == 0 ? original : results[0].picture
                    guard result.picture.pixels[own] == expected.pixels[own] else {
                        Issue.record("pixel \(position) of opacity \(opacity)")
                        return
                    }
                }
            }
        }
    }

    // MARK: Grey

    @Test("grey pictures come back grey, restored or not, each round", arguments: 0..<4)
    func grey(member: Int) async throws {
        var picture = member == 3
            ? try Self.fixture("Cases/png-grey-dark.png") : try Self.photograph(30 * member, 100, width: 128, height: 96)
        picture.turnToLuma()
        if member < 3 { picture.pixels = picture.pixels.map { UInt8(Int($0) / (member + 2)) } }
        for change in [{ _ in }, { $0.degradations = ["low-light", "noisy"] }, { $0.force = true; $0.rounds = 3 }]
            as [(inout RestorationOptions) -> Void]
        {
            let result = try await restored(picture, change)
            #expect(result.picture.isExactlyGrey, "taken for \(result.degradations)")
            #expect(result.unchanged == (result.picture == picture))
        }
    }

    @Test("a grey JPEG with noise in its colours is restored to grey")
    func nearlyGrey() async throws {
        var generator = SeededGenerator(seed: 4)
        var picture = try Self.photograph(0, 0, width: 96, height: 80)
        picture.turnToLuma()
        picture.pixels = picture.pixels.map { UInt8(clamping: Int($0) + Int.random(in: -3...3, using: &generator)) }
        let jpeg = try ImageDecoder.decode(ImageEncoder.encode(picture, as: .jpeg, quality: 90))
        #expect(!jpeg.isExactlyGrey)
        #expect(try await restored(jpeg) { $0.degradations = ["noisy"] }.picture.isExactlyGrey)
    }
}
