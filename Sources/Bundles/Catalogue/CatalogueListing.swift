import Checkpoints

/// What there is to be had and what is here, for `weights list`.
package struct CatalogueListing: Sendable, Equatable {
    /// How a user gets at a bundle.
    package enum State: String, Sendable, Encodable {
        case here
        /// A fetch was cut short, and the next goes on.
        case begun
        case toFetch = "to fetch"
        /// No server has all files under a fixed address: `page` says where they are.
        case byHand = "by hand"
        case notSupported = "not supported by this version"
    }

    package struct Line: Sendable, Equatable {
        package var name: String
        package var state: State
        package var restores: String?
        package var licence: String
        package var roughBytes: Int
        package var page: String?
        package var folder: String?
    }

    package let lines: [Line]

    /// - Parameters:
    ///   - weights: where bundles are; nil for nowhere.
    ///   - kinds: that can be run.
    package init(_ catalogue: Catalogue, in weights: WeightsFolder?, kinds: Set<String>) {
        let here = weights?.names ?? []
        var lines = catalogue.entries.map { entry in
            let folder = here.contains(entry.name) ? weights?.folder(of: entry.name) : nil
            return Line(
                name: entry.name, state: folder != nil ? .here : Self.state(of: entry, in: weights, kinds),
                restores: entry.restores, licence: entry.licence, roughBytes: entry.roughBytes, page: entry.page,
                folder: folder)
        }
        for name in here where catalogue[name] == nil {
            guard let folder = weights?.folder(of: name), let manifest = try? Bundle.manifest(in: folder) else { continue }
            let bytes = manifest.files.reduce(0) { $0 + (Disk.size(of: folder + "/" + $1.name) ?? 0) }
            lines.append(Line(
                name: name, state: .here, restores: nil, licence: manifest.licence, roughBytes: bytes, page: nil,
                folder: folder))
        }
        self.lines = lines
    }

    /// Of one that isn't here.
    private static func state(of entry: CatalogueEntry, in weights: WeightsFolder?, _ kinds: Set<String>) -> State {
        guard let kind = entry.kind, kinds.contains(kind) else { return .notSupported }
        if let weights, Disk.exists(weights.path + "/.\(entry.name).part") { return .begun }
        return entry.files.contains { $0.address == nil } ? .byHand : .toFetch
    }

    /// A paragraph a bundle.
    package var text: String {
        lines.map { line in
            // A recipe of others' networks has none.
            let size = line.roughBytes == 0 ? "no weights of its own" : Self.size(line.roughBytes)
            var text = "\(line.name): \(line.state.rawValue), \(size), \(line.licence)"
            if let restores = line.restores { text += "\n  " + restores }
            if let folder = line.folder { text += "\n  " + folder } else if let page = line.page { text += "\n  " + page }
            return text
        }.joined(separator: "\n")
    }

    package var json: String { JSON.line(["bundles": lines]) }

    /// Of bytes, for people.
    package static func size(_ bytes: Int) -> String {
        switch bytes {
        case ..<1_000_000: "\((bytes + 999) / 1_000) KB"
        case ..<1_000_000_000: "\((bytes + 500_000) / 1_000_000) MB"
        default:
            "\(bytes / 1_000_000_000 + (bytes % 1_000_000_000 + 50_000_000) / 1_000_000_000)"
                + ".\((bytes % 1_000_000_000 + 50_000_000) / 100_000_000 % 10) GB"
        }
    }
}

extension CatalogueListing.Line: Encodable {
    private enum CodingKeys: String, CodingKey {
        case name, state, restores, licence, roughBytes = "rough_bytes", page, folder
    }
}
