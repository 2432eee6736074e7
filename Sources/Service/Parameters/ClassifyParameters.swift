import Bundles
import Engine

/// The parameters of `/classify`, checked.
struct ClassifyParameters: Sendable {
    static let names = ParameterNames(offered: ["labels"])
    static let labelCountLimit = 64
    static let labelLimit = 200

    /// Labels of the client's own; nil for the bundle's.
    var labels: [String]?

    init(_ list: ParameterList, bundle: BundleSummary) throws {
        labels = try list.list("labels", of: "labels")
        guard let labels else { return }
        guard bundle.hasTextTower else { throw RestorationError.needsTextTower(bundle: bundle.name) }
        guard labels.count <= Self.labelCountLimit else {
            throw ServiceFault.invalidParameter(
                name: "labels", value: "\(labels.count) labels", expected: "at most \(Self.labelCountLimit) labels")
        }
        if let label = labels.first(where: { $0.utf8.count > Self.labelLimit }) {
            throw ServiceFault.invalidParameter(
                name: "labels", value: label, expected: "labels of at most \(Self.labelLimit) bytes")
        }
    }
}
