import Glibc

/// One address to listen at: a name may stand for several.
struct ListenerAddress: Equatable {
    let family: Int32
    /// The socket address (`sockaddr_in` or `sockaddr_in6`), with its port.
    private var bytes: [UInt8]

    /// IPv6's unspecified address, which stands for IPv4 too where the socket allows it.
    static let everyAddress = "::"
    static let everyIPv4Address = "0.0.0.0"

    /// The addresses that a host stands for, in the resolver's order, each once.
    ///
    /// - Parameter host: a name, or an address of either family.
    /// - Throws: `ServerError.unknownHost`.
    static func resolve(_ host: String, port: Int) throws(ServerError) -> [ListenerAddress] {
        var addresses: [ListenerAddress] = []
        var failure: ServerError?
        for name in [host] + (isLocalhost(host) ? ["127.0.0.1", "::1"] : []) {
            do throws(ServerError) {
                for address in try lookUp(name, port: port) where !addresses.contains(address) {
                    addresses.append(address)
                }
            } catch {
                failure = failure ?? error
            }
        }
        if addresses.isEmpty { throw failure ?? .unknownHost(host, reason: "it stands for no address") }
        return addresses
    }

    /// Such names are the loopback of both families (RFC 6761, section 6.3), and many a hosts file has only one of them.
    private static func isLocalhost(_ host: String) -> Bool {
        let name = host.lowercased()
        return ["localhost", "localhost."].contains { name == $0 || name.hasSuffix("." + $0) }
    }

    private static func lookUp(_ name: String, port: Int) throws(ServerError) -> [ListenerAddress] {
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(name, String(port), &hints, &list)
        guard code == 0 else { throw .unknownHost(name, reason: String(cString: gai_strerror(code))) }
        defer { freeaddrinfo(list) }
        var addresses: [ListenerAddress] = []
        var next = list
        while let info = next?.pointee {
            next = info.ai_next
            guard let address = info.ai_addr, [AF_INET, AF_INET6].contains(info.ai_family) else { continue }
            let bytes = UnsafeRawBufferPointer(start: address, count: Int(info.ai_addrlen))
            addresses.append(ListenerAddress(family: info.ai_family, bytes: Array(bytes)))
        }
        return addresses
    }

    private init(family: Int32, bytes: [UInt8]) {
        self.family = family
        self.bytes = bytes
    }

    /// The address that a socket is bound to.
    ///
    /// - Throws: `ServerError.systemCall`.
    init(of descriptor: Int32, name: String) throws(ServerError) {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard result == 0 else { throw .lastCall("getsockname", address: name) }
        family = Int32(storage.ss_family)
        bytes = withUnsafeBytes(of: storage) { Array($0.prefix(Int(length))) }
    }

    /// The port stands at the same place, in network order, in the addresses of both families.
    var port: Int {
        get { Int(bytes[2]) << 8 | Int(bytes[3]) }
        set { (bytes[2], bytes[3]) = (UInt8(truncatingIfNeeded: newValue >> 8), UInt8(truncatingIfNeeded: newValue)) }
    }

    /// Calls with the address as the system takes it.
    func withAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        // Copied, for an array's bytes need not be aligned as the address is.
        var storage = sockaddr_storage()
        withUnsafeMutableBytes(of: &storage) { $0.copyBytes(from: bytes.prefix($0.count)) }
        return withUnsafePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(bytes.count)) }
        }
    }
}

extension ListenerAddress: CustomStringConvertible {
    /// `127.0.0.1:8080` or `[::1]:8080`.
    var description: String {
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let code = withAddress {
            getnameinfo($0, $1, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
        }
        let host = code == 0 ? String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self) : "?"
        return family == AF_INET6 ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
