import Bundles
import Checkpoints

extension DrawnGuidanceFiles {
    /// What the files of a bundle's section `words` lose where they are converted: what is of no use. Each keeps its layout.
    static func changes(of bundle: Bundles.Bundle) throws(BundleError) -> [String: BundleConversion.Change] {
        guard bundle.configuration.has(DrawnGuidanceConfiguration.section) else { return [:] }
        let section = try bundle.section(DrawnGuidanceConfiguration.section)
        let layers = try reading { () throws(ConfigurationError) in try DrawnGuidanceConfiguration(section) }.text.layers
        var changes: [String: BundleConversion.Change] = [:]
        for key in keys where section.has(key) {
            let object = try reading { () throws(ConfigurationError) in try section.object(key) }
            guard object.has("file") else { continue }
            var change = BundleConversion.Change()
            change.leavesOut = { !isUsed($0, in: key, textLayers: layers) }
            changes[try bundle.file(of: object).name] = change
        }
        return changes
    }
}
