import Engine
import Synchronization

/// The engine, by the phase of the service's life.
///
/// The mutex guards the phase.
final class EngineAccess: Sendable {
    enum Phase: Sendable {
        case loading
        case serving(any RestorationEngine)
        /// Without an engine where the end was asked for before the weights were there.
        case draining((any RestorationEngine)?)
    }

    private let currentPhase = Mutex(Phase.loading)

    var phase: Phase { currentPhase.withLock { $0 } }

    func start(_ engine: any RestorationEngine) {
        currentPhase.withLock { phase in
            if case .loading = phase { phase = .serving(engine) }
        }
    }

    func beginDrain() {
        currentPhase.withLock { phase in
            switch phase {
            case .serving(let engine): phase = .draining(engine)
            case .loading: phase = .draining(nil)
            case .draining: break
            }
        }
    }

    /// The engine, for new work.
    ///
    /// - Throws: `ServiceFault.loading` or `.draining`.
    func forWork() throws(ServiceFault) -> any RestorationEngine {
        switch phase {
        case .serving(let engine): return engine
        case .loading: throw .loading
        case .draining: throw .draining
        }
    }

    /// The engine, for questions about it; nil where there is none.
    var forQuestions: (any RestorationEngine)? {
        switch phase {
        case .serving(let engine): engine
        case .draining(let engine): engine
        case .loading: nil
        }
    }
}
