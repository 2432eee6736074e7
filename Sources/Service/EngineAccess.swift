import Engine
import Synchronization

/// The engine, by the phase of the service's life.
///
/// The mutex guards the phase.
final class EngineAccess: Sendable {
    enum Phase: Sendable {
        case loading
        case serving(Loaded)
        /// Without an engine where the end was asked for before the weights were there.
        case draining(Loaded?)
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
            case .loading: phase = .draining(nil)
            case .draining: break
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
        case .draining: throw .draining
        }
    }

    /// The engine, for questions about it; nil where there is none.
    var forQuestions: Loaded? {
        switch phase {
        case .serving(let loaded): loaded
        case .draining(let loaded): loaded
        case .loading: nil
        }
    }
}
