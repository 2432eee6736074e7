import Synchronization

/// Knows every piece of work under way, so that a drain can wait for all of it and, when its time is up, end it.
///
/// The mutex guards the pieces, those who wait for their end, and whether everything was ended.
final class WorkRegistry: Sendable {
    private struct State {
        var stops: [Int: @Sendable () -> Void] = [:]
        var nextNumber = 0
        var idleWaiters: [Promise<Void>] = []
        var isStopped = false
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.stops.count } }

    /// Runs `body` in a task of its own. Cancelling the caller cancels it; `stopAll` makes this throw at once.
    ///
    /// - Throws: what `body` throws, or `ServiceFault.draining`.
    func perform<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let promise = Promise<Value>()
        let task = Task {
            do {
                promise.resolve(.success(try await body()))
            } catch {
                promise.resolve(.failure(error))
            }
        }
        let stop: @Sendable () -> Void = {
            promise.resolve(.failure(ServiceFault.draining))
            task.cancel()
        }
        let number = register(stop)
        defer { unregister(number) }
        return try await withTaskCancellationHandler {
            try await promise.value()
        } onCancel: {
            task.cancel()
        }
    }

    /// Ends everything under way, and whatever comes later at once.
    func stopAll() {
        let stops = state.withLock { state in
            state.isStopped = true
            return Array(state.stops.values)
        }
        for stop in stops { stop() }
    }

    /// Returns when nothing is under way.
    func waitUntilIdle() async {
        let promise = Promise<Void>()
        let isIdle = state.withLock { state in
            if !state.stops.isEmpty { state.idleWaiters.append(promise) }
            return state.stops.isEmpty
        }
        if !isIdle { try? await promise.value() }
    }

    private func register(_ stop: @escaping @Sendable () -> Void) -> Int {
        let (number, isStopped) = state.withLock { state in
            state.nextNumber += 1
            state.stops[state.nextNumber] = stop
            return (state.nextNumber, state.isStopped)
        }
        if isStopped { stop() }
        return number
    }

    private func unregister(_ number: Int) {
        let waiters: [Promise<Void>] = state.withLock { state in
            state.stops[number] = nil
            guard state.stops.isEmpty else { return [] }
            defer { state.idleWaiters = [] }
            return state.idleWaiters
        }
        for waiter in waiters { waiter.resolve(.success(())) }
    }
}
