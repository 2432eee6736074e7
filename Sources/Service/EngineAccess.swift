import Engine
import Synchronization

/// The bundles' engines, by the phase of the service's life.
///
/// The mutex guards the phase.
final class EngineAccess: Sendable {
    enum Phase: Sendable {
        case starting(Preparation)
        case serving(BundleLibrary)
        /// Takes work that still comes, and says that it will drain.
        case leaving(BundleLibrary)
        /// Without a library where the end was asked for before the weights were there.
        case draining(BundleLibrary?)
    }

    private let currentPhase = Mutex(Phase.starting(.loading))

    var phase: Phase { currentPhase.withLock { $0 } }

    /// Notes what keeps the service from its start.
    func prepare(_ preparation: Preparation) {
        currentPhase.withLock { phase in
            if case .starting = phase { phase = .starting(preparation) }
        }
    }

    func start(_ library: BundleLibrary) {
        currentPhase.withLock { phase in
            if case .starting = phase { phase = .serving(library) }
        }
    }

    /// - Returns: false where there is nothing to say it of: it takes no work.
    func announceDrain() -> Bool {
        currentPhase.withLock { phase in
            guard case .serving(let library) = phase else { return false }
            phase = .leaving(library)
            return true
        }
    }

    func beginDrain() {
        currentPhase.withLock { phase in
            switch phase {
            case .serving(let library), .leaving(let library): phase = .draining(library)
            case .starting: phase = .draining(nil)
            case .draining: break
            }
        }
    }

    /// The bundles, for new work.
    ///
    /// - Throws: `ServiceFault.loading` or `.draining`.
    func forWork() throws(ServiceFault) -> BundleLibrary {
        switch phase {
        case .serving(let library), .leaving(let library): return library
        case .starting: throw .loading
        case .draining: throw .draining
        }
    }

    /// The bundles, for questions about them; nil where there are none.
    var forQuestions: BundleLibrary? {
        switch phase {
        case .serving(let library), .leaving(let library): library
        case .draining(let library): library
        case .starting: nil
        }
    }
}

/// What is done before the service takes work.
package enum Preparation: Sendable, Equatable {
    case loading
    /// A bundle's files come: so many bytes are there, of so many where that is known.
    case fetching(bundle: String, received: Int, total: Int?)
}
