import Bundles

extension AutoDIRNetworks {
    /// What a bundle of this kind loses where its file is converted: tables of the schedule and of places.
    static func changes(of bundle: Bundle) throws(BundleError) -> [String: BundleConversion.Change] {
        var change = BundleConversion.Change()
        change.leavesOut = { name in
            passedOver.contains { name.hasPrefix($0) } || name.hasSuffix(".embeddings.position_ids")
        }
        return [try bundle.file(of: bundle.section("model")).name: change]
    }
}
