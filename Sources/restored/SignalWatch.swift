import Dispatch
import Glibc
import Synchronization

/// Turns SIGTERM, SIGINT and SIGHUP into values to wait for.
///
/// SIGHUP asks for the bundles to be read again. Where it comes because the terminal is gone on which the service was
/// started, it asks for the end: but never is the second signal that cuts a drain short, since a terminal that closes may
/// send it twice. Behind SIGTERM, where systemd sends it if told to (`SendSIGHUP=`), it changes nothing either.
final class SignalWatch {
    /// Those that ask for the end.
    let signals: AsyncStream<Int32>
    /// Wishes that the bundles be read again; those that come while one waits are one with it.
    let reloads: AsyncStream<Void>
    private let sources: [any DispatchSourceSignal]

    init() {
        let (signals, continuation) = AsyncStream.makeStream(of: Int32.self)
        let (reloads, reloading) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.signals = signals
        self.reloads = reloads
        let isFirst = FirstOnly()
        let terminals = Self.terminals
        // What was ignored from the start stays so: that is what `nohup` is for.
        let hangUp = Self.isIgnored(SIGHUP) ? [] : [SIGHUP]
        sources = ([SIGTERM, SIGINT] + hangUp).map { number in
            // Else the default action ends the process before the source sees anything.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global(qos: .userInteractive))
            source.setEventHandler {
                if number == SIGHUP, terminals.isEmpty || Self.terminals.contains(where: terminals.contains) {
                    reloading.yield()
                } else if isFirst.take() || number != SIGHUP {
                    continuation.yield(number)
                }
            }
            source.resume()
            return source
        }
    }

    /// Signals that would end the program and mean nothing to it. A pipe that nobody reads and a file beyond
    /// `ulimit -f` are errors of the call that writes.
    static func ignoreMeaningless() {
        for number in [SIGPIPE, SIGXFSZ, SIGUSR1, SIGUSR2] { signal(number, SIG_IGN) }
    }

    /// The standard streams that are terminals; one that has hung up is none any more.
    private static var terminals: [Int32] { [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO].filter { isatty($0) == 1 } }

    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        guard sigaction(number, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}

/// Says yes once. The mutex guards whether it has.
private final class FirstOnly: Sendable {
    private let isTaken = Mutex(false)

    func take() -> Bool {
        isTaken.withLock { isTaken in
            defer { isTaken = true }
            return !isTaken
        }
    }
}
