package import HTTPServer
package import Settings

extension Configuration {
    /// What of this concerns the HTTP server.
    package var server: ServerConfiguration {
        var server = ServerConfiguration()
        server.addresses = [.tcp(host: host, port: port)]
        if !unixSocket.isEmpty { server.addresses.append(.unix(path: unixSocket)) }
        server.wire.requestLineBytes = requestLineLimit
        server.wire.fieldLineBytes = headerLineLimit
        server.wire.headBytes = headLimit
        server.wire.fieldCount = headerCountLimit
        server.limits.connections = connectionLimit
        server.limits.connectionsPerAddress = connectionsPerAddress == 0 ? nil : connectionsPerAddress
        server.limits.requestsPerConnection = requestsPerConnection
        server.limits.firstByteTime = .seconds(firstByteTimeout)
        server.limits.headTime = .seconds(headTimeout)
        server.limits.bodyTime = .seconds(bodyTimeout)
        server.limits.bodyGraceTime = .seconds(bodyGrace)
        server.limits.bodyBytesPerSecond = bodyRate
        server.limits.writeStallTime = .seconds(writeTimeout)
        server.limits.keepAliveTime = .seconds(idleTimeout)
        return server
    }
}
