#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Threads for work that is made of parts, which may be made of parts themselves, as a network is of layers: whoever waits
/// for its own parts takes others' meanwhile. For parts of a millisecond and more; an evaluation's loops have their
/// `ThreadTeam`.
package final class JobPool: Sendable {
    /// Threads that work, a caller included: those asked for, or as many as the system gave.
    package let size: Int
    private let shared = Shared()

    /// - Parameter size: values under 1 count as 1.
    package convenience init(size: Int) {
        self.init(size: size) { name, body throws(WorkerThread.StartFailure) in
            try WorkerThread.start(name: name, body)
        }
    }

    package init(size: Int, startThread: WorkerThread.Starter) {
        var started = 1
        while started < size {
            let (name, shared) = ("load-\(started)", shared)
            do {
                try startThread(name) { shared.help() }
            } catch {
                break
            }
            started += 1
        }
        self.size = started
    }

    deinit { shared.stop() }

    /// Calls `body(part)` once for each part in `0..<count`, on any of the threads and at the same time as what others
    /// run; returns when all are done. A body may call `run` itself.
    package func run(_ count: Int, _ body: @Sendable (_ part: Int) -> Void) {
        guard size > 1, count > 1 else {
            for part in 0..<max(0, count) { body(part) }
            return
        }
        withoutActuallyEscaping(body) { shared.work(Job(count: count, body: $0)) }
    }
}

/// What is to be done for one caller. Its numbers are guarded by the pool's mutex.
private final class Job {
    let count: Int
    let body: @Sendable (Int) -> Void
    var next = 0
    var done = 0

    init(count: Int, body: @escaping @Sendable (Int) -> Void) {
        self.count = count
        self.body = body
    }
}

/// The mutex guards `jobs`, their numbers and `isStopped`; parts run without it. A job leaves `jobs` with its last part
/// taken, and its caller stays until the last part is done, so no body outlives its caller's call. Helpers keep this
/// object alive until they have seen that the pool stopped.
private final class Shared: @unchecked Sendable {
    private var jobs: [Job] = []
    private var isStopped = false
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    func work(_ job: Job) {
        pthread_mutex_lock(mutex)
        jobs.append(job)
        pthread_cond_broadcast(changed)
        while job.done < job.count {
            if !takePart(of: job.next < job.count ? job : jobs.last) { pthread_cond_wait(changed, mutex) }
        }
        pthread_mutex_unlock(mutex)
    }

    func help() {
        pthread_mutex_lock(mutex)
        while !isStopped {
            if !takePart(of: jobs.last) { pthread_cond_wait(changed, mutex) }
        }
        pthread_mutex_unlock(mutex)
    }

    func stop() {
        pthread_mutex_lock(mutex)
        isStopped = true
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
    }

    /// With the mutex held: does a part of a job without it; false where there is nothing to do.
    private func takePart(of job: Job?) -> Bool {
        guard let job else { return false }
        let part = job.next
        job.next += 1
        if job.next == job.count { jobs.removeAll { $0 === job } }
        pthread_mutex_unlock(mutex)
        job.body(part)
        pthread_mutex_lock(mutex)
        job.done += 1
        if job.done == job.count { pthread_cond_broadcast(changed) }
        return true
    }
}
