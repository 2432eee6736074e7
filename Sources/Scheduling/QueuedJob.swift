/// A job as the run queue sees it: which of its samples have started, which are free to be advanced, and how much
/// service it has had.
package struct QueuedJob<Key: Hashable & Sendable>: Sendable {
    /// A sample between its making and its handing back.
    package struct Flight: Sendable {
        package enum State: Sendable { case idle, evaluating, finishing }

        package let index: Int
        package internal(set) var stepsLeft: Int
        package internal(set) var state: State
        /// Who evaluates it, or did last.
        package internal(set) var worker: Int
    }

    /// A sample that could be advanced now.
    package struct Candidate: Sendable {
        package let index: Int
        /// Not in flight yet: it has to be made first.
        package let isFresh: Bool
    }

    /// Steps still to do, and their cost.
    package struct Rest: Sendable {
        package var steps = 0
        package var cost = 0.0
    }

    /// Counts up in the order of arrival.
    package let id: Int
    package private(set) var outlines: [SampleOutline<Key>]
    package let samplesAtOnce: Int
    package let deadline: ContinuousClock.Instant?
    /// Its picture is there; until then nothing of it can start.
    package internal(set) var isPrepared: Bool
    /// The deadline, or for a job without one the time up to which others may be put before it.
    package let due: ContinuousClock.Instant

    /// Cost of the steps had so far, on the scale of the queue's virtual clock: who has had least goes first.
    package internal(set) var virtualTime = 0.0
    /// Its whole work was small when it became active.
    package internal(set) var isShort = false
    /// Its time is running out: its steps are charged at a fraction of their cost.
    package internal(set) var isUrgent = false
    /// Batches begun while memory kept this job, whose turn it was, from getting anything.
    package internal(set) var timesPassedOver = 0
    /// Jobs behind this one that got a place before it, as there was memory for them and not for it.
    package internal(set) var timesOvertaken = 0
    /// Became active while others waited before it.
    package internal(set) var hasOvertaken = false
    /// No further steps are wanted.
    package internal(set) var isEnding = false
    package internal(set) var flights: [Flight] = []
    /// The first sample that never was in flight.
    package internal(set) var nextIndex = 0
    package internal(set) var remaining: [Key: Rest] = [:]

    init(
        id: Int, outlines: [SampleOutline<Key>], samplesAtOnce: Int, deadline: ContinuousClock.Instant?,
        due: ContinuousClock.Instant, isPrepared: Bool = true
    ) {
        self.id = id
        self.outlines = []
        self.isPrepared = isPrepared
        self.samplesAtOnce = samplesAtOnce
        self.deadline = deadline
        self.due = due
        append(outlines)
    }

    /// Adds samples behind those there are.
    mutating func append(_ more: [SampleOutline<Key>]) {
        outlines += more
        for outline in more {
            remaining[outline.key, default: Rest()].steps += outline.steps
            remaining[outline.key, default: Rest()].cost += outline.cost * Double(outline.steps)
        }
    }

    package var hasStarted: Bool { nextIndex > 0 }
    package var isComplete: Bool { nextIndex == outlines.count && flights.isEmpty }
    var isEvaluating: Bool { flights.contains { $0.state == .evaluating } }

    /// Samples that may start now: within the window, and up to one that has to wait for those before it.
    var startable: Range<Int> {
        let windowEnd = (flights.first?.index ?? nextIndex).addingReportingOverflow(samplesAtOnce)
        let end = max(nextIndex, min(outlines.count, windowEnd.overflow ? .max : windowEnd.partialValue))
        let first = flights.isEmpty ? nextIndex + 1 : nextIndex
        guard first < end else { return nextIndex..<end }
        return nextIndex..<((first..<end).first { outlines[$0].waitsForEarlier } ?? end)
    }

    /// The sample to advance next: the earliest free one in flight, else a fresh one.
    ///
    /// - Parameter key: of this key only; nil for any.
    func candidate(of key: Key? = nil, admitting: Bool) -> Candidate? {
        guard isPrepared, !isEnding else { return nil }
        for flight in flights where flight.state == .idle && (key == nil || outlines[flight.index].key == key) {
            return Candidate(index: flight.index, isFresh: false)
        }
        guard admitting, !startable.isEmpty, key == nil || outlines[nextIndex].key == key else { return nil }
        return Candidate(index: nextIndex, isFresh: true)
    }

    /// How many samples could be advanced at once, those of a key and the others.
    func runnable(of key: Key, admitting: Bool) -> (same: Int, other: Int) {
        guard isPrepared, !isEnding else { return (0, 0) }
        var same = 0
        var other = 0
        func count(_ index: Int) {
            if outlines[index].key == key { same += 1 } else { other += 1 }
        }
        for flight in flights where flight.state == .idle { count(flight.index) }
        if admitting { startable.forEach(count) }
        return (same, other)
    }

    /// Least service first; among equals who has had none, then who is due first, then who came first.
    func goes(before other: Self) -> Bool {
        (virtualTime, hasStarted ? 1 : 0, due, id)
            < (other.virtualTime, other.hasStarted ? 1 : 0, other.due, other.id)
    }
}
