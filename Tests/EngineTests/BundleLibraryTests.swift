import Bundles
import Engine
import Testing

@Suite("Several bundles in memory", .timeLimit(.minutes(2)))
struct BundleLibraryTests {
    let rig = LibraryRig()

    private func library(_ names: String..., limit: Int = 20, isStrict: Bool = true, waiting: Int = 64) -> BundleLibrary {
        rig.library(
            names.map { LibraryRig.listing($0) }, limit: WeightsLimit(bytes: limit, isStrict: isStrict), waiting: waiting)
    }

    private func states(_ library: BundleLibrary) -> [String] { library.statuses.map { "\($0.name) \($0.state)" } }

    @Test("nothing is loaded before it is asked for, then once for all who wait; without a name it is the first")
    func onDemand() async throws {
        rig.change { $0.closed = ["a"] }
        let library = library("a", "b")
        #expect(states(library) == ["a unloaded", "b unloaded"] && rig.begun.isEmpty)
        #expect(library.statuses.map(\.isDefault) == [true, false])
        let waiting = (0..<5).map { number in
            Task { try await library.engine(named: [nil, "a", "a/1"][number % 3]).bundle.name }
        }
        await eventually("it is being loaded") { states(library) == ["a loading", "b unloaded"] && rig.begun == ["a/1"] }
        await rig.open("a")
        for task in waiting { #expect(try await task.value == "a") }
        #expect(rig.begun == ["a/1"] && states(library) == ["a loaded", "b unloaded"])
        #expect(library.weights == WeightsLoad(usedBytes: 10, limit: 20, waiting: 0))
    }

    @Test("the least recently used goes to make room")
    func leastRecentlyUsed() async throws {
        let library = library("a", "b", "c")
        for name in ["a", "b", "a", "c"] { _ = try await library.engine(named: name) }
        #expect(states(library) == ["a loaded", "b unloaded", "c loaded"])
        _ = try await library.engine(named: "b")
        #expect(states(library) == ["a unloaded", "b loaded", "c loaded"])
        #expect(rig.begun == ["a/1", "b/1", "c/1", "b/1"])
        #expect(library.statuses.map(\.evictions) == [1, 1, 0] && library.statuses.map(\.loads) == [1, 2, 1])
        #expect(rig.state.withLock { $0.mostBytesAlive } == 20)
    }

    @Test("none in use goes: who has no room waits, while the others are worked with")
    func inUse() async throws {
        let library = library("a", "b", "c")
        let first = try await library.engine(named: "a")
        var second: EngineLease? = try await library.engine(named: "b")
        let third = Task { try await library.engine(named: "c").bundle.name }
        await eventually("it waits") { states(library)[2] == "c loading" }
        #expect(try await library.engine(named: "a").bundle == first.bundle)
        #expect(rig.begun == ["a/1", "b/1"] && second?.bundle.name == "b")
        second = nil
        #expect(try await third.value == "c")
        #expect(states(library) == ["a loaded", "b unloaded", "c loaded"])
        #expect(rig.state.withLock { $0.mostBytesAlive } == 20)
    }

    @Test("loading one keeps no other waiting")
    func loadingStallsNobody() async throws {
        rig.change { $0.closed = ["b"] }
        let library = library("a", "b", limit: 100)
        _ = try await library.engine(named: "a")
        let slow = Task { try await library.engine(named: "b").bundle.name }
        await eventually("it is being loaded") { rig.begun.last == "b/1" }
        for _ in 0..<40 { #expect(try await library.engine(named: "a").bundle.name == "a") }
        await rig.open("b")
        #expect(try await slow.value == "b")
    }

    @Test("who waits for room is overtaken sixteen times; then the least recently used takes no new work")
    func overtaking() async throws {
        let library = library("a", "b", "c")
        let first = try await library.engine(named: "a")
        var second: EngineLease? = try await library.engine(named: "b")
        let waiting = Task { try await library.engine(named: "c").bundle.name }
        await eventually("it waits") { states(library)[2] == "c loading" }
        for _ in 0..<15 { _ = try await library.engine(named: "b") }
        _ = try await library.engine(named: "a")
        // That was the sixteenth, and the last use of a: now b was used before it, and gives way.
        let late = Task { try await library.engine(named: "b").bundle.name }
        await eventually("it waits as well") { library.weights.waiting == 2 }
        #expect(try await library.engine(named: "a").bundle.name == "a")
        #expect(rig.begun == ["a/1", "b/1"] && second != nil)
        second = nil
        #expect(try await waiting.value == "c")
        #expect(try await late.value == "b")
        #expect(rig.begun == ["a/1", "b/1", "c/1", "b/1"] && first.bundle.name == "a")
    }

    @Test("a broken one is an error for those who want it, and nobody else; listed again it gets another chance")
    func broken() async throws {
        rig.change { $0.broken = ["b/1"] }
        let library = library("a", "b")
        for _ in 0..<2 {
            await #expect(throws: RestorationError.brokenBundle("b", reason: "it is broken")) {
                try await library.engine(named: "b")
            }
        }
        #expect(rig.begun == ["b/1"] && states(library) == ["a unloaded", "b broken"])
        #expect(throws: RestorationError.brokenBundle("b", reason: "it is broken")) { try library.status(of: "b") }
        #expect(try await library.engine(named: nil).bundle.name == "a")
        #expect(library.statuses.map(\.failures) == [0, 1])
        rig.change { $0.broken = [] }
        library.list([LibraryRig.listing("a"), LibraryRig.listing("b")])
        #expect(try await library.engine(named: "b").bundle.name == "b")
    }

    @Test("what the machine could not do is tried again when it is asked for again")
    func passingFault() async throws {
        rig.change { $0.short = ["b/1"] }
        let library = library("a", "b")
        await #expect(throws: RestorationError.brokenBundle("b", reason: "there are no threads")) {
            try await library.engine(named: "b")
        }
        #expect(states(library) == ["a unloaded", "b unloaded"] && library.statuses.map(\.failures) == [0, 1])
        rig.change { $0.short = [] }
        #expect(try await library.engine(named: "b").bundle.name == "b")
    }

