import HTTPWire

/// What the connections of one queue share. Only ever used on that queue: it belongs to its `EventLoop`.
final class LoopContext {
    let limits: ServerLimits
    let wire: WireLimits
    let handler: any RequestHandler
    let observer: (any ServerObserver)?
    let system: SystemCalls
    let budget: ConnectionBudget
    let poller: Poller
    /// The same for all queues at once, so that no answer after the drain's beginning promises another.
    var isDraining: Bool { budget.isDraining }
    var isDrainAnnounced: Bool { budget.isDrainAnnounced }
    /// Connections that closed and wait to be forgotten.
    var closed: [UInt64] = []

    private var dateSecond: Int64 = -1
    private var dateLine: [UInt8] = []

    init(
        configuration: ServerConfiguration, handler: any RequestHandler, observer: (any ServerObserver)?,
        system: SystemCalls, budget: ConnectionBudget, poller: Poller
    ) {
        limits = configuration.limits
        wire = configuration.wire
        self.handler = handler
        self.observer = observer
        self.system = system
        self.budget = budget
        self.poller = poller
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
