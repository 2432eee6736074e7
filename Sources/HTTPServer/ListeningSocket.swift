import CSystem
import Glibc

/// Makes listening sockets.
enum ListeningSocket {
    /// A bound, listening socket.
    struct Bound: Sendable {
        var descriptor: Int32
        /// `127.0.0.1:8080`, `[::1]:8080` or the path of a Unix socket.
        var address: String
        /// Nil for Unix sockets.
        var port: Int?
        /// The path to remove when the socket closes.
        var path: String?
    }

    /// What came of one configured address: at least one socket, and why others could not be had.
    struct Opened: Sendable {
        var sockets: [Bound]
        var failures: [ServerError] = []
    }

    /// How often another free port is tried for where one is not free at every address of a name.
    private static let portAttempts = 16

    /// Listens at one configured address: at each address that a name stands for, on the same port, as far as they can
    /// be had. `::` takes IPv4 as well, or alone where there is no IPv6.
    ///
    /// - Parameter isIPv6Only: whether an IPv6 address leaves IPv4 alone.
    /// - Throws: `ServerError` where not one can be had; nothing stays open then.
    static func open(
        _ address: ServerConfiguration.Address, backlog: Int, isIPv6Only: Bool
    ) throws(ServerError) -> Opened {
        switch address {
        case .unix(let path): return Opened(sockets: [try unix(path: path, backlog: backlog)])
        case .tcp(let host, let port):
            let opened = try tcp(host, port: port, backlog: backlog, isIPv6Only: isIPv6Only)
            if !opened.sockets.isEmpty { return opened }
            if host == ListenerAddress.everyAddress, !isIPv6Only, opened.failures.allSatisfy(\.isMissingFamily) {
                let rest = try tcp(ListenerAddress.everyIPv4Address, port: port, backlog: backlog, isIPv6Only: false)
                if !rest.sockets.isEmpty { return Opened(sockets: rest.sockets, failures: opened.failures) }
            }
            throw ServerError.noAddress(host, port: port, opened.failures)
        }
    }

    private static func tcp(
        _ host: String, port: Int, backlog: Int, isIPv6Only: Bool
    ) throws(ServerError) -> Opened {
        let addresses = try ListenerAddress.resolve(host, port: port)
        var opened = bindAll(addresses, backlog: backlog, isIPv6Only: isIPv6Only)
        // A port that was free at the first address may be taken at another.
        for _ in 1..<portAttempts where port == 0 && opened.failures.contains(where: \.isAddressInUse) {
            for socket in opened.sockets { close(socket.descriptor) }
            opened = bindAll(addresses, backlog: backlog, isIPv6Only: isIPv6Only)
        }
        return opened
    }

    private static func bindAll(_ addresses: [ListenerAddress], backlog: Int, isIPv6Only: Bool) -> Opened {
        var opened = Opened(sockets: [])
        for var address in addresses {
            // Where any free port is asked for, the first address chooses for all.
            if let port = opened.sockets.first?.port { address.port = port }
            do throws(ServerError) {
                opened.sockets.append(try bind(address, backlog: backlog, isIPv6Only: isIPv6Only))
            } catch {
                opened.failures.append(error)
            }
        }
        return opened
    }

    private static func bind(
        _ address: ListenerAddress, backlog: Int, isIPv6Only: Bool
    ) throws(ServerError) -> Bound {
        let name = address.description
        let descriptor = try streamSocket(address.family, name: name)
        var isListening = false
        defer { if !isListening { close(descriptor) } }
        set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        if address.family == AF_INET6 { set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, isIPv6Only ? 1 : 0) }
        guard address.withAddress({ Glibc.bind(descriptor, $0, $1) }) == 0 else { throw .lastCall("bind", address: name) }
        guard listen(descriptor, Int32(backlog)) == 0 else { throw .lastCall("listen", address: name) }
        let bound = try ListenerAddress(of: descriptor, name: name)
        isListening = true
        return Bound(descriptor: descriptor, address: bound.description, port: bound.port)
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
        return Bound(descriptor: descriptor, address: path, path: path)
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
}

extension ServerError {
    /// Not one socket: the reason, or all of them.
    fileprivate static func noAddress(_ host: String, port: Int, _ failures: [ServerError]) -> ServerError {
        if failures.count == 1, let only = failures.first { return only }
        return .noneOfAddresses("\(host), port \(port)", reasons: failures.map(\.description))
    }

    /// Whether there is no IPv6, in the kernel or at any interface.
    fileprivate var isMissingFamily: Bool {
        if case .systemCall(_, _, let number, _) = self { [EAFNOSUPPORT, EADDRNOTAVAIL].contains(number) } else { false }
    }

    fileprivate var isAddressInUse: Bool {
        if case .systemCall(_, _, EADDRINUSE, _) = self { true } else { false }
    }
}
