import CSystem
import Glibc

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
    /// The time of a clock that never goes back.
    package var now: @Sendable () -> Duration
    /// Seconds since 1970-01-01T00:00:00Z.
    package var wallClockSeconds: @Sendable () -> Int64
}

extension SystemCalls {
    /// The kernel's own.
    package static let live = SystemCalls(
        accept: acceptConnection,
        receive: { descriptor, buffer, count in
            let result = Glibc.recv(descriptor, buffer, count, 0)
            return result < 0 ? -Int(errno) : result
        },
        send: { descriptor, bytes, count in
            let result = Glibc.send(descriptor, bytes, count, Int32(MSG_NOSIGNAL))
            return result < 0 ? -Int(errno) : result
        },
        shutdownWriting: { descriptor in
            _ = Glibc.shutdown(descriptor, Int32(SHUT_WR))
        },
        close: { descriptor in
            // Not repeated on EINTR: Linux has freed the number by then, and another thread may hold it.
            _ = Glibc.close(descriptor)
        },
        openSpare: {
            let result = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC)
            return result < 0 ? -errno : result
        },
        now: {
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
        },
        wallClockSeconds: {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME_COARSE, &time)
            return Int64(time.tv_sec)
        })

    private static let acceptConnection: @Sendable (Int32) -> Accepted = { listener in
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { accept4(listener, $0, &length, flags) }
        }
        guard descriptor >= 0 else { return .failure(errno: errno) }
        if storage.ss_family != sa_family_t(AF_UNIX) { tuneTCP(descriptor) }
        return .connection(descriptor: descriptor, peer: addressText(&storage, length))
    }

    /// Small writes leave at once; a peer that lost its power is noticed in two minutes.
    private static func tuneTCP(_ descriptor: Int32) {
        let options: [(level: Int32, name: Int32, value: Int32)] = [
            (Int32(IPPROTO_TCP), TCP_NODELAY, 1), (SOL_SOCKET, SO_KEEPALIVE, 1),
            (Int32(IPPROTO_TCP), TCP_KEEPIDLE, 60), (Int32(IPPROTO_TCP), TCP_KEEPINTVL, 15),
            (Int32(IPPROTO_TCP), TCP_KEEPCNT, 4),
        ]
        for option in options {
            var value = option.value
            setsockopt(descriptor, option.level, option.name, &value, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    /// Whoever comes by a Unix socket: a proxy, say, which stands for everybody behind it.
    static let unixPeer = "unix"

    /// `192.0.2.1`, `2001:db8::1` or `unix`; an IPv4 address within an IPv6 one is shown as IPv4.
    private static func addressText(_ storage: inout sockaddr_storage, _ length: socklen_t) -> String {
        guard storage.ss_family != sa_family_t(AF_UNIX) else { return unixPeer }
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        _ = withUnsafePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getnameinfo($0, length, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
            }
        }
        // Without the interface that link-local addresses have behind a percent sign.
        let bytes = text.lazy.map(UInt8.init(bitPattern:)).prefix { $0 != 0 && $0 != UInt8(ascii: "%") }
        let address = String(decoding: bytes, as: UTF8.self)
        return address.hasPrefix("::ffff:") && address.contains(".") ? String(address.dropFirst(7)) : address
    }
}

/// Owns a file descriptor and closes it when it goes.
struct Descriptor: ~Copyable {
    let number: Int32
    private let closeCall: @Sendable (Int32) -> Void

    /// - Parameter number: open, and owned by no one else.
    init(_ number: Int32, system: SystemCalls) {
        self.number = number
        closeCall = system.close
    }

    deinit {
        closeCall(number)
    }
}
