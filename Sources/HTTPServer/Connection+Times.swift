import HTTPWire

// Looked at once a tick for all connections of a queue: a thousand comparisons cost less than a timer each.
extension Connection {
    /// - Parameter elapsed: since the last tick, in nanoseconds.
    func tick(now: UInt64, elapsed: UInt64) {
        if isStalled(now: now) {
            close()
            return
        }
        switch phase {
        case .awaitingRequest: checkRequestTime(now: now)
        case .exchanging: checkBodyTime(elapsed: elapsed)
        case .lingering: if now &- phaseStart >= context.times.lingering { close() }
        case .finishing, .closed: break
        }
    }

    /// RFC 9112 section 9.5 leaves it to a server when to close a connection on which nothing comes.
    private func checkRequestTime(now: UInt64) {
        let times = context.times
        if let headStart {
            guard now &- headStart >= times.head else { return }
            refuse(ProtocolError(.tooSlow, "the request's head did not come in \(context.limits.headTime)"))
            advance()
        } else if output.isEmpty {
            let isFresh = requestCount == 0
            var time = isFresh ? times.firstByte : times.keepAlive
            if context.isDraining { time = isFresh ? min(time, times.drainFirstByte) : 0 }
            if now &- phaseStart >= time { close() }
        }
    }

    /// Since when nothing has been under way on the connection, so that it can make room for another; nil where
    /// something is.
    func idleSince(now: UInt64) -> UInt64? {
        guard phase == .awaitingRequest, headStart == nil, output.isEmpty, !wasRefused else { return nil }
        return now &- phaseStart >= context.times.arrival ? phaseStart : nil
    }

    private func checkBodyTime(elapsed: UInt64) {
        guard let exchange else { return }
        if exchange.isReceiving, !isBodyPaused {
            exchange.bodyWait &+= elapsed
            let times = context.times
            let past = exchange.bodyWait > times.bodyGrace ? exchange.bodyWait - times.bodyGrace : 0
            let due = Double(past) / 1e9 * Double(context.limits.bodyBytesPerSecond)
            if exchange.bodyWait >= times.body || Double(exchange.bodyBytes) < due {
                failBody(exchange, .tooSlow)
                advance()
                return
            }
        }
        probe(exchange)
    }

    /// Asks a client that has sent its last byte whether it is still there.
    ///
    /// A half-closed client and one that left look the same: both have sent FIN. But bytes sent to one that left
    /// are answered by a reset. An interim 100 is such bytes: every client must skip it (RFC 9110 section 15.2),
    /// while HTTP/1.0 knows none.
    private func probe(_ exchange: Exchange) {
        guard peerHalfClosed, !exchange.hasProbed, exchange.task != nil, exchange.response == .awaited,
            exchange.head.version == .http11
        else { return }
        exchange.hasProbed = true
        output.append { $0 += ResponseSerializer.interimContinue }
        advance()
    }

    /// Whether the client takes nothing of a waiting answer, or so little that it means harm.
    private func isStalled(now: UInt64) -> Bool {
        guard let writeStart else { return false }
        let stall = context.times.writeStall
        if now &- lastWrite >= stall { return true }
        let waited = now &- writeStart
        guard waited > stall else { return false }
        let due = Double(waited - stall) / 1e9 * Double(context.limits.writeBytesPerSecond)
        return Double(bytesSinceWriteStart) < due
    }
}
