import Dispatch
import Synchronization

/// Runs decoders and encoders on a few threads of its own, so that neither sockets nor Swift's cooperative pool wait
/// for them.
///
/// The mutex guards the number of running pieces of work and those that wait.
final class CodecQueue: Sendable {
    private struct State {
        var running = 0
        var waiting: [@Sendable () -> Void] = []
    }

    private let width: Int
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "codec", qos: .userInitiated, attributes: .concurrent)

    /// - Parameter width: how many pieces of work run at the same time, from 1.
    init(width: Int) {
        precondition(width > 0)
        self.width = width
    }

    /// Runs `work` when a thread is free. Work whose task is cancelled before its turn never starts.
    ///
    /// - Parameter work: gets a closure that says whether to go on, which turns false when the task is cancelled.
    /// - Throws: what `work` throws, or `CancellationError`.
    func run<Value: Sendable>(
        _ work: @escaping @Sendable (_ shouldContinue: @Sendable () -> Bool) throws -> Value
    ) async throws -> Value {
        let flag = CancelFlag()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                submit {
                    continuation.resume(
                        with: Result {
                            if flag.isRaised { throw CancellationError() }
                            return try work { !flag.isRaised }
                        })
                }
            }
        } onCancel: {
            flag.raise()
        }
    }

    private func submit(_ piece: @escaping @Sendable () -> Void) {
        let startsNow = state.withLock { state in
            guard state.running < width else {
                state.waiting.append(piece)
                return false
            }
            state.running += 1
            return true
        }
        if startsNow { queue.async { self.runAll(from: piece) } }
    }

    /// Runs a piece and then whatever waits, giving up the place only when nothing does.
    private func runAll(from first: @escaping @Sendable () -> Void) {
        var piece = first
        while true {
            piece()
            let next: (@Sendable () -> Void)? = state.withLock { state in
                if state.waiting.isEmpty {
                    state.running -= 1
                    return nil
                }
                return state.waiting.removeFirst()
            }
            guard let next else { return }
            piece = next
        }
    }
}

/// Says across threads that work is no longer wanted.
private final class CancelFlag: Sendable {
    private let raised = Atomic(false)

    var isRaised: Bool { raised.load(ordering: .relaxed) }

    func raise() { raised.store(true, ordering: .relaxed) }
}
