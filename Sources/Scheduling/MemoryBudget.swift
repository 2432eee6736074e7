import Synchronization

/// Bounds the bytes that all requests together hold: uploads, decoded pictures and answers that have not left.
///
/// Uploads leave free what work takes (`workReserve`), so that work finds room in the end, however many uploads wait.
/// Who waits for room is told when some becomes free.
///
/// The mutex guards the number of bytes reserved and whom to tell; reservations give theirs back when they go.
package final class MemoryBudget: Sendable {
    /// There is no room now.
    package struct Exhausted: Error, Sendable, Equatable {
        package init() {}
    }

    private struct State {
        var reserved = 0
        var onRelease: [@Sendable () -> Void] = []
    }

    package let limit: Int
    /// What uploads leave free.
    private let workReserve: Int
    private let state = Mutex(State())

    /// - Parameters:
    ///   - limit: bytes.
    ///   - workReserve: bytes of it that only work may take.
    package init(limit: Int, workReserve: Int = 0) {
        self.limit = limit
        self.workReserve = min(max(0, workReserve), max(0, limit))
    }

    /// Bytes reserved now.
    package var used: Int { state.withLock { $0.reserved } }

    /// A reservation of nothing yet.
    package func reservation() -> Reservation { Reservation(of: self) }

    /// Calls `body` whenever bytes have been given back, on the thread that gave them back. It must be quick.
    package func onRelease(_ body: @escaping @Sendable () -> Void) {
        state.withLock { $0.onRelease.append(body) }
    }

    fileprivate func take(_ bytes: Int, upTo limit: Int) -> Bool {
        state.withLock { state in
            let (sum, overflow) = state.reserved.addingReportingOverflow(bytes)
            guard !overflow, sum <= limit else { return false }
            state.reserved = sum
            return true
        }
    }

    fileprivate func giveBack(_ bytes: Int) {
        guard bytes > 0 else { return }
        let listeners = state.withLock { state in
            state.reserved -= bytes
            return state.onRelease
        }
        for listener in listeners { listener() }
    }

    /// One holder's share, given back when the last reference goes. Only one task at a time changes it; the mutex
    /// guards its size.
    package final class Reservation: Sendable {
        private let budget: MemoryBudget
        private let held = Mutex(0)

        fileprivate init(of budget: MemoryBudget) {
            self.budget = budget
        }

        deinit {
            budget.giveBack(bytes)
        }

        /// The size of this share.
        package var bytes: Int { held.withLock { $0 } }

        /// Adds bytes of an upload to this share.
        ///
        /// - Throws: where they don't fit; the share then stays as it was.
        package func grow(by bytes: Int) throws(Exhausted) {
            guard budget.take(bytes, upTo: budget.limit - budget.workReserve) else { throw Exhausted() }
            held.withLock { $0 += bytes }
        }

        /// Makes this share at least what work takes, where there is room for it now. Calls nobody back.
        ///
        /// - Returns: false where there isn't; the share then stays as it was.
        package func growForWork(to bytes: Int) -> Bool {
            let more = max(0, bytes - self.bytes)
            guard budget.take(more, upTo: budget.limit) else { return false }
            held.withLock { $0 += more }
            return true
        }

        /// Gives back what is over a number of bytes.
        package func shrink(to bytes: Int) {
            let surplus = max(0, self.bytes - bytes)
            held.withLock { $0 -= surplus }
            budget.giveBack(surplus)
        }
    }
}
