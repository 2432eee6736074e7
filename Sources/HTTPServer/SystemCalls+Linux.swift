import CSystem
import Glibc

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
            return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
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
        return .connection(descriptor: descriptor, peer: addressText(&storage))
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

    /// `192.0.2.1`, `2001:db8::1` or `unix`; an IPv4 address within an IPv6 one is shown as IPv4.
    private static func addressText(_ storage: inout sockaddr_storage) -> String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = Int32(storage.ss_family)
        guard family == AF_INET || family == AF_INET6 else { return "unix" }
        withUnsafePointer(to: &storage) { pointer in
            if family == AF_INET {
                pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                    var address = $0.pointee.sin_addr
                    inet_ntop(AF_INET, &address, &text, socklen_t(text.count))
                }
            } else {
                pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                    var address = $0.pointee.sin6_addr
                    inet_ntop(AF_INET6, &address, &text, socklen_t(text.count))
                }
            }
        }
        let address = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return address.hasPrefix("::ffff:") && address.contains(".") ? String(address.dropFirst(7)) : address
    }
}
