extension StateDict {
    /// The same with the moving averages that training kept in the place of the parameters themselves: `model_ema.` and the
    /// parameter's name behind `model.` without its dots, as Latent Diffusion saves them. Which of both is meant, a file
    /// doesn't say.
    ///
    /// - Throws: one `mismatch` that names every parameter below `model.` without an average of its shape.
    package func takingMovingAverages() throws(CheckpointError) -> StateDict {
        var tensors: [String: StoredTensor] = [:]
        var missing: [String] = []
        var misshaped: [ParameterMismatch.Misshaped] = []
        for name in names where !name.hasPrefix(Self.averages) {
            guard let tensor = self[name] else { continue }
            tensors[name] = tensor
            guard name.hasPrefix(Self.parameters) else { continue }
            let averaged = Self.nameOfAverage(of: name)
            guard let average = self[averaged] else {
                missing.append(averaged)
                continue
            }
            if average.shape != tensor.shape {
                misshaped.append(.init(name: averaged, expected: tensor.shape, found: average.shape))
            }
            tensors[name] = average
        }
        guard missing.isEmpty, misshaped.isEmpty else {
            throw .mismatch(ParameterMismatch(missing: missing, surplus: [], misshaped: misshaped))
        }
        return StateDict(tensors)
    }

    private static let parameters = "model."
    private static let averages = "model_ema."

    /// What the average of a parameter below `model.` is called.
    package static func nameOfAverage(of parameter: String) -> String {
        averages + parameter.dropFirst(parameters.count).filter { $0 != "." }
    }
}
