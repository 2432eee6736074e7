import HTTPWire
import Testing

@Suite("Trace parents")
struct TraceParentTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let parent = "00f067aa0ba902b7"

    @Test("a sound field names the trace, the caller and whether it is kept", arguments: [
        ("00-\(trace)-\(parent)-01", true), ("00-\(trace)-\(parent)-00", false), ("00-\(trace)-\(parent)-ff", true),
        ("cc-\(trace)-\(parent)-01", true), ("cc-\(trace)-\(parent)-01-what-comes-later", true),
    ] as [(String, Bool)])
    func sound(field: String, isSampled: Bool) throws {
        let found = try #require(TraceParent(field))
        #expect(found.traceID == Self.trace && found.parentID == Self.parent && found.isSampled == isSampled)
    }

    @Test("any other is as good as none", arguments: [
        nil, "", "00", "00-\(trace)-\(parent)-0", "00-\(trace)-\(parent)-01-", "00-\(trace)-\(parent)-01x",
        "cc-\(trace)-\(parent)-01x", "ff-\(trace)-\(parent)-01", "00-\(trace.uppercased())-\(parent)-01",
        "00-00000000000000000000000000000000-\(parent)-01", "00-\(trace)-0000000000000000-01",
        "00_\(trace)-\(parent)-01", "0g-\(trace)-\(parent)-01", "00-\(trace)-\(parent)-0\n", "ü0-\(trace)-\(parent)-01",
    ] as [String?])
    func unsound(field: String?) {
        #expect(TraceParent(field) == nil)
    }
}