    @Test("one that can't even be read is listed as broken, and an unknown one is an error that says what there is")
    func unreadableAndUnknown() async throws {
        let library = rig.library([LibraryRig.listing("a"), LibraryRig.listing("b", fault: "no such file")])
        #expect(states(library) == ["a unloaded", "b broken"])
        await #expect(throws: RestorationError.brokenBundle("b", reason: "no such file")) {
            try await library.engine(named: "b")
        }
        for name in ["c", "", "a/2", "A"] {
            await #expect(throws: RestorationError.unknownBundle(name, known: ["a", "b"])) {
                try await library.engine(named: name)
            }
        }
    }

    @Test("one of just as much as is allowed is loaded, one of a byte more is refused", arguments: [(20, true), (21, false)])
    func strictLimit(bytes: Int, fits: Bool) async throws {
        let library = rig.library([LibraryRig.listing("a"), LibraryRig.listing("b", bytes: bytes)])
        _ = try await library.engine(named: "a")
        if fits {
            _ = try await library.engine(named: "b")
            #expect(states(library) == ["a unloaded", "b loaded"])
        } else {
            let reason = "its weights take 21 bytes, and 20 are allowed (--weights-memory)"
            await #expect(throws: RestorationError.brokenBundle("b", reason: reason)) { try await library.engine(named: "b") }
            #expect(states(library) == ["a loaded", "b broken"])
        }
    }

    @Test("a limit that nobody set lets a larger one be there alone")
    func chosenLimit() async throws {
        let library = rig.library(
            [LibraryRig.listing("a"), LibraryRig.listing("b", bytes: 50)], limit: WeightsLimit(bytes: 20, isStrict: false))
        for name in ["a", "b", "a"] { _ = try await library.engine(named: name) }
        #expect(rig.begun == ["a/1", "b/1", "a/1"] && library.weights.usedBytes == 10)
    }

    @Test("who waits may leave, and its time may pass; as many wait as may, and no more")
    func leaving() async throws {
        rig.change { $0.closed = ["a"] }
        let library = library("a", "b", waiting: 2)
        let cancelled = Task { try await library.engine(named: "a").bundle.name }
        await eventually("it waits") { rig.begun == ["a/1"] }
        await #expect(throws: RestorationError.deadlineExceeded(whileQueued: true)) {
            try await library.engine(named: "b", deadline: .now)
        }
        #expect(states(library) == ["a loading", "b unloaded"])
        let patient = Task { try await library.engine(named: "b").bundle.name }
        await eventually("both wait") { library.weights.waiting == 2 }
        await #expect(throws: RestorationError.queueFull(limit: 2, retryAfterSeconds: 1)) {
            try await library.engine(named: "b")
        }
        cancelled.cancel()
        await #expect(throws: RestorationError.cancelled) { try await cancelled.value }
        await rig.open("a")
        #expect(try await patient.value == "b")
    }

    @Test("whoever uses which, each gets its own, one is loaded at a time and memory stays within the limit")
    func crowd() async throws {
        let names = ["a", "b", "c", "d"]
        let library = rig.library(names.map { LibraryRig.listing($0) })
        try await withThrowingTaskGroup(of: Void.self) { group in
            for client in 0..<8 {
                group.addTask {
                    for turn in 0..<60 {
                        let name = names[(client * 7 + turn * turn) % names.count]
                        let lease = try await library.engine(named: name)
                        #expect(lease.bundle.name == name)
                        if turn % 3 == 0 { await Task.yield() }
                    }
                }
            }
            try await group.waitForAll()
        }
        let (most, atOnce) = rig.state.withLock { ($0.mostBytesAlive, $0.mostLoadsAtOnce) }
        #expect(most <= 20 && atOnce == 1)
        #expect(library.weights.usedBytes <= 20)
    }
}
