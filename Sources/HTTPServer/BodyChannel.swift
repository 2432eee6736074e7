import HTTPWire
import Synchronization

/// A request's body on its way from the connection's queue to the task that reads it: slices of the buffers that they
/// were received in. The mutex guards all of it; continuations are resumed and the connection is told outside of it.
final class BodyChannel: RequestBody, Sendable {
    private typealias Outcome = Result<ArraySlice<UInt8>?, RequestBodyError>

    private struct State: Sendable {
        /// What no one has taken yet.
        var waiting: [ArraySlice<UInt8>] = []
        var byteCount = 0
        var ending: Outcome?
        var waiter: CheckedContinuation<Outcome, Never>?
        /// Whether the connection waits to be told that bytes are wanted.
        var isPaused = false

        /// Whether as much as a share of both high-water marks waits.
        func holds(oneOf parts: Int) -> Bool {
            byteCount > BodyChannel.highWater / parts || waiting.count > BodyChannel.pieceHighWater / parts
        }
    }

    /// The connection stops reading with more than that waiting, in bytes.
    static let highWater = 131_072
    /// Or with more pieces than that: a body of one-byte chunks must not cost a long list of them.
    static let pieceHighWater = 64

    let declaredByteCount: Int?
    private let state = Mutex(State())
    private let onDemand: @Sendable () -> Void

    /// - Parameters:
    ///   - isPaused: whether the connection waits for the first demand.
    ///   - onDemand: called where the connection is paused and bytes are wanted.
    init(declaredByteCount: Int?, isPaused: Bool, onDemand: @escaping @Sendable () -> Void) {
        self.declaredByteCount = declaredByteCount
        self.onDemand = onDemand
        state.withLock { $0.isPaused = isPaused }
    }

    func next() async throws(RequestBodyError) -> ArraySlice<UInt8>? {
        let outcome = await withCheckedContinuation { (continuation: CheckedContinuation<Outcome, Never>) in
            let (outcome, wantsMore) = state.withLock { state -> (Outcome?, Bool) in
                var outcome: Outcome?
                if !state.waiting.isEmpty {
                    let piece = state.waiting.removeFirst()
                    state.byteCount -= piece.count
                    outcome = .success(piece)
                } else if let ending = state.ending {
                    outcome = ending
                } else if state.waiter != nil {
                    outcome = .failure(.malformed("a body must be read by one task at a time"))
                } else {
                    state.waiter = continuation
                }
                // Asked for while some still waits, so that more has come when that is taken.
                let wantsMore = state.isPaused && state.ending == nil && !state.holds(oneOf: 2)
                if wantsMore { state.isPaused = false }
                return (outcome, wantsMore)
            }
            if wantsMore { onDemand() }
            if let outcome { continuation.resume(returning: outcome) }
        }
        return try outcome.get()
    }

    /// Adds bytes.
    ///
    /// - Returns: whether the connection may read on; else it is told when to.
    func supply(_ bytes: ArraySlice<UInt8>) -> Bool {
        let (waiter, mayGoOn) = state.withLock { state -> (CheckedContinuation<Outcome, Never>?, Bool) in
            if state.ending != nil { return (nil, true) }
            if let waiter = state.waiter {
                state.waiter = nil
                return (waiter, true)
            }
            state.waiting.append(bytes)
            state.byteCount += bytes.count
            state.isPaused = state.holds(oneOf: 1)
            return (nil, !state.isPaused)
        }
        waiter?.resume(returning: .success(bytes))
        return mayGoOn
    }

    /// Says that all bytes have been supplied.
    func finish() {
        end(.success(nil), dropping: false)
    }

    /// Ends the body early. Bytes that no one has taken yet are dropped.
    func fail(_ error: RequestBodyError) {
        end(.failure(error), dropping: true)
    }

    private func end(_ ending: Outcome, dropping: Bool) {
        let waiter = state.withLock { state -> CheckedContinuation<Outcome, Never>? in
            guard state.ending == nil else { return nil }
            state.ending = ending
            if dropping { state.waiting = [] }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: ending)
    }
}
