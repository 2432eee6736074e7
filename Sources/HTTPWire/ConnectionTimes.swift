/// How fast a body comes. Time in which the server itself does not read is not counted.
struct BodyPace: Sendable {
    /// When the last byte came.
    private(set) var lastByte = Duration.zero
    /// The rate is measured over windows, each as long as the grace; the first is the grace itself. So bytes that came
    /// early don't make up for a slow rest, and a steady slow upload is served however long it takes.
    private(set) var windowStart = Duration.zero
    private var windowBytes = 0
    private var isGrace = true
    private var pauseStart = Duration.zero

    mutating func begin(at now: Duration) {
        self = BodyPace(lastByte: now, windowStart: now)
    }

    mutating func note(_ count: Int, at now: Duration) {
        lastByte = now
        windowBytes &+= count
    }

    mutating func pause(at now: Duration) { pauseStart = now }

    mutating func resume(at now: Duration) {
        lastByte += now - pauseStart
        windowStart += now - pauseStart
    }

    /// - Returns: whether as many bytes came in the window as were due.
    mutating func endWindow(due: Double, at now: Duration) -> Bool {
        guard isGrace || Double(windowBytes) >= due else { return false }
        (windowStart, windowBytes, isGrace) = (now, 0, false)
        return true
    }
}

/// How fast a waiting answer is taken.
struct WritePace: Sendable {
    /// When the oldest unsent byte began to wait.
    var start: Duration
    /// When a byte was last taken.
    var last: Duration
    /// Bytes taken since the start.
    var bytes = 0
}

extension ConnectionState {
    /// What happens when a deadline passes.
    package enum Expiry: Sendable {
        case idle, head, silentBody, bodyWindow, probe, stalledWrite, lingering
    }

    /// The next time at which `timePassed` is due, and why; nil where nothing waits for time.
    package var deadline: (time: Duration, expiry: Expiry)? {
        let (own, write) = (phaseDeadline, writeDeadline)
        guard let write, phase != .closed, own.map({ write < $0.time }) ?? true else { return own }
        return (write, .stalledWrite)
    }

    private var phaseDeadline: (time: Duration, expiry: Expiry)? {
        switch phase {
        case .open where request == .idle:
            if let headStart { return (headStart + limits.headTime, .head) }
            return unsentBytes == 0 ? (idleStart + idleTime, .idle) : nil
        case .open: return bodyDeadline
        case .lingering: return (idleStart + limits.lingeringTime, .lingering)
        case .finishing, .closed: return nil
        }
    }

    /// RFC 9112 section 9.5 leaves it to a server when to close a connection on which nothing comes.
    private var idleTime: Duration {
        let isFresh = requestCount == 0
        if isDraining { return isFresh ? min(limits.firstByteTime, limits.drainFirstByteTime) : .zero }
        return isFresh ? limits.firstByteTime : limits.keepAliveTime
    }

    private var bodyDeadline: (time: Duration, expiry: Expiry)? {
        guard let current else { return nil }
        // A half-closed client and one that left look the same: both have sent FIN. But bytes sent to one that left
        // are answered by a reset. An interim 100 is such bytes: every client must skip it (RFC 9110 section 15.2),
        // while HTTP/1.0 knows none.
        if peerClosed, !current.isProbed, response == .awaited, request != .deciding, current.head.version == .http11 {
            return (.zero, .probe)
        }
        guard request.isReceiving else { return nil }
        let silence = current.pace.lastByte + limits.bodyTime
        let window = current.pace.windowStart + limits.bodyGraceTime
        return silence < window ? (silence, .silentBody) : (window, .bodyWindow)
    }

    /// When the client has taken nothing of a waiting answer for too long, or less than the least rate.
    private var writeDeadline: Duration? {
        guard let writePace else { return nil }
        let stalled = writePace.last + limits.writeStallTime
        guard limits.writeBytesPerSecond > 0 else { return stalled }
        let paid = Duration.seconds(Double(writePace.bytes) / Double(limits.writeBytesPerSecond))
        return min(stalled, writePace.start + limits.writeStallTime + paid)
    }

    /// Since when nothing has been under way, so that the connection can make room for another; nil where something
    /// is, or where it is so fresh that bytes may be on their way.
    package func idleSince(now: Duration) -> Duration? {
        guard phase == .open, request == .idle, headStart == nil, unsentBytes == 0 else { return nil }
        return now - idleStart >= limits.arrivalTime ? idleStart : nil
    }
}
