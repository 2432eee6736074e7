import Dispatch
import Engine
import Images
import Synchronization

/// Runs decoders and encoders on a few threads of its own, so that neither sockets nor Swift's cooperative pool wait
/// for them.
///
/// The mutex guards the number of running codecs and those that wait.
final class CodecQueue: Sendable {
    private struct State {
        var running = 0
        var waiting: [@Sendable () -> Void] = []
    }

    private let width: Int
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "codec", qos: .userInitiated, attributes: .concurrent)

    /// - Parameter width: how many decoders and encoders run at the same time, from 1.
    init(width: Int, now: @escaping @Sendable () -> ContinuousClock.Instant) {
        precondition(width > 0)
        self.width = width
        self.now = now
    }

    /// Runs `work` when a thread is free. Work whose task is cancelled, or whose deadline passes, before its turn never
    /// starts.
    ///
    /// - Parameters:
    ///   - deadline: when the answer is no longer wanted.
    ///   - isBegun: whether other work on the request was done before, which is then lost.
    ///   - work: gets a closure that says whether to go on, which turns false when the task is cancelled or the
    ///     deadline passes.
    /// - Throws: what `work` throws, `CancellationError`, or `RestorationError.deadlineExceeded`.
    func run<Value: Sendable>(
        until deadline: ContinuousClock.Instant, isBegun: Bool = false,
        _ work: @escaping @Sendable (_ shouldContinue: @Sendable () -> Bool) throws -> Value
    ) async throws -> Value {
        let flag = CancelFlag()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                submit { [self] in
                    continuation.resume(
                        with: Result { try perform(work, until: deadline, isBegun: isBegun, flag: flag) })
                }
            }
        } onCancel: {
            flag.raise()
        }
    }

    private func perform<Value>(
        _ work: (_ shouldContinue: @Sendable () -> Bool) throws -> Value, until deadline: ContinuousClock.Instant,
        isBegun: Bool, flag: CancelFlag
    ) throws -> Value {
        if flag.isRaised { throw CancellationError() }
        if now() >= deadline { throw RestorationError.deadlineExceeded(whileQueued: !isBegun) }
        do {
            return try work { [now] in !flag.isRaised && now() < deadline }
        } catch ImageError.cancelled where !flag.isRaised {
            throw RestorationError.deadlineExceeded(whileQueued: false)
        }
    }

    private func submit(_ run: @escaping @Sendable () -> Void) {
        let startsNow = state.withLock { state in
            guard state.running < width else {
                state.waiting.append(run)
                return false
            }
            state.running += 1
            return true
        }
        if startsNow { queue.async { self.runAll(from: run) } }
    }

    /// Runs one and then whatever waits, giving up the place only when nothing does.
    private func runAll(from first: @escaping @Sendable () -> Void) {
        var run = first
        while true {
            run()
            let next: (@Sendable () -> Void)? = state.withLock { state in
                if state.waiting.isEmpty {
                    state.running -= 1
                    return nil
                }
                return state.waiting.removeFirst()
            }
            guard let next else { return }
            run = next
        }
    }
}

/// Says across threads that work is no longer wanted.
private final class CancelFlag: Sendable {
    private let raised = Atomic(false)

    var isRaised: Bool { raised.load(ordering: .relaxed) }

    func raise() { raised.store(true, ordering: .relaxed) }
}
