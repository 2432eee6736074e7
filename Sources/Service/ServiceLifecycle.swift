package import HTTPServer
package import Settings

/// Serving from the start to the end of a drain.
package struct ServiceLifecycle: Sendable {
    package let service: RestorationService
    package let server: HTTPServer
    private let configuration: Configuration
    private let log: ServiceLog

    /// Exit status of a drain that ran out of time.
    package static let drainCutShort: Int32 = 75

    /// How long answers to requests that were ended have to reach their clients.
    private static let lastAnswerTime = Duration.seconds(2)

    package init(service: RestorationService, server: HTTPServer, configuration: Configuration, log: ServiceLog) {
        self.service = service
        self.server = server
        self.configuration = configuration
        self.log = log
    }

    /// Waits for the first signal, then drains.
    ///
    /// - Parameter secondSignal: ends the process at once.
    /// - Returns: the exit status: 0, or `drainCutShort`.
    package func run(until signals: AsyncStream<Int32>, secondSignal: @escaping @Sendable () -> Void) async -> Int32 {
        let running = Task { await service.run() }
        defer { running.cancel() }
        var iterator = signals.makeAsyncIterator()
        _ = await iterator.next()
        let secondSignals = Task {
            for await _ in signals { secondSignal() }
        }
        defer { secondSignals.cancel() }
        return await drain()
    }

    /// After `drainDelay`: takes no new work, lets what is under way finish, and ends what doesn't in time.
    package func drain() async -> Int32 {
        await announceDrain()
        service.beginDrain()
        // Who asks again comes to another instance.
        server.announceDrain()
        log.logger.notice("draining", metadata: ["under_way": "\(service.taskCount)"])
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(configuration.drainTimeout)
        // The server listens on meanwhile: clients can see that it isn't ready, and ask for their jobs.
        let isIdle = await isIdle(by: deadline)
        if !isIdle { await service.waitForReturnedJobs(atMost: Self.lastAnswerTime) }
        let rest = max(clock.now.duration(to: deadline), Self.lastAnswerTime)
        let outcome = await server.drain(timeout: isIdle ? rest : Self.lastAnswerTime)
        server.shutdownNow()
        let isComplete = isIdle && outcome.isComplete
        log.logger.notice("stopped", metadata: ["complete": "\(isComplete)"])
        return isComplete ? 0 : Self.drainCutShort
    }

    /// Gives balancers time to see that this instance goes, for what they still send would be refused in the drain.
    private func announceDrain() async {
        guard configuration.drainDelay > 0, service.announceDrain() else { return }
        server.announceDrain()
        log.logger.notice("drain announced", metadata: ["seconds": "\(configuration.drainDelay)"])
        try? await Task.sleep(for: .seconds(configuration.drainDelay))
    }

    /// Waiting for idleness can't be cancelled, only left: a job's end, say, is stored for as long as a store that is away may take.
    private func isIdle(by deadline: ContinuousClock.Instant) async -> Bool {
        // Where there is no time to wait, either of the two below may be the first.
        if service.taskCount == 0 { return true }
        let (answers, answer) = AsyncStream.makeStream(of: Bool.self, bufferingPolicy: .bufferingOldest(1))
        Task {
            await service.waitUntilIdle()
            answer.yield(true)
        }
        let timer = Task {
            try? await Task.sleep(until: deadline)
            answer.yield(false)
        }
        defer { timer.cancel() }
        var first = answers.makeAsyncIterator()
        let isIdle = await first.next() ?? false
        if !isIdle {
            log.logger.warning("drain cut short", metadata: ["under_way": "\(service.taskCount)"])
            service.stopAll()
        }
        return isIdle
    }
}

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
