// One evaluation, from the worker's side: `assign` hands it a batch, `report` takes the advanced samples back, and
// `retire` follows for each that was finished.

extension SchedulerState {
    /// What a worker does next.
    enum Turn {
        case evaluate
        /// Let go of the memory that it keeps: somebody's evaluation needs it.
        case rest
        case sleep
        case exit
    }

    /// Gives a worker its next batch, in `assignment`, where there is one.
    mutating func assign(
        _ assignment: inout Assignment?, to worker: Int, now: ContinuousClock.Instant, maximumBatch: (Key) -> Int,
        effects: inout Effects<Evaluator>
    ) -> Turn {
        for job in queue.active + queue.waiting {
            if let deadline = job.deadline, deadline <= now { expire(job.id, effects: &effects) }
        }
        let batch = queue.nextBatch(
            for: worker, now: now, freeWorkers: evaluationStarts.count { $0 == nil }, maximumBatch: maximumBatch,
            secondsNeeded: { job in times.seconds(for: job.remaining) })
        guard let batch else {
            if phase == .stopped {
                liveWorkers -= 1
                releaseWaiters(effects: &effects)
                return .exit
            }
            if queue.hasRunnable, queue.memory.hasIdleWorkspaces {
                if queue.memory.keepsIdleMemory(worker) { return .rest }
                // They find nothing to do either, and let go of what they keep.
                let keepers = idleWorkers.filter(queue.memory.keepsIdleMemory)
                idleWorkers.subtract(keepers)
                effects.workersToWake += keepers
            }
            idleWorkers.insert(worker)
            return .sleep
        }
        evaluationStarts[worker] = now
        var members: [Assignment.Member] = []
        for member in batch.members {
            guard let job = records[member.sample.job]?.job else { continue }
            records[member.sample.job]?.hands += 1
            let value = records[member.sample.job]?.samples.removeValue(forKey: member.sample.index)
            members.append(.init(sample: member.sample, job: job, value: value))
        }
        assignment = Assignment(key: batch.key, members: members, workspaceBytes: batch.workspaceBytes)
        wakeWorker(effects: &effects)
        return .evaluate
    }

    /// Books an evaluation that ended, and takes its samples out of the worker's hands.
    ///
    /// - Parameter seconds: of the evaluation; nil where there was none, as no sample could be made.
    /// - Returns: the samples that had their last step, to be handed back, and the median where the step was slow.
    mutating func report(
        _ assignment: inout Assignment, worker: Int, seconds: Double?, evaluationFailure: (any Error)?,
        effects: inout Effects<Evaluator>
    ) -> (finished: [Assignment.Member], slowMedian: Double?) {
        evaluationStarts[worker] = nil
        let slowMedian = seconds.flatMap { count(assignment, seconds: $0, succeeded: evaluationFailure == nil) }
        var finished: [Assignment.Member] = []
        var advanced: Set<Int> = []
        for member in assignment.members {
            let id = member.sample.job
            if let failure = member.failure ?? evaluationFailure {
                queue.abandonStep(of: member.sample)
                // Kept with the job until it is settled, or another thread could settle it before the sample is gone.
                records[id]?.samples[member.sample.index] = member.value
                release(id)
                end(id, .failure(.failed(failure)), effects: &effects)
            } else {
                let isLast = queue.completeStep(of: member.sample)
                records[id]?.completedSteps += 1
                advanced.insert(id)
                if isLast, records[id]?.outcome == nil {
                    finished.append(member)
                    continue
                }
                records[id]?.samples[member.sample.index] = member.value
                release(id)
            }
            settle(id, effects: &effects)
        }
        assignment.members = []
        let seconds = secondsLeft()
        for id in advanced { noteRunning(id, seconds: seconds, effects: &effects) }
        if !finished.isEmpty { wakeWorker(effects: &effects) }
        return (finished, slowMedian)
    }

    /// - Returns: the median seconds of a sample's step, where this evaluation was slow measured by it.
    private mutating func count(_ assignment: Assignment, seconds: Double, succeeded: Bool) -> Double? {
        let members = assignment.members.filter { $0.failure == nil }
        counters.evaluations += 1
        counters.batchSizes.add(Double(members.count))
        counters.evaluationSeconds.add(seconds)
        guard succeeded, let first = members.first, let outline = queue.outline(of: first.sample) else { return nil }
        counters.sampleSteps += members.count
        return times.record(
            seconds: seconds, samples: members.count, of: assignment.key,
            costPerSample: outline.cost)
    }

    /// Strikes a sample off that was handed back; with the last one its job is complete.
    mutating func retire(
        _ sample: SampleID, result: Result<JobDirection<Key>, any Error>, now: ContinuousClock.Instant,
        effects: inout Effects<Evaluator>
    ) {
        let id = sample.job
        if case .success(.extend(let outlines)) = result {
            queue.extend(id, by: outlines)
            records[id]?.totalSteps += outlines.reduce(0) { $0 + $1.steps }
        }
        var isOver = queue.retire(sample)
        if case .success(.complete) = result { isOver = true }
        release(id)
        switch result {
        case .failure(let error):
            end(id, .failure(.failed(error)), effects: &effects)
        case .success where isOver:
            if let record = records[id], record.outcome == nil {
                jobSeconds.add(record.submitted.duration(to: now).inSeconds)
            }
            end(id, .success(()), effects: &effects)
        case .success:
            break
        }
        settle(id, effects: &effects)
        wakeWorker(effects: &effects)
    }

    private mutating func release(_ id: Int) { records[id]?.hands -= 1 }
}
