import Synchronization

/// Bounds the bytes that all requests together hold in bodies, decoded pictures and answers that have not left.
///
/// The mutex guards the number of bytes reserved; reservations give theirs back when they go.
package final class MemoryBudget: Sendable {
    package let limit: Int
    private let reserved = Mutex(0)

    package init(limit: Int) {
        self.limit = limit
    }

    /// Bytes reserved now.
    package var used: Int { reserved.withLock { $0 } }

    /// A reservation of nothing yet.
    func reservation() -> Reservation { Reservation(of: self) }

    fileprivate func take(_ bytes: Int) -> Bool {
        reserved.withLock { reserved in
            let (sum, overflow) = reserved.addingReportingOverflow(bytes)
            guard !overflow, sum <= limit else { return false }
            reserved = sum
            return true
        }
    }

    fileprivate func giveBack(_ bytes: Int) {
        reserved.withLock { $0 -= bytes }
    }

    /// One holder's share, given back when the last reference goes. Only one task at a time changes it; the mutex
    /// guards its size.
    final class Reservation: Sendable {
        private let budget: MemoryBudget
        private let held = Mutex(0)

        fileprivate init(of budget: MemoryBudget) {
            self.budget = budget
        }

        deinit {
            budget.giveBack(bytes)
        }

        /// The size of this share.
        var bytes: Int { held.withLock { $0 } }

        /// Adds bytes to this share.
        ///
        /// - Throws: `ServiceFault.memoryExhausted` where they don't fit; the share then stays as it was.
        func grow(by bytes: Int) throws(ServiceFault) {
            guard budget.take(bytes) else { throw .memoryExhausted }
            held.withLock { $0 += bytes }
        }

        /// Makes this share a given number of bytes.
        ///
        /// - Throws: `ServiceFault.memoryExhausted` where more don't fit; the share then stays as it was.
        func resize(to bytes: Int) throws(ServiceFault) {
            let current = self.bytes
            if bytes > current { return try grow(by: bytes - current) }
            shrink(to: bytes)
        }

        /// Gives back what is over a number of bytes.
        func shrink(to bytes: Int) {
            let surplus = max(0, self.bytes - bytes)
            held.withLock { $0 -= surplus }
            budget.giveBack(surplus)
        }
    }
}
