import Dispatch
import FoundationEssentials
import Glibc
import Logging
import Synchronization

/// Where log lines go. A slow reader of standard error must not hold up a request: lines are written by a queue of
/// its own, all that wait at once, and lost (and counted) where too many wait.
///
/// The mutex guards the waiting lines and the number of lost ones.
package final class LogSink: Sendable {
    private struct Backlog {
        var lines: [String] = []
        var lost = 0
        /// Lines that have been taken to be written and are not yet.
        var underWay = 0
    }

    /// Lines that wait or are being written; one more is lost.
    package static let longestBacklog = 10_000

    /// Prints the lines; the one that tells of lost lines looks like all others.
    let line: LogLine
    private let write: @Sendable ([String]) -> Void
    private let backlog = Mutex(Backlog())
    private let queue = DispatchQueue(label: "log")

    /// - Parameters:
    ///   - format: of the lines.
    ///   - write: takes whole lines, in order; never called twice at a time.
    package init(format: LogFormat = .json, write: @escaping @Sendable ([String]) -> Void) {
        line = LogLine(format: format)
        self.write = write
    }

    /// A sink that writes to a file descriptor.
    package convenience init(descriptor: Int32, format: LogFormat = .json) {
        self.init(format: format) { lines in
            var bytes = Array(lines.joined().utf8)[...]
            while !bytes.isEmpty {
                let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                if written > 0 {
                    bytes.removeFirst(written)
                } else if errno == EAGAIN {
                    // Another process that shares the descriptor made it non-blocking.
                    var place = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&place, 1, -1)
                } else if errno != EINTR {
                    return  // Nowhere to say so.
                }
            }
        }
    }

    package func send(_ line: String) {
        backlog.withLock { backlog in
            guard backlog.lines.count + backlog.underWay < Self.longestBacklog else {
                backlog.lost += 1
                return
            }
            backlog.lines.append(line)
            // One wake-up for all lines that wait: each costs more than a line. Under the lock, so that a later flush
            // comes behind it in the queue.
            if backlog.lines.count == 1 { queue.async { [self] in writeAll() } }
        }
    }

    private func writeAll() {
        write(backlog.withLock { backlog in
            defer { (backlog.lines, backlog.underWay) = ([], backlog.lines.count) }
            return backlog.lines
        })
        let lost = backlog.withLock { backlog in
            backlog.underWay = 0
            // Lines that wait came before the lost ones, which are told of after them.
            guard backlog.lines.isEmpty else { return 0 }
            defer { backlog.lost = 0 }
            return backlog.lost
        }
        if lost > 0 { write([line.text(at: .now, .warning, "\(lost) log lines were lost", [])]) }
    }

    /// Waits until every line sent so far is written, but not for ever: where nobody reads, writing never ends.
    package func flush(within limit: Duration = .seconds(1)) {
        let isWritten = DispatchSemaphore(value: 0)
        queue.async { isWritten.signal() }
        _ = isWritten.wait(timeout: .now() + limit.seconds)
    }
}
