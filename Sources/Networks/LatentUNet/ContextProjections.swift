package import Checkpoints

/// Projections of the context to keys and values that a U-Net was not published with and that take the place of its own ("global
/// mapping" of Wei et al., "ELITE", ICCV 2023): files with them are made beside whatever writes the context (README, "Projections
/// from elsewhere").
package struct ContextProjections: Sendable {
    private let weights: [String: StoredTensor]

    /// - Parameter parameters: those named by diffusers' modules, which may stand beside others.
    /// - Throws: where zeros would stand in for too many; what is missing or mis-shaped is noted for `finish`.
    package init(_ parameters: ParameterReader, configuration: LatentUNetConfiguration) throws(CheckpointError) {
        var weights: [String: StoredTensor] = [:]
        let names = DiffusersNames(configuration)
        for (file, name, shape) in names.contextProjections(contextWidth: configuration.contextWidth) {
            weights[name] = try parameters.takeStored(file, shape)
        }
        self.weights = weights
    }

    /// A U-Net's tensors with these in the place of its own, which may be missing.
    ///
    /// - Parameter prefix: below which the U-Net stands.
    package func replacing(in tensors: StateDict, below prefix: String = "") -> StateDict {
        var all: [String: StoredTensor] = [:]
        for (name, tensor) in weights { all[prefix + name] = tensor }
        for name in tensors.names where all[name] == nil { all[name] = tensors[name] }
        return StateDict(all)
    }
}
