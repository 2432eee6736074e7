import Synchronization

/// Bounds the bytes that all requests together hold: uploads, decoded pictures and answers that have not left.
///
/// Work has a part that uploads and answers leave free, so that it always finds room in the end, however many wait; and
/// it leaves the rest to them, so that uploads are taken while work is under way. Only work that its part can't hold
/// takes more, when no other is under way: what waits is promised that room when it is accepted, and later uploads leave
/// it. Those who wait for room are told when some becomes free.
///
/// The mutex guards the sums and whom to tell; reservations give theirs back when they go.
package final class MemoryBudget: Sendable {
    /// There is no room now.
    package struct Exhausted: Error, Sendable, Equatable {
        package init() {}
    }

    private struct State {
        var reserved = 0
        /// Of these, what is reserved for work.
        var working = 0
        var works = 0
        /// What those that wait take at their turn, their files included, and how many take it: room promised to them.
        var expected: [Int: Int] = [:]
        var onRelease: [@Sendable () -> Void] = []
    }

    fileprivate struct Share {
        var bytes = 0
        var isWork = false
        /// What an upload that waits for its turn takes then.
        var expected: Int?

        var workBytes: Int { isWork ? bytes : 0 }
    }

    package let limit: Int
    /// Work's part.
    private let workReserve: Int
    private let state = Mutex(State())

    /// - Parameters:
    ///   - limit: bytes.
    ///   - workReserve: bytes of it that only work may take.
    package init(limit: Int, workReserve: Int) {
        self.limit = limit
        self.workReserve = min(max(0, workReserve), max(0, limit))
    }

    /// Bytes reserved now.
    package var used: Int { state.withLock { $0.reserved } }

    /// A reservation of nothing yet.
    package func reservation() -> Reservation { Reservation(of: self) }

    /// Calls `body` whenever room has become free, on the thread that freed it. It must be quick.
    package func onRelease(_ body: @escaping @Sendable () -> Void) {
        state.withLock { $0.onRelease.append(body) }
    }

    /// - Returns: false where there is no room for that; nothing is changed then.
    fileprivate func change(_ old: Share, to new: Share) -> Bool {
        let isBegun = new.isWork && !old.isWork
        let isEnded = old.isWork && !new.isWork
        let listeners: [@Sendable () -> Void]? = state.withLock { state in
            let others = state.reserved - old.bytes
            let otherWork = state.working - old.workBytes
            if new.bytes > old.bytes {
                guard new.bytes <= limit - others else { return nil }
                let forWork = max(workReserve, state.expected.keys.max() ?? 0)
                guard new.isWork || new.bytes <= limit - forWork - (others - otherWork) else { return nil }
            }
            if let expected = new.expected, old.expected == nil {
                guard expected <= limit - (others - otherWork) else { return nil }
            }
            guard !isBegun || state.works == 0 || new.bytes <= workReserve - otherWork else { return nil }
            state.reserved = others + new.bytes
            state.working = otherWork + new.workBytes
            state.works += (isBegun ? 1 : 0) - (isEnded ? 1 : 0)
            if let expected = new.expected { state.expected[expected, default: 0] += 1 }
            if let expected = old.expected {
                let left = state.expected[expected, default: 1] - 1
                state.expected[expected] = left > 0 ? left : nil
            }
            return isEnded || new.bytes < old.bytes ? state.onRelease : []
        }
        listeners?.forEach { $0() }
        return listeners != nil
    }

    /// One holder's share, given back when the last reference goes. Only one task at a time changes it; the mutex
    /// guards it.
    package final class Reservation: Sendable {
        private let budget: MemoryBudget
        private let share = Mutex(Share())

        fileprivate init(of budget: MemoryBudget) {
            self.budget = budget
        }

        deinit {
            _ = budget.change(share.withLock { $0 }, to: Share())
        }

        /// The size of this share.
        package var bytes: Int { share.withLock { $0.bytes } }

        /// Adds bytes of an upload to this share.
        ///
        /// - Throws: where they don't fit; the share then stays as it was.
        package func grow(by bytes: Int) throws(Exhausted) {
            let (sum, overflow) = self.bytes.addingReportingOverflow(bytes)
            guard !overflow, change({ $0.bytes = sum }) else { throw Exhausted() }
        }

        /// The upload is complete and waits for its turn. From now on uploads leave room for what it takes then.
        ///
        /// - Throws: where those that are there already leave too little.
        package func await(work bytes: Int) throws(Exhausted) {
            guard change({ $0.expected = bytes }) else { throw Exhausted() }
        }

        /// Makes this share one of work, of at least what that takes, where there is room for it now. Calls nobody back.
        ///
        /// - Returns: false where there isn't; the share then stays as it was.
        package func growForWork(to bytes: Int) -> Bool {
            change { $0 = Share(bytes: max($0.bytes, bytes), isWork: true) }
        }

        /// Gives back what is over a number of bytes.
        package func shrink(to bytes: Int) {
            _ = change { $0.bytes = min($0.bytes, bytes) }
        }

        /// Gives work's part back, but for an answer of so many bytes at most that is to leave.
        package func endWork(keeping bytes: Int) {
            _ = change { $0 = Share(bytes: min($0.bytes, bytes)) }
        }

        private func change(_ body: (inout Share) -> Void) -> Bool {
            let old = share.withLock { $0 }
            var new = old
            body(&new)
            guard budget.change(old, to: new) else { return false }
            share.withLock { $0 = new }
            return true
        }
    }
}
