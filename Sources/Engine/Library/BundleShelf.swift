import Bundles

/// Which bundles there are, which of them are in memory, who uses them and who waits: plain values. `BundleLibrary` keeps
/// it behind its mutex and carries out its `Effects`.
///
/// A bundle is an edition: what one `bundle.json` said. One edition is loaded at a time, in the order in which they were
/// asked for. Where the limit leaves no room for it, those that were used least recently go, but none that is in use: then
/// it waits. It is overtaken by so many uses of others at most; after that those in its way take no new ones.
struct BundleShelf {
    struct Edition {
        let number: Int
        /// As requests call it.
        let name: String
        let listing: BundleListing
        /// Nil where it isn't loaded.
        var engine: (any RestorationEngine)?
        /// That its weights hold, or are to hold.
        var bytes = 0
        var users = 0
        /// Who waits for it, in order.
        var waiters: [Int] = []
        /// Counts up with every use of any.
        var lastUse = 0
        var recipe: RecipeDescription?
        var fault: BundleFault?
        /// What it took when it was loaded before.
        var measuredBytes: Int?
        /// Takes no new user before the first of the queue has got its room.
        var givesWay = false
        /// Another one has its name, or none: it goes with its last user.
        var isRetired = false

        init(_ listing: BundleListing, name: String, number: Int) {
            self.name = name
            self.listing = listing
            self.number = number
            switch listing.contents {
            case .success(let contents): recipe = contents.recipe
            case .failure(let fault): self.fault = fault
            }
        }

        var contents: BundleListing.Contents? { try? listing.contents.get() }
        var expectedBytes: Int { measuredBytes ?? contents?.weightBytes ?? 0 }
    }

    /// What became of a bundle of a name, all its editions together.
    struct Counts: Sendable, Equatable {
        var loads = 0
        var failures = 0
        var evictions = 0
    }

    /// What remains to be done once the lock is released.
    struct Effects: Sendable {
        /// With the number of the edition that a waiter uses now, to be given back by it. No engine: whoever held one a moment
        /// longer than its user would keep it in memory when another is loaded in its place.
        var answers: [(waiter: Int, answer: Result<Int, RestorationError>)] = []
        var dropped: [any RestorationEngine] = []
        /// To be loaded, away from whoever asks.
        var load: Edition?
        var events: [LibraryEvent] = []

        mutating func takeDropped() -> [any RestorationEngine] {
            defer { dropped = [] }
            return dropped
        }
    }

    /// Uses of other bundles that one waits for before those in its way take no new ones.
    static let mostOvertaken = 16

    let limit: WeightsLimit
    /// Requests that may wait for a bundle to be loaded.
    let waitingLimit: Int
    /// As they were listed, the default one first.
    private(set) var names: [String] = []
    var editions: [Int: Edition] = [:]
    /// The edition that has a name.
    var current: [String: Int] = [:]
    /// Editions that take their name once they are loaded: until then another one serves.
    var candidates: [String: Int] = [:]
    var queue: [Int] = []
    private(set) var loading: Int?
    private(set) var counts: [String: Counts] = [:]
    private var lastNumber = 0
    private var uses = 0
    private var timesOvertaken = 0

    init(limit: WeightsLimit, waitingLimit: Int) {
        self.limit = limit
        self.waitingLimit = waitingLimit
    }

    /// Bytes of all weights in memory, and of those that are being loaded.
    var usedBytes: Int { editions.values.reduce(0) { $0 + $1.bytes } }

    /// Requests that wait for a bundle.
    var waitingCount: Int { editions.values.reduce(0) { $0 + $1.waiters.count } }

    /// - Throws: `unknownBundle`.
    func edition(named name: String?) throws(RestorationError) -> Edition {
        guard let wanted = name ?? names.first, let edition = current[wanted].flatMap({ editions[$0] }) ?? edition(as: wanted)
        else { throw .unknownBundle(name ?? "", known: names) }
        return edition
    }

    /// The edition that answers name so: with its version.
    private func edition(as identifier: String) -> Edition? {
        current.values.lazy.compactMap { editions[$0] }.first { $0.contents?.summary.identifier == identifier }
    }

    mutating func setNames(_ names: [String]) { self.names = names }

    /// For a new edition: one with these weights and no other.
    mutating func makeNumber() -> Int {
        lastNumber += 1
        return lastNumber
    }
}

// MARK: - What is told

extension BundleShelf {
    /// In the order in which they were listed.
    var statuses: [BundleStatus] { names.compactMap { current[$0] }.compactMap { editions[$0] }.map(status) }

