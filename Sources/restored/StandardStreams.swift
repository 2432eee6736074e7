import ArgumentParser
import Glibc

enum StandardStreams {
    /// Takes the descriptors of standard streams that the program was started without: else the next file or socket that is
    /// opened gets one of them, and lines meant for a reader go there. Reading and writing stay errors, for each is open the
    /// other way round.
    static func takeThoseMissing() {
        for (descriptor, access) in [(STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY)]
        where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest number that is free, which is this one: those below it are taken.
            _ = open("/dev/null", access)
        }
    }
}

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
