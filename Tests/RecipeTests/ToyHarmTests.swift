import Engine
import Images
import Testing

/// What every recipe gets without writing a line for it.
@Suite("A toy recipe: harmless", .timeLimit(.minutes(2)))
struct ToyHarmTests {
    private func restore(_ picture: Picture, label: String = "dim", workers: Int = 1) async throws -> RestorationResult {
        try await ToyBundle(named: label).engine { $0.workers = workers }.restore(picture, options: RestorationOptions()) { _ in }
    }

    @Test("hidden pixels have no say and come back as they were, as does the alpha", arguments: [1, 3])
    func alpha(workers: Int) async throws {
        var pair = [Picture.shade(100), .shade(100)]
        for index in pair.indices {
            pair[index].alpha = (0..<24 * 16).map { $0 % 24 < 10 ? 0 : $0 % 24 == 10 ? 90 : 255 }
            for position in 0..<24 * 16 where position % 24 < 10 {
                for channel in 0..<3 { pair[index].pixels[3 * position + channel] = UInt8(index * 200 + channel) }
            }
        }
        let results = [
            try await restore(pair[0], workers: workers).picture, try await restore(pair[1], workers: workers).picture,
        ]
        let expected = pair[0].fillingHiddenPixels().brightened(gain: ToyBundle.gain).picture
        for (result, original) in zip(results, pair) {
            #expect(result.alpha == original.alpha)
            for position in 0..<24 * 16 {
                let own = 3 * position..<3 * position + 3
                #expect(result.pixels[own] == (position % 24 < 10 ? original : expected).pixels[own])
            }
        }
    }

    @Test("a nearly grey picture becomes grey")
    func grey() async throws {
        var picture = Picture.shade(0)
        for position in 0..<24 * 16 {
            let value = UInt8(100 + position * 7 % 24)
            picture.pixels.replaceSubrange(3 * position..<3 * position + 3, with: [value, value + UInt8(position % 3), value])
        }
        #expect(!picture.isExactlyGrey && picture.isNearlyGrey)
        let result = try await restore(picture)
        #expect(result.picture.isExactlyGrey && result.picture != picture)
    }

    @Test("what moves plain areas is withheld with its reason, unless the label gives reason for it", arguments: [
        ("dim", DeclineReason.flatAreasMove), ("rainy", .flatAreasMove), ("low-light", nil),
    ] as [(String, DeclineReason?)])
    func plainAreas(label: String, reason: DeclineReason?) async throws {
        let plain = Picture(width: 24, height: 16, pixels: [UInt8](repeating: 90, count: 24 * 16 * 3))
        let result = try await restore(plain, label: label)
        #expect(result.declined == reason && result.unchanged == (reason != nil))
        #expect((result.picture == plain) == (reason != nil))
        #expect(result.degradations.first == label)
    }
}