    func status(of edition: Edition) -> BundleStatus {
        let state: BundleStatus.State =
            if edition.engine != nil { .loaded }
            else if edition.fault != nil { .broken }
            else if loading == edition.number || queue.contains(edition.number) && isWanted(edition) { .loading }
            else { .unloaded }
        let counts = counts[edition.name] ?? Counts()
        return BundleStatus(
            name: edition.name, folder: edition.listing.folder, state: state, isDefault: edition.name == names.first, summary: edition.contents?.summary,
            recipe: edition.recipe, fault: state == .broken ? edition.fault : nil,
            weightBytes: edition.engine == nil ? edition.expectedBytes : edition.bytes, loads: counts.loads,
            failures: counts.failures, evictions: counts.evictions)
    }
}

// MARK: - Use

extension BundleShelf {
    /// Asks for a bundle, by its name; nil for the default one. It is answered at once, or once the bundle is loaded.
    ///
    /// Errors: `unknownBundle`, `brokenBundle`, `queueFull`.
    mutating func request(_ name: String?, for waiter: Int, effects: inout Effects) {
        do throws(RestorationError) {
            let edition = try edition(named: name)
            if edition.engine != nil, !edition.givesWay {
                if loading == nil, !queue.isEmpty { timesOvertaken += 1 }
                use(edition.number)
                effects.answers.append((waiter, .success(edition.number)))
            } else if let fault = edition.fault {
                throw .brokenBundle(edition.name, reason: fault.description)
            } else if waitingCount >= waitingLimit {
                throw .queueFull(limit: waitingLimit, retryAfterSeconds: 1)
            } else {
                editions[edition.number]?.waiters.append(waiter)
                enqueue(edition.number)
            }
            advance(&effects)
        } catch {
            effects.answers.append((waiter, .failure(error)))
        }
    }

    /// Waits no longer, if it does.
    mutating func leave(_ waiter: Int, effects: inout Effects) {
        guard let edition = editions.values.first(where: { $0.waiters.contains(waiter) }) else { return }
        editions[edition.number]?.waiters.removeAll { $0 == waiter }
        advance(&effects)
    }

    mutating func release(_ number: Int, effects: inout Effects) {
        editions[number]?.users -= 1
        removeIfIdle(number, effects: &effects)
        advance(&effects)
    }

    private mutating func use(_ number: Int) {
        uses += 1
        editions[number]?.users += 1
        editions[number]?.lastUse = uses
    }

    /// Answers those who wait for an edition that is loaded.
    private mutating func serve(_ number: Int, effects: inout Effects) {
        guard let waiters = editions[number]?.waiters, editions[number]?.engine != nil else { return }
        editions[number]?.waiters = []
        for waiter in waiters {
            use(number)
            effects.answers.append((waiter, .success(number)))
        }
    }
}

// MARK: - Loading

extension BundleShelf {
    /// Takes an engine for the only bundle there is.
    mutating func keep(_ engine: any RestorationEngine) {
        if let number = names.first.flatMap({ current[$0] }) { editions[number]?.engine = engine }
    }

    mutating func enqueue(_ number: Int) {
        if loading != number, !queue.contains(number) { queue.append(number) }
    }

    /// Begins to load the first of the queue, where there is room for it or can be made.
    mutating func advance(_ effects: inout Effects) {
        while loading == nil, let number = queue.first {
            guard let edition = editions[number], isWanted(edition), edition.engine == nil else {
                queue.removeFirst()
                serve(number, effects: &effects)
                continue
            }
            let kept = keptBytes(beside: edition)
            if let reason = limit.objection(to: edition.expectedBytes, beside: kept) {
                queue.removeFirst()
                fail(number, BundleFault(reason: reason), effects: &effects)
                continue
            }
            guard makeRoom(for: edition, effects: &effects) else { return }
            queue.removeFirst()
            editions[number]?.bytes = edition.expectedBytes
            loading = number
            effects.load = editions[number]
            takeUsersAgain(&effects)
        }
        if queue.isEmpty { takeUsersAgain(&effects) }
    }

    private func isWanted(_ edition: Edition) -> Bool {
        !edition.waiters.isEmpty || candidates[edition.name] == edition.number
    }

    /// What must stay while an edition is loaded: the one that serves in its place.
    private func served(beside edition: Edition) -> Edition? {
        guard candidates[edition.name] == edition.number else { return nil }
        return current[edition.name].flatMap { editions[$0] }
    }

    private func keptBytes(beside edition: Edition) -> Int { served(beside: edition)?.bytes ?? 0 }

    /// Lets go of what is used by nobody, the least recently used first, where that is enough. Where it isn't, and others have
    /// gone first often enough, those in use take no new users either.
    ///
    /// - Returns: whether there is room now.
    private mutating func makeRoom(for edition: Edition, effects: inout Effects) -> Bool {
        let kept = served(beside: edition)?.number
        let others = editions.values.filter { $0.engine != nil && $0.number != kept }.sorted { $0.lastUse < $1.lastUse }
        let idleBytes = others.reduce(0) { $0 + ($1.users == 0 ? $1.bytes : 0) }
        let isEnough = limit.hasRoom(for: edition.expectedBytes, beside: usedBytes - idleBytes)
        guard isEnough || timesOvertaken >= Self.mostOvertaken else { return false }
        var left = usedBytes
        for other in others where !isEnough || other.users == 0 {
            if limit.hasRoom(for: edition.expectedBytes, beside: left) { break }
            left -= other.bytes
            if other.users == 0 { evict(other.number, effects: &effects) } else { editions[other.number]?.givesWay = true }
        }
        return isEnough
    }

