import CSystem
import Glibc

/// Makes listening sockets.
enum ListeningSocket {
    /// A bound, listening socket.
    struct Bound: Sendable {
        var descriptor: Int32
        /// Nil for Unix sockets.
        var port: Int?
        /// The path to remove when the socket closes.
        var path: String?
    }

    /// Listens at one configured address: at each address that a name stands for, on the same port.
    ///
    /// - Throws: `ServerError`; nothing stays open then.
    static func open(
        _ address: ServerConfiguration.Address, backlog: Int, isIPv6Only: Bool
    ) throws(ServerError) -> [Bound] {
        switch address {
        case .tcp(let host, let port): try tcp(host: host, port: port, backlog: backlog, isIPv6Only: isIPv6Only)
        case .unix(let path): [try unix(path: path, backlog: backlog)]
        }
    }

    private static func tcp(
        host: String, port: Int, backlog: Int, isIPv6Only: Bool
    ) throws(ServerError) -> [Bound] {
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else { throw .unknownHost(host, reason: String(cString: gai_strerror(code))) }
        defer { freeaddrinfo(list) }
        var bound: [Bound] = []
        var failure: ServerError?
        var next = list
        while let info = next {
            next = info.pointee.ai_next
            do throws(ServerError) {
                bound.append(
                    try bind(
                        info.pointee, name: "\(host):\(port)", port: bound.first?.port, backlog: backlog,
                        isIPv6Only: isIPv6Only))
            } catch {
                // A name may stand for an address family that this machine lacks; one that works is enough.
                failure = failure ?? error
                guard case .systemCall(_, _, let number, _) = error, [EAFNOSUPPORT, EADDRNOTAVAIL].contains(number)
                else {
                    for socket in bound { close(socket.descriptor) }
                    throw error
                }
            }
        }
        if bound.isEmpty { throw failure ?? .unknownHost(host, reason: "it stands for no address") }
        return bound
    }

    private static func bind(
        _ info: addrinfo, name: String, port: Int?, backlog: Int, isIPv6Only: Bool
    ) throws(ServerError) -> Bound {
        let descriptor = try streamSocket(info.ai_family, name: name)
        var isListening = false
        defer { if !isListening { close(descriptor) } }
        set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        if info.ai_family == AF_INET6 { set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, isIPv6Only ? 1 : 0) }
        var storage = sockaddr_storage()
        withUnsafeMutableBytes(of: &storage) { bytes in
            if let address = info.ai_addr {
                bytes.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(info.ai_addrlen)))
            }
        }
        if let port { setPort(&storage, port) }
        var length = info.ai_addrlen
        let result = withSockaddr(&storage) { Glibc.bind(descriptor, $0, length) }
        guard result == 0 else { throw .lastCall("bind", address: name) }
        guard listen(descriptor, Int32(backlog)) == 0 else { throw .lastCall("listen", address: name) }
        length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        guard withSockaddr(&storage, { getsockname(descriptor, $0, &length) }) == 0 else {
            throw .lastCall("getsockname", address: name)
        }
        isListening = true
        return Bound(descriptor: descriptor, port: Self.port(of: storage))
    }

    private static func unix(path: String, backlog: Int) throws(ServerError) -> Bound {
        let descriptor = try streamSocket(AF_UNIX, name: path)
        var isListening = false
        defer { if !isListening { close(descriptor) } }
        var address = unixAddress(path)
        removeStaleSocket(path, &address)
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        // Made with the right mode, not changed to it: no moment in which others could connect.
        let previousMask = umask(0o117)
        let result = withSockaddr(&address) { Glibc.bind(descriptor, $0, length) }
        let bindError = errno
        umask(previousMask)
        errno = bindError
        guard result == 0 else { throw .lastCall("bind", address: path) }
        guard listen(descriptor, Int32(backlog)) == 0 else { throw .lastCall("listen", address: path) }
        isListening = true
        return Bound(descriptor: descriptor, path: path)
    }

    /// Removes the socket file of a server that is gone; anything else at the path stays and makes `bind` fail.
    private static func removeStaleSocket(_ path: String, _ address: inout sockaddr_un) {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return }
        let probe = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard probe >= 0 else { return }
        defer { close(probe) }
        let result = withSockaddr(&address) { connect(probe, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        if result != 0, errno == ECONNREFUSED { unlink(path) }
    }

    // MARK: Helpers

    private static func streamSocket(_ family: Int32, name: String) throws(ServerError) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(family, type, 0)
        guard descriptor >= 0 else { throw .lastCall("socket", address: name) }
        return descriptor
    }

    private static func set(_ descriptor: Int32, _ level: Int32, _ name: Int32, _ value: Int32) {
        var value = value
        setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func withSockaddr<Address, Result>(
        _ storage: inout Address, _ body: (UnsafeMutablePointer<sockaddr>) -> Result
    ) -> Result {
        withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1, body)
        }
    }

    private static func unixAddress(_ path: String) -> sockaddr_un {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        return address
    }

    /// The port stands at the same place, in network order, in IPv4 and IPv6 addresses.
    private static func setPort(_ storage: inout sockaddr_storage, _ port: Int) {
        withUnsafeMutableBytes(of: &storage) {
            $0.storeBytes(of: UInt16(truncatingIfNeeded: port).bigEndian, toByteOffset: 2, as: UInt16.self)
        }
    }

    private static func port(of storage: sockaddr_storage) -> Int {
        withUnsafeBytes(of: storage) { Int(UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self))) }
    }
}
