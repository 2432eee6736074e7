package import Checkpoints

/// Made-up weights of a network whose names and shapes the network itself tells.
package enum RandomTensors {
    /// - Parameter build: makes the network.
    /// - Returns: tensors that it takes, each number in -0.2...0.2.
    package static func made(
        seed: UInt64, for build: (ParameterReader) throws -> Void
    ) throws -> [String: StoredTensor] {
        var random = SeededGenerator(seed: seed)
        let nothing = StoredTensor([], shape: [0, 0, 0, 0, 0])
        let names = try complaint([:], build).missing
        let unshaped = Dictionary(names.map { ($0, nothing) }, uniquingKeysWith: { first, _ in first })
        var tensors = unshaped
        for wanted in try complaint(unshaped, build).misshaped {
            let values = (0..<wanted.expected.reduce(1, *)).map { _ in Float.random(in: -0.2...0.2, using: &random) }
            tensors[wanted.name] = StoredTensor(values, shape: wanted.expected)
        }
        return tensors
    }

    private static func complaint(
        _ tensors: [String: StoredTensor], _ build: (ParameterReader) throws -> Void
    ) throws -> ParameterMismatch {
        do {
            try build(ParameterReader(StateDict(tensors)))
        } catch CheckpointError.mismatch(let mismatch) {
            return mismatch
        }
        return .init(missing: [], surplus: [], misshaped: [])
    }
}
