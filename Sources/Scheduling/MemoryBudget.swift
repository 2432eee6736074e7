import Synchronization

/// Bounds the bytes that all requests together hold: uploads, decoded pictures and answers that have not left.
///
/// Uploads may fill it but for what the work on one of them takes, so that work always finds room in the end, however many
/// wait. What is under way takes the rest at its turn, and those who wait for it are told when some becomes free.
///
/// The mutex guards the numbers and whom to tell; reservations give their bytes back when they go.
package final class MemoryBudget: Sendable {
    /// There is no room now.
    package struct Exhausted: Error, Sendable, Equatable {
        package init() {}
    }

    fileprivate struct State {
        var reserved = 0
        /// What uploads hold of that, those that wait for their turn included.
        var uploads = 0
        /// What each of those that wait takes at its turn, the upload's own bytes included, and how many take it.
        var expected: [Int: Int] = [:]
        var onRelease: [@Sendable () -> Void] = []
    }

    package let limit: Int
    /// What uploads leave free, at least.
    private let workReserve: Int
    fileprivate let state = Mutex(State())

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

    /// One holder's share, given back when the last reference goes: first an upload's, then that of the work on it. Only
    /// one task at a time changes it; the mutex guards its size and stage.
    package final class Reservation: Sendable {
        private enum Stage {
            case upload
            /// An upload that takes so much at its turn.
            case waiting(Int)
            case work
        }

        private struct Share {
            var bytes = 0
            var stage = Stage.upload
        }

        private let budget: MemoryBudget
        private let share = Mutex(Share())

        fileprivate init(of budget: MemoryBudget) {
            self.budget = budget
        }

        deinit {
            let share = share.withLock { $0 }
            budget.giveBack(share.bytes) { state in
                if case .work = share.stage { return }
                state.uploads -= share.bytes
                if case .waiting(let expected) = share.stage { state.forget(expected) }
            }
        }

        /// The size of this share.
        package var bytes: Int { share.withLock { $0.bytes } }

        /// Adds bytes of an upload to this share.
        ///
        /// - Throws: where they don't fit; the share then stays as it was.
        package func grow(by bytes: Int) throws(Exhausted) {
            guard budget.takeForUpload(bytes) else { throw Exhausted() }
            share.withLock { $0.bytes += bytes }
        }

        /// The upload is complete and waits for its turn. From now on uploads leave room for what it takes then.
        ///
        /// - Throws: where those that are there already leave too little.
        package func await(work bytes: Int) throws(Exhausted) {
            guard budget.expect(bytes, insteadOf: self.bytes) else { throw Exhausted() }
            share.withLock { $0.stage = .waiting(bytes) }
        }

        /// Makes this share at least what work takes, where there is room for it now. Calls nobody back.
        ///
        /// - Returns: false where there isn't; the share then stays as it was.
        package func growForWork(to bytes: Int) -> Bool {
            let current = share.withLock { $0 }
            let more = max(0, bytes - current.bytes)
            let isTaken = budget.state.withLock { state in
                let (sum, overflow) = state.reserved.addingReportingOverflow(more)
                guard !overflow, sum <= budget.limit else { return false }
                state.reserved = sum
                if case .work = current.stage { return true }
                state.uploads -= current.bytes
                if case .waiting(let expected) = current.stage { state.forget(expected) }
                return true
            }
            if isTaken { share.withLock { $0 = Share(bytes: current.bytes + more, stage: .work) } }
            return isTaken
        }

        /// Gives back what is over a number of bytes.
        package func shrink(to bytes: Int) {
            let (surplus, isUpload) = share.withLock { share in
                let surplus = max(0, share.bytes - bytes)
                share.bytes -= surplus
                if case .work = share.stage { return (surplus, false) } else { return (surplus, true) }
            }
            budget.giveBack(surplus) { if isUpload { $0.uploads -= surplus } }
        }
    }
}

extension MemoryBudget {
    fileprivate func takeForUpload(_ bytes: Int) -> Bool {
        state.withLock { state in
            let (sum, overflow) = state.reserved.addingReportingOverflow(bytes)
            let forWork = max(workReserve, state.expected.keys.max() ?? 0)
            guard !overflow, sum <= limit - workReserve, state.uploads + bytes <= limit - forWork else { return false }
            state.reserved = sum
            state.uploads += bytes
            return true
        }
    }

    fileprivate func expect(_ bytes: Int, insteadOf uploaded: Int) -> Bool {
        state.withLock { state in
            guard state.uploads - uploaded + bytes <= limit else { return false }
            state.expected[bytes, default: 0] += 1
            return true
        }
    }

    fileprivate func giveBack(_ bytes: Int, _ change: (inout State) -> Void) {
        let listeners = state.withLock { state in
            state.reserved -= bytes
            change(&state)
            return bytes > 0 ? state.onRelease : []
        }
        for listener in listeners { listener() }
    }
}

extension MemoryBudget.State {
    fileprivate mutating func forget(_ expected: Int) {
        let left = self.expected[expected, default: 1] - 1
        self.expected[expected] = left > 0 ? left : nil
    }
}
