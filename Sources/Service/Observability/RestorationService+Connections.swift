package import HTTPServer

/// Connections, for the metrics. Requests are counted where they are answered.
extension RestorationService: ServerObserver {
    package func connectionOpened(peer: String) { metrics.connectionOpened() }
    package func connectionClosed(peer: String) { metrics.connectionClosed() }

    package func connectionRefused(peer: String) {
        metrics.connectionRefused()
        log.logger.debug("connection refused", metadata: ["peer": "\(peer)"])
    }

    package func requestFinished(_ record: RequestRecord) {}
}
