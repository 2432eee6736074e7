import Bundles
import Checkpoints

extension AutoDIRNetworks {
    /// What a bundle of this kind loses where its file is converted: tables of the schedule and of places, and either the
    /// parameters or their moving averages.
    static func changes(of bundle: Bundle) throws(BundleError) -> [String: BundleConversion.Change] {
        let name = try bundle.file(of: bundle.section("model")).name
        var change = BundleConversion.Change()
        change.leavesOut = { name in
            passedOver.contains { name.hasPrefix($0) } || name.hasSuffix(".embeddings.position_ids")
        }
        guard try usesAverages(bundle), let file = bundle.manifest.files.first(where: { $0.name == name }) else {
            return [name: change]
        }
        let tensors = try bundle.tensors(of: file)
        change.metadata = [averagesKey: "moving averages"]
        guard tensors.metadata[averagesKey] == nil else { return [name: change] }
        do throws(CheckpointError) {
            let averaged = try tensors.takingMovingAverages()
            for name in averaged.names where name.hasPrefix("model.") { change.adds[name] = averaged[name] }
        } catch {
            throw .checkpoint(file: name, error)
        }
        return [name: change]
    }

    /// In the header of a file that has the averages in the place of the parameters.
    private static let averagesKey = "restored.parameters"

    /// Whether the averages that training kept are meant (`use_ema`, as in the official option files).
    private static func usesAverages(_ bundle: Bundle) throws(BundleError) -> Bool {
        try reading { () throws(ConfigurationError) in
            try bundle.configuration.object("model").flag("use_ema", default: false)
        }
    }

    /// Which of a file's tensors a bundle means.
    static func chosenWeights(
        _ bundle: Bundle
    ) throws(BundleError) -> (StateDict) throws(CheckpointError) -> StateDict {
        guard try usesAverages(bundle) else { return { tensors in tensors } }
        return { tensors throws(CheckpointError) in
            tensors.metadata[averagesKey] == nil ? try tensors.takingMovingAverages() : tensors
        }
    }
}
