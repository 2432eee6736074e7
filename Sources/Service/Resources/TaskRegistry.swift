import Synchronization

/// Knows every request and job under way, so that a drain can wait for all of them and, when its time is up, end them.
///
/// The mutex guards how each is stopped, those who wait for the end of all, and whether everything was ended.
final class TaskRegistry: Sendable {
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

/// A value that comes once, for one waiter. Later resolutions are ignored.
///
/// The mutex guards the value and the waiter.
final class Promise<Value: Sendable>: Sendable {
    private enum State {
        case empty
        case awaited(CheckedContinuation<Value, any Error>)
        case resolved(Result<Value, any Error>)
    }

    private let state = Mutex(State.empty)

    /// - Returns: whether this was the first resolution.
    @discardableResult
    func resolve(_ result: Result<Value, any Error>) -> Bool {
        let (isFirst, waiter) = state.withLock { state -> (Bool, CheckedContinuation<Value, any Error>?) in
            switch state {
            case .empty:
                state = .resolved(result)
                return (true, nil)
            case .awaited(let waiter):
                state = .resolved(result)
                return (true, waiter)
            case .resolved: return (false, nil)
            }
        }
        waiter?.resume(with: result)
        return isFirst
    }

    /// Waits for the value. May be called once.
    func value() async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let result: Result<Value, any Error>? = state.withLock { state in
                if case .resolved(let result) = state { return result }
                state = .awaited(continuation)
                return nil
            }
            if let result { continuation.resume(with: result) }
        }
    }
}

/// Runs a closure when its last reference goes.
final class Subscription: Sendable {
    private let end: @Sendable () -> Void

    init(end: @escaping @Sendable () -> Void) {
        self.end = end
    }

    deinit { end() }
}
