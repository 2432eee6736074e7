import Testing

/// What the command line refuses before it loads anything.
@Suite("Arguments of the program", .enabled(if: Program.canMeasure, "needs Debian's package time"))
struct ArgumentTests {
    @Test("labels that are none, or one twice, are a usage error", arguments: [",", " , ", "a,", "a,a"])
    func labels(text: String) throws {
        let ending = try Program.run("classify", "picture.png", "--labels=\(text)")
        #expect(ending.status == 64 && ending.error.contains("--labels must be labels"), "\(ending)")
    }
}