    private mutating func evict(_ number: Int, effects: inout Effects) {
        guard let edition = editions[number], let engine = edition.engine else { return }
        effects.dropped.append(engine)
        effects.events.append(.evicted(edition.name))
        editions[number]?.engine = nil
        editions[number]?.bytes = 0
        counts[edition.name, default: Counts()].evictions += 1
        // Its files have changed since: it can't be loaded again.
        if let candidate = candidates[edition.name].flatMap({ editions[$0] }) { promote(candidate, effects: &effects) }
    }

    /// The first of the queue has got its room, or wants it no longer.
    private mutating func takeUsersAgain(_ effects: inout Effects) {
        timesOvertaken = 0
        for number in editions.keys.sorted() where editions[number]?.givesWay == true {
            editions[number]?.givesWay = false
            guard editions[number]?.engine != nil else { continue }
            serve(number, effects: &effects)
            queue.removeAll { $0 == number }
        }
    }

    /// An edition was loaded, or couldn't be.
    ///
    /// - Parameter result: the engine, and the bytes that its weights take.
    mutating func finishLoading(
        _ number: Int, _ result: Result<(engine: any RestorationEngine, bytes: Int), BundleFault>, effects: inout Effects
    ) {
        loading = nil
        switch result {
        case .success((let engine, let bytes)):
            if let reason = limit.objection(to: bytes, beside: 0) {
                effects.dropped.append(engine)
                editions[number]?.bytes = 0
                fail(number, BundleFault(reason: reason), effects: &effects)
                break
            }
            editions[number]?.engine = engine
            editions[number]?.recipe = engine.recipe
            editions[number]?.bytes = bytes
            editions[number]?.measuredBytes = bytes
            if let edition = editions[number] {
                counts[edition.name, default: Counts()].loads += 1
                effects.events.append(.loaded(engine.bundle, bytes: bytes))
                promote(edition, effects: &effects)
            }
            serve(number, effects: &effects)
            removeIfIdle(number, effects: &effects)
            keepWithinLimit(besides: number, effects: &effects)
        case .failure(let fault):
            editions[number]?.bytes = 0
            fail(number, fault, effects: &effects)
        }
        advance(&effects)
    }

    mutating func countFailure(of name: String) { counts[name, default: Counts()].failures += 1 }

    /// It came to nothing, and that is no fault.
    mutating func endLoading(_ number: Int) {
        loading = nil
        editions[number]?.bytes = 0
    }

    /// A candidate takes its name; the edition that had it goes with its last user.
    private mutating func promote(_ edition: Edition, effects: inout Effects) {
        guard candidates[edition.name] == edition.number else { return }
        candidates[edition.name] = nil
        let old = current.updateValue(edition.number, forKey: edition.name)
        guard let old else { return }
        // Those whom it takes no more, since it gives way.
        move(waitersOf: old, to: edition.number, effects: &effects)
        retire(old, effects: &effects)
    }

    /// Where weights took more than their files said.
    private mutating func keepWithinLimit(besides number: Int, effects: inout Effects) {
        let idle = editions.values.filter { $0.engine != nil && $0.users == 0 && $0.number != number }
        for other in idle.sorted(by: { $0.lastUse < $1.lastUse }) where usedBytes > limit.bytes {
            evict(other.number, effects: &effects)
        }
    }

    private mutating func fail(_ number: Int, _ fault: BundleFault, effects: inout Effects) {
        guard let edition = editions[number] else { return }
        countFailure(of: edition.name)
        effects.events.append(.failed(edition.name, fault))
        editions[number]?.waiters = []
        if !fault.isPassing { editions[number]?.fault = fault }
        for waiter in edition.waiters {
            effects.answers.append((waiter, .failure(.brokenBundle(edition.name, reason: fault.description))))
        }
        if candidates[edition.name] == number {
            candidates[edition.name] = nil
            editions[number]?.isRetired = true
        }
        removeIfIdle(number, effects: &effects)
    }

    /// Nobody gets this edition any more.
    mutating func retire(_ number: Int, effects: inout Effects) {
        editions[number]?.isRetired = true
        editions[number]?.givesWay = false
        removeIfIdle(number, effects: &effects)
    }

    private mutating func removeIfIdle(_ number: Int, effects: inout Effects) {
        guard let edition = editions[number], edition.isRetired, edition.users == 0, loading != number else { return }
        if let engine = edition.engine { effects.dropped.append(engine) }
        editions[number] = nil
        queue.removeAll { $0 == number }
    }
}
