/// Connections, for the metrics. Requests are counted where they are answered.
extension RestorationService {
    package func connectionOpened(peer: String) { metrics.connectionOpened() }
    package func connectionClosed(peer: String) { metrics.connectionClosed() }

    package func connectionRefused(peer: String) {
        metrics.connectionRefused()
        log.logger.debug("connection refused", metadata: ["peer": "\(peer)"])
    }
}
