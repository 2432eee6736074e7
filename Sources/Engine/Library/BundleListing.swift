package import Bundles

/// A bundle as a library lists it: what is known of it without its weights, or why it can't be used.
package struct BundleListing: Sendable {
    /// What a sound `bundle.json` tells.
    package struct Contents: Sendable, Equatable {
        package var summary: BundleSummary
        /// What may be asked of it; nil where only its networks can tell.
        package var recipe: RecipeDescription?
        /// SHA-256 of its `bundle.json`, which holds those of its weights.
        package var manifestDigest: String
        /// About the bytes that its weights take, as far as that is known before they are read.
        package var weightBytes: Int

        package init(summary: BundleSummary, recipe: RecipeDescription?, manifestDigest: String, weightBytes: Int) {
            self.summary = summary
            self.recipe = recipe
            self.manifestDigest = manifestDigest
            self.weightBytes = weightBytes
        }
    }

    package let folder: String
    /// As requests call it: that of `bundle.json`, or where that can't be read that of the folder.
    package let name: String
    package let contents: Result<Contents, BundleFault>

    package init(folder: String, name: String, contents: Result<Contents, BundleFault>) {
        self.folder = folder
        self.name = name
        self.contents = contents
    }

    /// Whether its `bundle.json` could be read.
    package var isSound: Bool { if case .success = contents { true } else { false } }

    /// Reads a folder's `bundle.json` and looks at its files. Blocks.
    package init(folder: String, recipes: RecipeRegistry = .standard) {
        self.folder = folder
        var name = folder.split(separator: "/").last.map { String($0) } ?? folder
        do {
            let outline = try BundleOutline(folder)
            name = outline.manifest.name
            // A network of one evaluation borrows a classifier and nothing else.
            let borrowed = SinglePassKind(rawValue: outline.manifest.kind) == nil ? nil : ["daclip"]
            contents = .success(Contents(
                summary: BundleSummary(outline.manifest), recipe: try recipes.description(of: outline),
                manifestDigest: outline.manifestDigest, weightBytes: try outline.weightBytes(borrowing: borrowed)))
        } catch {
            contents = .failure(BundleFault(error, folder: folder))
        }
        self.name = name
    }
}

/// Why a bundle can't be used.
package struct BundleFault: Error, Sendable, CustomStringConvertible {
    /// What was thrown; nil where nothing was.
    package let cause: (any Error)?
    /// In one line, without the place of the folder, which is no client's business.
    package let description: String
    /// Whether it lies with the machine as it is now, and not with the bundle: another try may go well.
    package let isPassing: Bool

    package init(_ cause: any Error, folder: String) {
        self.cause = cause
        isPassing = cause is RestorationError || (cause as? BundleFault)?.isPassing ?? false
        let text = cause is RestorationError ? "it can't be set up" : String(describing: cause)
        description = text.replacing(folder + "/", with: "")
    }

    package init(reason: String, isPassing: Bool = false) {
        cause = nil
        self.isPassing = isPassing
        description = reason
    }
}

/// A folder no longer has the bundle that was listed.
package struct ChangedBundle: Error, CustomStringConvertible {
    /// What it has now.
    package let now: BundleListing

    package init(_ now: BundleListing) { self.now = now }

    package var description: String { "bundle.json has changed since it was read, to a bundle called \(now.name)" }
}
