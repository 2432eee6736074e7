import Compute
import LatentUNet
import Synchronization

/// A text's states, and what the network's transformers see of them: projected by whichever evaluation needs that first. Where
/// two do so at the same time both come to the same numbers. The mutex guards them and is not held meanwhile.
final class LatentContext: Sendable {
    private let states: [Float]
    private let projected = Mutex<TextContext?>(nil)

    init(_ states: [Float]) { self.states = states }

    func projection(by network: LatentUNet, in workspace: Workspace) -> TextContext {
        if let known = projected.withLock({ $0 }) { return known }
        let context = network.context(states, in: workspace)
        projected.withLock { $0 = context }
        return context
    }
}
