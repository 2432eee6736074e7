import HTTPWire

/// What the connections of one queue share. Only ever used on that queue: it belongs to its `EventLoop`.
final class LoopContext {
    let limits: ServerLimits
    let times: LimitTimes
    let wire: WireLimits
    let handler: any RequestHandler
    let observer: (any ServerObserver)?
    let system: SystemCalls
    let budget: ConnectionBudget
    let poller: Poller
    /// Where bytes are received before they are parsed: one for all, so that an idle connection holds none.
    let receiveBuffer: ReceiveBuffer
    /// The same for all queues at once, so that no answer after the drain's beginning promises another.
    var isDraining: Bool { budget.isDraining }
    /// Connections that closed and wait to be forgotten.
    var closed: [UInt64] = []

    private var dateSecond: Int64 = -1
    private var dateLine: [UInt8] = []

    init(
        configuration: ServerConfiguration, handler: any RequestHandler, observer: (any ServerObserver)?,
        system: SystemCalls, budget: ConnectionBudget, poller: Poller
    ) {
        limits = configuration.limits
        times = LimitTimes(configuration.limits)
        wire = configuration.wire
        self.handler = handler
        self.observer = observer
        self.system = system
        self.budget = budget
        self.poller = poller
        receiveBuffer = ReceiveBuffer(byteCount: 65536)
    }

    /// The `Date` field, printed once a second.
    func currentDateLine() -> [UInt8] {
        let second = system.wallClockSeconds()
        if second != dateSecond {
            dateSecond = second
            dateLine = Array("Date: \(HTTPDate.text(secondsSinceEpoch: second))\r\n".utf8)
        }
        return dateLine
    }
}

/// Raw memory for received bytes.
final class ReceiveBuffer {
    let bytes: UnsafeMutableRawBufferPointer

    init(byteCount: Int) {
        bytes = .allocate(byteCount: byteCount, alignment: 16)
    }

    deinit {
        bytes.deallocate()
    }
}

/// The times of `ServerLimits` in nanoseconds.
struct LimitTimes {
    let firstByte: UInt64
    let arrival: UInt64
    let head: UInt64
    let body: UInt64
    let bodyGrace: UInt64
    let writeStall: UInt64
    let keepAlive: UInt64
    let lingering: UInt64
    let drainFirstByte: UInt64

    init(_ limits: ServerLimits) {
        firstByte = limits.firstByteTime.nanoseconds
        arrival = limits.arrivalTime.nanoseconds
        head = limits.headTime.nanoseconds
        body = limits.bodyTime.nanoseconds
        bodyGrace = limits.bodyGraceTime.nanoseconds
        writeStall = limits.writeStallTime.nanoseconds
        keepAlive = limits.keepAliveTime.nanoseconds
        lingering = limits.lingeringTime.nanoseconds
        drainFirstByte = limits.drainFirstByteTime.nanoseconds
    }
}
