import ArgumentParser
import Glibc

/// Standard error, unbuffered.
enum StandardError {
    static let isTerminal = isatty(STDERR_FILENO) == 1

    static func write(_ text: String) {
        // Where nobody listens there is nobody to tell.
        try? OpenFile(borrowing: STDERR_FILENO).write(Array(text.utf8))
    }
}

/// Standard output, unbuffered: what can't be written is an error, and not known too late.
enum StandardOutput {
    /// Ends the command where the line can't be written, and says so.
    static func printLine(_ line: String) throws(ExitCode) {
        do throws(CommandFailure) {
            try writeLine(line)
        } catch {
            throw error.reported()
        }
    }

    static func writeLine(_ line: String) throws(CommandFailure) {
        do throws(SystemFault) {
            try OpenFile(borrowing: STDOUT_FILENO).write(Array((line + "\n").utf8))
        } catch {
            throw CommandFailure(.inputOutput, "standard output: \(error.reason)")
        }
    }
}
