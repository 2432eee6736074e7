import Checkpoints

/// Which of the files that were fetched are in doubt where they can't be made a bundle of.
enum UnfitFiles {
    /// Whether it is what the files hold, and not a disk, say.
    static func areToBlame(for error: any Error) -> Bool {
        switch error {
        case BundleError.unreadable, BundleError.notThere, BundleError.checkpoint(_, .unreadable),
            BundleError.checkpoint(_, .unwritable), CheckpointError.unreadable, CheckpointError.unwritable: false
        case is FetchError: false
        default: true
        }
    }

    /// Those that nobody vouched for: the one that the error names, else all of them.
    static func doubtful(_ files: [FetchedFile], _ error: any Error) -> [String] {
        let names = files.filter { $0.digestBy == .firstUse }.map(\.file)
        guard let named = file(namedBy: error) else { return names }
        let hit = names.filter { stem($0) == stem(named) }
        // Another one, whose digest is known, doesn't fit these.
        return hit.isEmpty ? names : hit
    }

    private static func file(namedBy error: any Error) -> String? {
        switch error {
        case BundleError.checkpoint(let file, _), BundleError.merges(let file, _): file
        default: nil
        }
    }

    /// A converted file has another ending.
    private static func stem(_ name: String) -> Substring {
        name.lastIndex(of: ".").map { name[..<$0] } ?? name[...]
    }
}
