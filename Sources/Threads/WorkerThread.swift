import Dispatch
import Synchronization
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A detached thread with a stack and a name of its own, for work that blocks: never Swift's cooperative pool.
package enum WorkerThread {
    package struct StartFailure: Error, CustomStringConvertible {
        /// The `errno` value.
        package let code: Int32

        package init(code: Int32) { self.code = code }

        package var description: String { "the system gave no thread (error \(code))" }
    }

    /// Starts a thread of a name that runs a body: `start` itself, or what a test puts in its place.
    package typealias Starter = (String, @escaping @Sendable () -> Void) throws(StartFailure) -> Void

    private final class Body {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// - Parameter name: the system shows its first 15 bytes.
    /// - Throws: where the system gives no thread, as under a limit on processes.
    package static func start(
        name: String, stackBytes: Int = 8 << 20, _ run: @escaping @Sendable () -> Void
    ) throws(StartFailure) {
        var attributes = pthread_attr_t()
        var code = pthread_attr_init(&attributes)
        guard code == 0 else { throw StartFailure(code: code) }
        defer { pthread_attr_destroy(&attributes) }
        code = pthread_attr_setstacksize(&attributes, stackBytes)
        guard code == 0 else { throw StartFailure(code: code) }
        code = pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        guard code == 0 else { throw StartFailure(code: code) }

        let shortName = String(decoding: name.utf8.prefix(15), as: UTF8.self)
        let body = Unmanaged.passRetained(
            Body {
                setName(shortName)
                run()
            })
        #if canImport(Darwin)
        var thread: pthread_t?
        #else
        var thread = pthread_t()
        #endif
        code = pthread_create(
            &thread, &attributes,
            { context in
                let context: UnsafeMutableRawPointer? = context
                if let context { Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run() }
                return nil
            }, body.toOpaque())
        guard code == 0 else {
            body.release()
            throw StartFailure(code: code)
        }
    }

    /// Runs work that blocks on a thread of its own; the calling task waits without blocking one.
    ///
    /// - Throws: what the work throws, or `StartFailure`.
    package static func run<Value: Sendable>(
        name: String, _ work: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            do throws(StartFailure) {
                try start(name: name) { continuation.resume(with: Result { try work() }) }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    /// Runs work that waits, and blocks the calling thread until it is done: one of those started here, never one of the
    /// cooperative pool.
    package static func wait<Value: Sendable>(
        for work: @escaping @Sendable () async throws -> Value
    ) throws -> Value {
        let outcome = Outcome<Value>()
        Task {
            do {
                outcome.end(.success(try await work()))
            } catch {
                outcome.end(.failure(error))
            }
        }
        return try outcome.wait().get()
    }

    /// Names the calling thread for debuggers and `top`; no harm where that fails.
    private static func setName(_ name: String) {
        #if canImport(Darwin)
        pthread_setname_np(name)
        #else
        // Glibc's header shows pthread_setname_np only to GNU sources, which Swift's import of it isn't.
        let descriptor = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        _ = Array(name.utf8).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
        #endif
    }
}

/// What a task leaves for a thread that waits for it. The mutex guards it and is held for no longer than that takes; the
/// semaphore is signalled once.
private final class Outcome<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, any Error>?>(nil)
    private let done = DispatchSemaphore(value: 0)

    func end(_ result: Result<Value, any Error>) {
        self.result.withLock { $0 = result }
        done.signal()
    }

    func wait() -> Result<Value, any Error> {
        done.wait()
        return result.withLock { $0 } ?? .failure(CancellationError())
    }
}
