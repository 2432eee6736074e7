import Settings
import Testing

@Suite("Sizes and durations as people write them")
struct QuantityTests {
    @Test("sizes are read in powers of 1024 and of 1000", arguments: [
        ("0", 0), ("512", 512), ("512B", 512), ("64KiB", 65_536), ("2GiB", 2_147_483_648), ("1TiB", 1_099_511_627_776), ("1.5GiB", 1_610_612_736),
        ("64MB", 64_000_000), ("1kB", 1000), ("1KB", 1000), ("2 GiB", 2_147_483_648), ("2gib", 2_147_483_648), ("0.5KiB", 512),
        ("8388607TiB", 9_223_370_937_343_148_032),
    ] as [(String, Int)])
    func sizes(text: String, bytes: Int) {
        #expect(Quantity.number(text, in: .bytes) == bytes)
    }

    @Test("what is no whole number of bytes, or means two things, is none", arguments: [
        "", "2G", "2Gi", "GiB", "1.GiB", ".5GiB", "1.2.3GiB", "0.3B", "0.0001KiB", "-1GiB", "2GiB2", "2GiBx", "8388608TiB",
        "99999999999999999999B", "1e3", "٢GiB", "1.0000000001GiB", "2GiB/s", "90s",
    ])
    func noSizes(text: String) {
        #expect(Quantity.number(text, in: .bytes) == nil)
    }

    @Test("durations are one part or several", arguments: [
        ("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("1d", 86_400), ("1d2h3m4s", 93_784), ("1.5h", 5400), ("0s", 0),
    ] as [(String, Int)])
    func durations(text: String, seconds: Int) {
        #expect(Quantity.number(text, in: .seconds) == seconds)
    }

    @Test("others are none", arguments: [
        "", "s", "90x", "500ms", "0.5s", "30m1h", "1m1m", "1h 30m", "-1s", "90s ", "106751991167301d", "106751991167300d1d",
        "9223372036854775807s1", "2GiB",
    ])
    func noDurations(text: String) {
        #expect(Quantity.number(text, in: .seconds) == nil)
    }

    @Test("rates are sizes a second")
    func rates() {
        for text in ["16KiB/s", "16KiB", "16384"] { #expect(Quantity.number(text, in: .bytesPerSecond) == 16_384) }
        #expect(Quantity.number("16KiB/m", in: .bytesPerSecond) == nil)
    }

    @Test("numbers of other units are plain")
    func plain() {
        for unit in [Setting.Unit.none, .pixels, .megapixels] {
            #expect(Quantity.number("50", in: unit) == 50)
            #expect(Quantity.number("50MB", in: unit) == nil && Quantity.number("50s", in: unit) == nil)
        }
    }

    @Test("what is printed is read as the same number", arguments: [
        (0, "0"), (1, "1s"), (90, "90s"), (600, "10m"), (5400, "90m"), (86_400, "1d"), (Int.max, "9223372036854775807s"),
    ] as [(Int, String)])
    func printed(seconds: Int, text: String) {
        #expect(Quantity.text(seconds, in: .seconds) == text)
        for unit in [Setting.Unit.none, .bytes, .bytesPerSecond, .seconds, .pixels, .megapixels] {
            for number in [seconds, 1 << 30, 33_554_433] {
                #expect(Quantity.number(Quantity.text(number, in: unit), in: unit) == number)
            }
        }
        #expect(Quantity.text(33_554_432, in: .bytes) == "32MiB" && Quantity.text(16_384, in: .bytesPerSecond) == "16KiB/s")
    }

    @Test("flags and variables take both forms, and the bounds hold for both")
    func settings() throws {
        let people = try Configuration(
            arguments: ["--memory-budget", "2GiB", "--timeout=90s"], environment: ["RESTORED_BODY_LIMIT": "16MiB"])
        let numbers = try Configuration(
            arguments: ["--memory-budget", "2147483648", "--timeout=90"], environment: ["RESTORED_BODY_LIMIT": "16777216"])
        #expect(people == numbers)
        #expect(try Configuration(arguments: ["--timeout", "1d"], environment: [:]).timeout == 86_400)
        for wrong in [["--timeout", "1d1s"], ["--timeout", "0s"], ["--timeout", "2GiB"], ["--body-limit", "1.1GiB"], ["--port", "80s"]] {
            #expect { try Configuration(arguments: wrong, environment: [:]) } throws: { "\($0)".contains(wrong[0]) }
        }
        #expect { try Configuration(arguments: ["--timeout", "x"], environment: [:]) } throws: { "\($0)".contains("90s") }
    }
}
