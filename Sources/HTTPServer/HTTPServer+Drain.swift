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
    /// Lets what is under way finish: each connection's next answer is its last, idle connections are closed.
    ///
    /// Requests that are not finished in time go on: `cancelRequests()` and a second, shorter drain let them end
    /// with an answer, `shutdownNow()` without.
    ///
    /// - Parameters:
    ///   - timeout: how long to wait.
    ///   - keepsListening: whether new connections are still accepted until no request is open, so that the handler
    ///     can refuse them with an answer; else they are refused by the system at once.
    package func drain(timeout: Duration, keepsListening: Bool = false) async -> DrainOutcome {
        let clock = ContinuousClock()
        let deadline = clock.now + timeout
        budget.beginDrain()
        if !keepsListening { stopListening() }
        let loops = self.loops
        for loop in loops { await loop.beginDrain() }
        var isListening = keepsListening
        while true {
            var census = EventLoop.Census()
            for loop in loops {
                let one = await loop.census()
                census.connections += one.connections
                census.openRequests += one.openRequests
            }
            if census.openRequests == 0, isListening {
                stopListening()
                isListening = false
            } else if census.connections == 0 || clock.now >= deadline {
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

    /// Cancels the tasks of all open requests. Their handlers still answer, over connections that stay open for it.
    package func cancelRequests() async {
        for loop in loops { await loop.cancelRequests() }
    }
}
