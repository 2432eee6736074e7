/// How a drain ended.
package struct DrainOutcome: Sendable, Equatable {
    /// Requests that were begun and not fully answered when the time was over.
    package var unfinishedRequests: Int

    /// Whether everything begun was finished.
    package var isComplete: Bool { unfinishedRequests == 0 }

    package init(unfinishedRequests: Int) {
        self.unfinishedRequests = unfinishedRequests
    }
}

extension HTTPServer {
    /// Lets what is under way finish: each connection's next answer is its last, idle connections are closed, and new
    /// ones are refused by the system.
    ///
    /// Requests that are not finished in time go on until `shutdownNow()`.
    ///
    /// - Parameter timeout: how long to wait.
    package func drain(timeout: Duration) async -> DrainOutcome {
        let clock = ContinuousClock()
        let deadline = clock.now + timeout
        budget.beginDrain()
        stopListening()
        let loops = self.loops
        for loop in loops { await loop.beginDrain() }
        while true {
            var census = EventLoop.Census()
            for loop in loops {
                let one = await loop.census()
                census.connections += one.connections
                census.openRequests += one.openRequests
            }
            if census.connections == 0 || clock.now >= deadline {
                return DrainOutcome(unfinishedRequests: census.openRequests)
            }
            // A cancelled drain does not spin: the sleep that fails at once ends it.
            do {
                try await clock.sleep(for: .milliseconds(10))
            } catch {
                return DrainOutcome(unfinishedRequests: census.openRequests)
            }
        }
    }
}
