import CKernels
import Glibc
import Synchronization
package import Threads

/// The threads of one evaluation: they share out the items of a loop and meet again at its end.
///
/// One thread at a time may call `run`; it works along. Between loops the others spin briefly, since the next layer
/// mostly follows within microseconds, then sleep.
package final class ThreadTeam {
    /// Threads that work on a loop, the caller included: those asked for, or as many as the system gave.
    package let size: Int
    private let shared = Shared()

    /// Where the system gives fewer threads (a limit on processes), the team works with those it got: slower, and with
    /// the same results.
    ///
    /// - Parameter size: values under 1 count as 1.
    package convenience init(size: Int) {
        self.init(size: size) { name, body throws(WorkerThread.StartFailure) in
            try WorkerThread.start(name: name, body)
        }
    }

    package init(size: Int, startThread: WorkerThread.Starter) {
        var started = 1
        while started < size {
            let (index, shared) = (started, shared)
            do {
                try startThread("compute-\(index)") { shared.help(thread: index) }
            } catch {
                break
            }
            started += 1
        }
        self.size = started
    }

    deinit {
        shared.stop()
    }

    /// Calls `body(item, thread)` once for each item in `0..<count`, on any of the team's threads; returns when all are
    /// done. `thread` is in `0..<size` and is never used by two calls at once, so it can index scratch memory.
    package func run(_ count: Int, _ body: (_ item: Int, _ thread: Int) -> Void) {
        guard size > 1, count > 1 else {
            for item in 0..<max(0, count) { body(item, 0) }
            return
        }
        withoutActuallyEscaping(body) { body in
            shared.work(Job(count: count, body: body), helpers: size - 1)
        }
    }

    /// The same for those who need not know which thread it is.
    package func share(_ count: Int, _ body: (_ item: Int) -> Void) { run(count) { item, _ in body(item) } }
}

private struct Job {
    let count: Int
    let body: (Int, Int) -> Void
}

/// What the threads of a team share. `job` is written by the caller before it raises `generation` (releasing) and read
/// by helpers after they saw it raised (acquiring); the caller writes it again only after every helper has checked in
/// through `remaining`. The mutex guards sleeping only. Helpers keep this object alive until they have seen that the team
/// stopped.
private final class Shared: @unchecked Sendable {
    private var job: Job?
    private let generation = Atomic<Int>(0)
    private let next = Atomic<Int>(0)
    private let remaining = Atomic<Int>(0)
    private let stopped = Atomic<Bool>(false)
    private let sleepers = Atomic<Int>(0)
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let raised = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let finished = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(raised, nil)
        pthread_cond_init(finished, nil)
    }

    deinit {
        pthread_cond_destroy(finished)
        pthread_cond_destroy(raised)
        pthread_mutex_destroy(mutex)
        finished.deallocate()
        raised.deallocate()
        mutex.deallocate()
    }

    func work(_ job: Job, helpers: Int) {
        self.job = job
        next.store(0, ordering: .relaxed)
        remaining.store(helpers, ordering: .relaxed)
        raise()
        take(from: job, thread: 0)
        if !spin(until: { remaining.load(ordering: .acquiring) == 0 }) {
            pthread_mutex_lock(mutex)
            while remaining.load(ordering: .acquiring) != 0 { pthread_cond_wait(finished, mutex) }
            pthread_mutex_unlock(mutex)
        }
        self.job = nil
    }

    func help(thread: Int) {
        var seen = 0
        while true {
            waitForGeneration(after: seen)
            seen = generation.load(ordering: .acquiring)
            if stopped.load(ordering: .acquiring) { return }
            if let job { take(from: job, thread: thread) }
            if remaining.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 {
                pthread_mutex_lock(mutex)
                pthread_cond_signal(finished)
                pthread_mutex_unlock(mutex)
            }
        }
    }

    func stop() {
        stopped.store(true, ordering: .releasing)
        raise()
    }

    private func take(from job: Job, thread: Int) {
        while true {
            let item = next.add(1, ordering: .relaxed).oldValue
            if item >= job.count { return }
            job.body(item, thread)
        }
    }

    private func raise() {
        generation.add(1, ordering: .sequentiallyConsistent)
        if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
            pthread_mutex_lock(mutex)
            pthread_cond_broadcast(raised)
            pthread_mutex_unlock(mutex)
        }
    }

    private func waitForGeneration(after seen: Int) {
        if spin(until: { generation.load(ordering: .acquiring) != seen }) { return }
        pthread_mutex_lock(mutex)
        sleepers.add(1, ordering: .sequentiallyConsistent)
        while generation.load(ordering: .sequentiallyConsistent) == seen { pthread_cond_wait(raised, mutex) }
        sleepers.subtract(1, ordering: .sequentiallyConsistent)
        pthread_mutex_unlock(mutex)
    }

    /// Some tens of microseconds; longer would take the core from those who have work.
    private func spin(until done: () -> Bool) -> Bool {
        for _ in 0..<4000 {
            if done() { return true }
            kernel_pause()
        }
        return done()
    }
}
