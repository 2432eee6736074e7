import Engine
import Synchronization

/// The engine, by the phase of the service's life.
///
/// The mutex guards the phase.
final class EngineAccess: Sendable {
    enum Phase: Sendable {
        case loading
        case serving(Loaded)
        case draining(Loaded)
        /// Asked to end before the weights were there.
        case ended
    }

    /// An engine, and what may be asked of it.
    typealias Loaded = (engine: any RestorationEngine, choices: RestorationChoices)

    private let currentPhase = Mutex(Phase.loading)

    var phase: Phase { currentPhase.withLock { $0 } }

    func start(_ loaded: Loaded) {
        currentPhase.withLock { phase in
            if case .loading = phase { phase = .serving(loaded) }
        }
    }

    func beginDrain() {
        currentPhase.withLock { phase in
            switch phase {
            case .serving(let loaded): phase = .draining(loaded)
            case .loading: phase = .ended
            case .draining, .ended: break
            }
        }
    }

    /// The engine, for new work.
    ///
    /// - Throws: `ServiceFault.loading` or `.draining`.
    func forWork() throws(ServiceFault) -> Loaded {
        switch phase {
        case .serving(let loaded): return loaded
        case .loading: throw .loading
        case .draining, .ended: throw .draining
        }
    }

    /// The engine, for questions about it; nil where there is none.
    var forQuestions: Loaded? {
        switch phase {
        case .serving(let loaded), .draining(let loaded): loaded
        case .loading, .ended: nil
        }
    }
}
