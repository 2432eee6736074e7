/// Hears of what the server does, for logs and counters. Called on connection queues: it must be cheap.
package protocol ServerObserver: Sendable {
    func connectionOpened(peer: String)
    func connectionClosed(peer: String)
    /// A connection over a limit was answered 503, or dropped where even those were too many.
    func connectionRefused(peer: String)
}

extension ServerObserver {
    package func connectionOpened(peer: String) {}
    package func connectionClosed(peer: String) {}
    package func connectionRefused(peer: String) {}
}
