import Bundles
import Engine
import Testing

/// What becomes of bundles that are listed again, as at SIGHUP.
@Suite("Bundles listed again", .timeLimit(.minutes(2)))
struct BundleReloadTests {
    let rig = LibraryRig()

    private func states(_ library: BundleLibrary) -> [String] {
        library.statuses.map { "\($0.name)/\($0.summary?.version ?? "-") \($0.state)" }
    }

    @Test("what has not changed stays in memory, what is new is added, what is gone is unknown")
    func additions() async throws {
        let library = rig.library([LibraryRig.listing("a"), LibraryRig.listing("b")])
        let lease = try await library.engine(named: "a")
        _ = try await library.engine(named: "b")
        library.list([LibraryRig.listing("c"), LibraryRig.listing("a")])
        #expect(states(library) == ["c/1 unloaded", "a/1 loaded"] && library.statuses[0].isDefault)
        #expect(try await library.engine(named: "a").bundle == lease.bundle && rig.begun == ["a/1", "b/1"])
        await #expect(throws: RestorationError.unknownBundle("b", known: ["c", "a"])) { try await library.engine(named: "b") }
        await eventually("its memory is free") { rig.state.withLock { $0.bytesAlive } == 10 }
        #expect(try await library.engine(named: nil).bundle.name == "c")
        #expect(rig.events.contains("removed b"))
    }

    @Test("one that has changed takes its place once it is loaded; who uses the old one keeps it to the end")
    func replacement() async throws {
        let library = rig.library([LibraryRig.listing("a")], limit: WeightsLimit(bytes: 25, isStrict: true))
        var old: EngineLease? = try await library.engine(named: nil)
        rig.change { $0.closed = ["a"] }
        library.list([LibraryRig.listing("a", version: "2")])
        await eventually("the new one is being loaded") { rig.begun == ["a/1", "a/2"] }
        #expect(try await library.engine(named: "a").bundle.version == "1")
        await rig.open("a")
        try await eventually("the new one serves") { try await library.engine(named: "a").bundle.version == "2" }
        #expect(old?.bundle.version == "1" && library.weights.usedBytes == 20)
        old = nil
        await eventually("the old one is gone") { rig.state.withLock { $0.bytesAlive } == 10 }
        #expect(library.weights.usedBytes == 10 && states(library) == ["a/2 loaded"])
    }

    @Test("one that fails to load, can't be read or has no room beside the old one leaves that serving", arguments: [
        (LibraryRig.listing("a", version: "2"), 100, "failed a: it is broken"),
        (LibraryRig.listing("a", fault: "no such file"), 100, "failed a: no such file"),
        (
            LibraryRig.listing("a", version: "2"), 19,
            "failed a: its weights take 10 bytes beside the 10 of the version that serves, and 19 are allowed (--weights-memory)"
        ),
    ])
    func failedReplacement(listing: BundleListing, limit: Int, event: String) async throws {
        rig.change { $0.broken = ["a/2"] }
        let library = rig.library([LibraryRig.listing("a")], limit: WeightsLimit(bytes: limit, isStrict: true))
        _ = try await library.engine(named: "a")
        library.list([listing])
        await eventually("it has failed") { rig.events.contains(event) }
        #expect(try await library.engine(named: "a").bundle.version == "1")
        #expect(states(library) == ["a/1 loaded"])
    }

    @Test("one that is not in memory changes at once, and who waits for it gets the new one")
    func unloaded() async throws {
        rig.change { $0.closed = ["a"] }
        let library = rig.library([LibraryRig.listing("a")])
        let waiting = Task { try await library.engine(named: "a").bundle.version }
        await eventually("the old one is being loaded") { rig.begun == ["a/1"] }
        library.list([LibraryRig.listing("a", version: "2")])
        await rig.open("a")
        #expect(try await waiting.value == "2")
        #expect(states(library) == ["a/2 loaded"])
        library.list([LibraryRig.listing("b")])
        let error = await #expect(throws: RestorationError.self) { try await library.engine(named: "a") }
        #expect(error == .unknownBundle("a", known: ["b"]))
    }

    @Test("an old one that has to make room before the new one is loaded makes way for it")
    func evictedInBetween() async throws {
        let library = rig.library([LibraryRig.listing("a"), LibraryRig.listing("b"), LibraryRig.listing("c")])
        for name in ["a", "b"] { _ = try await library.engine(named: name) }
        rig.change { $0.closed = ["c"] }
        let third = Task { try await library.engine(named: "c").bundle.name }
        await eventually("c is being loaded in the place of a") { rig.begun.last == "c/1" }
        let first = Task { try await library.engine(named: "a").bundle.name }
        await eventually("a waits behind") { library.weights.waiting == 2 }
        library.list([LibraryRig.listing("a"), LibraryRig.listing("b", version: "2"), LibraryRig.listing("c")])
        await rig.open("c")
        #expect(try await third.value == "c")
        #expect(try await first.value == "a")
        #expect(states(library)[1] == "b/2 unloaded")
        #expect(try await library.engine(named: "b").bundle.version == "2")
        #expect(rig.begun == ["a/1", "b/1", "c/1", "a/1", "b/2"])
    }

    @Test("who waits for one that gives way gets the new one that takes its place")
    func waitersOfOneThatGivesWay() async throws {
        let (old, other) = (LibraryRig.listing("a", bytes: 15), LibraryRig.listing("x", bytes: 10))
        let library = rig.library([old, other])
        var first: EngineLease? = try await library.engine(named: "a")
        let waiting = Task { try await library.engine(named: "x").bundle.name }
        await eventually("it waits") { library.weights.waiting == 1 }
        for _ in 0..<16 { _ = try await library.engine(named: "a") }
        let late = Task { try await library.engine(named: "a").bundle.identifier }
        await eventually("it waits as well") { library.weights.waiting == 2 }
        library.list([LibraryRig.listing("a", bytes: 15, version: "2"), other])
        #expect(first?.bundle.identifier == "a/1")
        first = nil
        #expect(try await waiting.value == "x")
        #expect(try await late.value == "a/2")
        #expect(rig.begun == ["a/1", "x/1", "a/2"])
    }

    @Test("of two with one name the first is taken, and the other told of")
    func sameName() {
        let library = rig.library([LibraryRig.listing("a"), LibraryRig.listing("a", version: "2", folder: "/other")])
        #expect(states(library) == ["a/1 unloaded"])
        #expect(rig.events == ["failed a: another one has that name; /other is left out"])
    }

    @Test("a broken one whose folder has the name of a sound one is left out, whichever is listed first", arguments: [true, false])
    func brokenOfTheSameName(isFirst: Bool) async throws {
        let broken = LibraryRig.listing("a", folder: "/broken/a", fault: "it is no JSON")
        let sound = LibraryRig.listing("a", version: "2", folder: "/sound")
        let library = rig.library(isFirst ? [broken, sound] : [sound, broken])
        #expect(states(library) == ["a/2 unloaded"])
        #expect(rig.events.contains { $0.contains("/broken/a") && $0.contains("it is no JSON") }, "\(rig.events)")
        #expect(try await library.engine(named: "a").bundle.version == "2")
    }
}
