extension RunQueue {
    /// Samples to be advanced together.
    package struct Batch: Sendable {
        package struct Member: Sendable {
            package let sample: SampleID
            /// The sample has to be made first.
            package let isFresh: Bool
        }

        package let key: Key
        /// Who evaluates it.
        package let worker: Int
        package internal(set) var members: [Member]
        /// What the worker's workspace may hold while it does, and keep after that.
        package internal(set) var workspaceBytes = 0
    }

    /// Forms the next batch, marks its samples as being evaluated, and charges their jobs.
    ///
    /// - Parameters:
    ///   - worker: who asks; it evaluates nothing now.
    ///   - freeWorkers: workers with nothing to do, the asking one included; samples of one key are shared among them
    ///     where there aren't other keys enough to keep them busy.
    ///   - maximumBatch: the most samples of a key in a batch.
    ///   - secondsNeeded: how long the rest of a job takes, where that is known.
    /// - Returns: nil where nothing can run now.
    package mutating func nextBatch(
        for worker: Int = 0, now: ContinuousClock.Instant, freeWorkers: Int, maximumBatch: (Key) -> Int,
        secondsNeeded: (QueuedJob<Key>) -> Double?
    ) -> Batch? {
        advanceVirtualClock()
        for position in active.indices {
            active[position].isUrgent = isUrgent(active[position], now: now, secondsNeeded: secondsNeeded)
        }
        var admitting = true
        var passedOver: [Int] = []
        for position in active.indices.sorted(by: { active[$0].goes(before: active[$1]) }) {
            let job = active[position]
            guard let candidate = job.candidate(admitting: admitting) else { continue }
            let verdict = verdict(on: candidate, of: job, worker: worker)
            if verdict == .fits {
                for held in passedOver { active[held].timesPassedOver += 1 }
                return formBatch(
                    for: worker, with: candidate, at: position, admitting: admitting, freeWorkers: freeWorkers,
                    maximumBatch: maximumBatch)
            }
            // A job that is being served has no claim to hold others back for more.
            guard !job.isEvaluating, !candidate.isFresh || job.flights.isEmpty else { continue }
            if job.timesPassedOver >= Self.maximumTimesPassedOver {
                // Evaluations under way end by themselves; samples in flight only if they're advanced.
                if verdict == .lacksRoomToEvaluate { return nil }
                admitting = false
            }
            passedOver.append(position)
        }
        return nil
    }

    /// Whether some sample could be advanced if memory allowed it.
    package var hasRunnable: Bool { active.contains { $0.candidate(admitting: true) != nil } }

    private func isUrgent(
        _ job: QueuedJob<Key>, now: ContinuousClock.Instant, secondsNeeded: (QueuedJob<Key>) -> Double?
    ) -> Bool {
        guard let deadline = job.deadline, let seconds = secondsNeeded(job) else { return false }
        return now.duration(to: deadline).inSeconds < 2 * seconds
    }

    private func verdict(
        on candidate: QueuedJob<Key>.Candidate, of job: QueuedJob<Key>, worker: Int
    ) -> MemoryLedger.Verdict {
        let outline = job.outlines[candidate.index]
        return candidate.isFresh
            ? memory.verdict(admitting: outline, isFirstOfJob: job.flights.isEmpty, on: worker)
            : memory.verdict(evaluating: outline, on: worker)
    }

    private mutating func formBatch(
        for worker: Int, with leader: QueuedJob<Key>.Candidate, at position: Int, admitting: Bool, freeWorkers: Int,
        maximumBatch: (Key) -> Int
    ) -> Batch {
        let key = active[position].outlines[leader.index].key
        advanceVirtualClock(byTurnOf: active[position], cost: active[position].outlines[leader.index].cost)
        let capacity = capacity(
            for: key, maximum: max(1, maximumBatch(key)), admitting: admitting, freeWorkers: freeWorkers)
        var batch = Batch(key: key, worker: worker, members: [take(leader, at: position, by: worker)])
        while batch.members.count < capacity,
            let (position, candidate) = rider(for: key, on: worker, admitting: admitting)
        {
            batch.members.append(take(candidate, at: position, by: worker))
        }
        batch.workspaceBytes = memory.fitWorkspace(of: worker)
        return batch
    }

    private func capacity(for key: Key, maximum: Int, admitting: Bool, freeWorkers: Int) -> Int {
        guard freeWorkers > 1 else { return maximum }
        var same = 0
        var other = 0
        for job in active {
            let runnable = job.runnable(of: key, admitting: admitting)
            same += runnable.same
            other += runnable.other
        }
        let sharers = 1 + max(0, freeWorkers - 1 - other)
        return min(maximum, max(1, (same + sharers - 1) / sharers))
    }

    /// The next sample of this key in the order of the jobs.
    private func rider(for key: Key, on worker: Int, admitting: Bool) -> (Int, QueuedJob<Key>.Candidate)? {
        var best: (position: Int, candidate: QueuedJob<Key>.Candidate)?
        for (position, job) in active.enumerated() {
            if let best, !job.goes(before: active[best.position]) { continue }
            guard let candidate = job.candidate(of: key, admitting: admitting),
                verdict(on: candidate, of: job, worker: worker) == .fits
            else { continue }
            best = (position, candidate)
        }
        return best
    }

    private mutating func take(
        _ candidate: QueuedJob<Key>.Candidate, at position: Int, by worker: Int
    ) -> Batch.Member {
        let outline = active[position].outlines[candidate.index]
        if candidate.isFresh {
            memory.admit(outline)
            active[position].nextIndex += 1
            active[position].flights.append(
                .init(index: candidate.index, stepsLeft: outline.steps, state: .evaluating, worker: worker))
        } else if let flight = active[position].flights.firstIndex(where: { $0.index == candidate.index }) {
            active[position].flights[flight].state = .evaluating
            active[position].flights[flight].worker = worker
        }
        memory.beginEvaluation(of: outline, on: worker)
        active[position].timesPassedOver = 0
        active[position].virtualTime += outline.cost / (active[position].isUrgent ? Self.urgentWeight : 1)
        return .init(sample: SampleID(job: active[position].id, index: candidate.index), isFresh: candidate.isFresh)
    }
}

extension Duration {
    /// The duration as a number of seconds.
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
