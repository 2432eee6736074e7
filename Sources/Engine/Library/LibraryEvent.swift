package import Bundles

/// What happened to a bundle, for logs.
package enum LibraryEvent: Sendable {
    case loaded(BundleSummary, bytes: Int)
    /// It can't be used. Where an older version of it is in memory, that one serves on.
    case failed(String, BundleFault)
    /// Let go to make room.
    case evicted(String)
    /// No longer offered.
    case removed(String)
}

/// What a library tells of one of its bundles.
package struct BundleStatus: Sendable {
    package enum State: String, Sendable, CaseIterable {
        case unloaded, loading, loaded, broken
    }

    package var name: String
    package var folder: String
    package var state: State
    /// Whether it is the one for requests that name none.
    package var isDefault: Bool
    /// Nil where its `bundle.json` can't be read.
    package var summary: BundleSummary?
    /// Nil where that is known once it is loaded.
    package var recipe: RecipeDescription?
    /// Why it is broken.
    package var fault: BundleFault?
    /// Bytes that its weights take, or would.
    package var weightBytes: Int
    /// How often it was loaded, could not be, and was let go to make room.
    package var loads: Int
    package var failures: Int
    package var evictions: Int
}

/// The memory of all weights.
package struct WeightsLoad: Sendable, Equatable {
    package var usedBytes: Int
    package var limit: Int
    /// Requests that wait for a bundle to be loaded.
    package var waiting: Int

    package init(usedBytes: Int, limit: Int, waiting: Int) {
        self.usedBytes = usedBytes
        self.limit = limit
        self.waiting = waiting
    }
}
