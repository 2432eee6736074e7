import Dispatch
import Glibc
import Synchronization

/// Turns SIGTERM, SIGINT and SIGHUP into values to wait for.
///
/// SIGHUP begins a drain, and never is the second signal that cuts one short: a terminal that closes may send it twice,
/// and systemd sends it right behind SIGTERM where it is told to (`SendSIGHUP=`).
final class SignalWatch {
    let signals: AsyncStream<Int32>
    private let sources: [any DispatchSourceSignal]

    init() {
        let (signals, continuation) = AsyncStream.makeStream(of: Int32.self)
        self.signals = signals
        let isFirst = FirstOnly()
        // What was ignored from the start stays so: that is what `nohup` is for.
        let hangUp = Self.isIgnored(SIGHUP) ? [] : [SIGHUP]
        sources = ([SIGTERM, SIGINT] + hangUp).map { number in
            // Else the default action ends the process before the source sees anything.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global(qos: .userInteractive))
            source.setEventHandler {
                if isFirst.take() || number != SIGHUP { continuation.yield(number) }
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
