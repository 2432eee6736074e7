extension StateDict {
    /// Some of the tensors, under other names and shapes perhaps.
    ///
    /// - Parameter choose: what a tensor is called there, and with which shape; nil for one that is left out.
    /// - Throws: `malformedTensor` for a name that two of them would have.
    package func choosing(
        _ choose: (_ name: String, _ tensor: StoredTensor) -> (name: String, tensor: StoredTensor)?
    ) throws(CheckpointError) -> StateDict {
        var tensors: [String: StoredTensor] = [:]
        for name in names {
            guard let tensor = self[name], let chosen = choose(name, tensor) else { continue }
            guard tensors.updateValue(chosen.tensor, forKey: chosen.name) == nil else {
                throw .malformedTensor(name: name, "and another one are both called \(quoted(chosen.name))")
            }
        }
        return StateDict(tensors)
    }

    /// Those below a prefix, which their names lose; all where it is empty.
    package func below(_ prefix: String) throws(CheckpointError) -> StateDict {
        try choosing { name, tensor in name.hasPrefix(prefix) ? (String(name.dropFirst(prefix.count)), tensor) : nil }
    }
}
