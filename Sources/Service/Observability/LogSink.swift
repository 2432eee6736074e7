import Dispatch
import Glibc
import Synchronization

/// Where log lines go. A slow reader of standard error must not hold up a request: lines are written by a queue of
/// its own, and lost (and counted) where too many wait.
///
/// The mutex guards the number of waiting and of lost lines.
package final class LogSink: Sendable {
    private struct Backlog {
        var waiting = 0
        var lost = 0
    }

    private static let longestBacklog = 10_000

    private let write: @Sendable (String) -> Void
    private let backlog = Mutex(Backlog())
    private let queue = DispatchQueue(label: "log")

    /// - Parameter write: takes whole lines, one at a time.
    package init(write: @escaping @Sendable (String) -> Void) {
        self.write = write
    }

    /// A sink that writes to a file descriptor.
    package convenience init(descriptor: Int32) {
        self.init { line in
            var bytes = Array(line.utf8)[...]
            while !bytes.isEmpty {
                let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                if written > 0 {
                    bytes.removeFirst(written)
                } else if errno != EINTR {
                    return  // Nowhere to say so.
                }
            }
        }
    }

    func send(_ line: String) {
        let isKept = backlog.withLock { backlog in
            guard backlog.waiting < Self.longestBacklog else {
                backlog.lost += 1
                return false
            }
            backlog.waiting += 1
            return true
        }
        guard isKept else { return }
        queue.async { [self] in
            write(line)
            let lost = backlog.withLock { backlog in
                backlog.waiting -= 1
                defer { backlog.lost = 0 }
                return backlog.lost
            }
            if lost > 0 { write("{\"level\":\"warning\",\"message\":\"\(lost) log lines were lost\"}\n") }
        }
    }

    /// Waits until every line sent so far is written.
    package func flush() {
        queue.sync {}
    }
}
