import CSystem
import Glibc

/// A set of sockets watched by epoll, which a Dispatch source in turn watches as one descriptor.
///
/// With a Dispatch source for each connection every event would go through Dispatch's manager thread and be armed there
/// again. Here one wake-up brings all connections that are ready, and one that stays interested costs no call at all.
final class Poller {
    /// What to be told of. Errors and hang-ups are always told.
    struct Interest: OptionSet {
        let rawValue: UInt32
        static let read = Interest(rawValue: EPOLLIN.rawValue)
        static let write = Interest(rawValue: EPOLLOUT.rawValue)
        /// The peer will send no more; told even while bytes before it are unread.
        static let peerClosed = Interest(rawValue: EPOLLRDHUP.rawValue)
        /// The connection is broken, by a reset for example.
        static let error = Interest(rawValue: EPOLLERR.rawValue)
        /// Closed both ways.
        static let hangUp = Interest(rawValue: EPOLLHUP.rawValue)
    }

    private let descriptor: Descriptor
    private var events = [epoll_event](repeating: epoll_event(), count: 128)

    /// - Throws: `ServerError.systemCall`.
    init(system: SystemCalls) throws(ServerError) {
        let number = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard number >= 0 else { throw .lastCall("epoll_create1", address: "the event loop") }
        descriptor = Descriptor(number, system: system)
    }

    var descriptorNumber: Int32 { descriptor.number }

    /// - Returns: false where the kernel refused, for want of memory or watches.
    func add(_ socket: Int32, id: UInt64, interest: Interest) -> Bool {
        var event = epoll_event(events: interest.rawValue, data: epoll_data_t(u64: id))
        return epoll_ctl(descriptor.number, EPOLL_CTL_ADD, socket, &event) == 0
    }

    func change(_ socket: Int32, id: UInt64, interest: Interest) {
        var event = epoll_event(events: interest.rawValue, data: epoll_data_t(u64: id))
        epoll_ctl(descriptor.number, EPOLL_CTL_MOD, socket, &event)
    }

    func remove(_ socket: Int32) {
        var event = epoll_event()
        epoll_ctl(descriptor.number, EPOLL_CTL_DEL, socket, &event)
    }

    /// Hands out what is ready now, without waiting.
    ///
    /// - Returns: how many were.
    func poll(_ handle: (_ id: UInt64, _ ready: Interest) -> Void) -> Int {
        let count = epoll_wait(descriptor.number, &events, Int32(events.count), 0)
        guard count > 0 else { return 0 }
        for index in 0..<Int(count) {
            handle(events[index].data.u64, Interest(rawValue: events[index].events))
        }
        return Int(count)
    }
}

extension ServerError {
    /// The call that just failed, with what `errno` says.
    static func lastCall(_ call: String, address: String) -> ServerError {
        let number = errno
        return .systemCall(call, address: address, errno: number, reason: String(cString: strerror(number)))
    }
}
