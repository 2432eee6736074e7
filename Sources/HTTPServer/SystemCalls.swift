/// The system calls and clocks of a running server, replaceable so that tests can make them fail.
///
/// Calls that return `Int` or `Int32` return the negated `errno` where they fail.
package struct SystemCalls: Sendable {
    /// What `accept` gave.
    package enum Accepted: Sendable {
        /// A non-blocking, close-on-exec descriptor and the peer's address without its port.
        case connection(descriptor: Int32, peer: String)
        case failure(errno: Int32)
    }

    package var accept: @Sendable (_ listener: Int32) -> Accepted
    package var receive: @Sendable (_ descriptor: Int32, UnsafeMutableRawPointer, _ count: Int) -> Int
    /// Never raises SIGPIPE.
    package var send: @Sendable (_ descriptor: Int32, UnsafeRawPointer, _ count: Int) -> Int
    /// Ends the stream of bytes to the peer.
    package var shutdownWriting: @Sendable (_ descriptor: Int32) -> Void
    package var close: @Sendable (_ descriptor: Int32) -> Void
    /// A descriptor of no use but to be closed when there are no others left.
    package var openSpare: @Sendable () -> Int32
    /// Nanoseconds of a clock that never goes back.
    package var now: @Sendable () -> UInt64
    /// Seconds since 1970-01-01T00:00:00Z.
    package var wallClockSeconds: @Sendable () -> Int64
}
