import Bundles
import Checkpoints
import Compute

extension NetworkEvaluation {
    /// Of a network of one evaluation.
    static func singlePass(
        _ kind: SinglePassKind, of bundle: Bundles.Bundle, choosing choose: (Set<Precision>) -> Precision
    ) throws -> NetworkEvaluation {
        let section = try reading { () throws(ConfigurationError) in try bundle.configuration.object(kind.rawValue) }
        let (network, precision) = try bundle.singlePassNetwork(kind, from: section, choosing: choose)
        return NetworkEvaluation(precision: precision) { size, batch, workspace in
            let input = SinglePassInput(picture: numbers(size * size * 3), condition: network.blankCondition)
            _ = network.evaluate(
                Array(repeating: input, count: batch), height: size, width: size, means: nil, in: workspace)
        }
    }
}
