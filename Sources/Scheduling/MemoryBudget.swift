import Synchronization

/// Bounds the bytes that all requests together hold: uploads, decoded pictures and answers that have not left.
///
/// Uploads that wait may fill it but for what one picture's work takes, so that work always finds room in the end, however
/// many wait. What is under way takes the rest at its turn, and those who wait for it are told when some becomes free.
///
/// The mutex guards the numbers of bytes and whom to tell; reservations give theirs back when they go.
package final class MemoryBudget: Sendable {
    /// There is no room now.
    package struct Exhausted: Error, Sendable, Equatable {
        package init() {}
    }

    private struct State {
        var reserved = 0
        /// Of these, what uploads hold that no work has begun on.
        var uploaded = 0
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

    /// - Parameter uploaded: what changes in the bytes that uploads hold.
    fileprivate func take(_ bytes: Int, uploaded: Int) -> Bool {
        state.withLock { state in
            let (sum, overflow) = state.reserved.addingReportingOverflow(bytes)
            guard !overflow, sum <= limit, uploaded <= 0 || state.uploaded + uploaded <= limit - workReserve else {
                return false
            }
            state.reserved = sum
            state.uploaded += uploaded
            return true
        }
    }

    fileprivate func giveBack(_ bytes: Int, uploaded: Int) {
        guard bytes > 0 else { return }
        let listeners = state.withLock { state in
            state.reserved -= bytes
            state.uploaded -= uploaded
            return state.onRelease
        }
        for listener in listeners { listener() }
    }

    /// One holder's share, given back when the last reference goes. Only one task at a time changes it; the mutex
    /// guards its size.
    package final class Reservation: Sendable {
        private struct Share {
            var bytes = 0
            /// Of these, what came in before any work.
            var uploaded = 0
        }

        private let budget: MemoryBudget
        private let held = Mutex(Share())

        fileprivate init(of budget: MemoryBudget) {
            self.budget = budget
        }

        deinit {
            shrink(to: 0)
        }

        /// The size of this share.
        package var bytes: Int { held.withLock { $0.bytes } }

        /// Adds bytes of an upload to this share.
        ///
        /// - Throws: where they don't fit; the share then stays as it was.
        package func grow(by bytes: Int) throws(Exhausted) {
            guard budget.take(bytes, uploaded: bytes) else { throw Exhausted() }
            held.withLock { $0 = Share(bytes: $0.bytes + bytes, uploaded: $0.uploaded + bytes) }
        }

        /// Makes this share at least what work takes, where there is room for it now. Calls nobody back.
        ///
        /// - Returns: false where there isn't; the share then stays as it was.
        package func growForWork(to bytes: Int) -> Bool {
            let share = held.withLock { $0 }
            let more = max(0, bytes - share.bytes)
            guard budget.take(more, uploaded: -share.uploaded) else { return false }
            held.withLock { $0 = Share(bytes: share.bytes + more) }
            return true
        }

        /// Gives back what is over a number of bytes.
        package func shrink(to bytes: Int) {
            let share = held.withLock { $0 }
            let rest = Share(bytes: min(share.bytes, bytes), uploaded: min(share.uploaded, bytes))
            held.withLock { $0 = rest }
            budget.giveBack(share.bytes - rest.bytes, uploaded: share.uploaded - rest.uploaded)
        }
    }
}
