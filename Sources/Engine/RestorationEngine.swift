package import Bundles
package import Images
package import Scheduling

/// What classifies and restores pictures. The command line and the HTTP service know only this, so tests can put a
/// scripted engine behind them.
package protocol RestorationEngine: Sendable {
    /// The bundle whose weights are loaded.
    var bundle: BundleSummary { get }

    /// What may be asked of that bundle.
    var recipe: RecipeDescription { get }

    /// What a picture of this size would cost, told from its header alone.
    ///
    /// - Throws: `RestorationError` where the picture can't be restored at all (too small, over the memory limit),
    ///   or where an option doesn't suit the bundle.
    func estimate(width: Int, height: Int, options: RestorationOptions) throws(RestorationError) -> RestorationEstimate

    /// Classifies and restores a picture. Cancelling the calling task stops this work, and no other, at its next step.
    ///
    /// - Parameter memory: what is booked for the picture at its turn; nil for nothing.
    func restore(
        _ source: PictureSource, options: RestorationOptions, memory: PictureBooking?,
        progress: @escaping @Sendable (RestorationProgress) -> Void
    ) async throws(RestorationError) -> RestorationResult

    /// Names what is wrong with a picture.
    ///
    /// - Parameters:
    ///   - labels: the labels to choose among instead of the bundle's own; needs a text tower.
    ///   - deadline: when the answer is no longer wanted.
    ///   - memory: what is booked for the picture at its turn; nil for nothing.
    func classify(
        _ source: PictureSource, labels: [String]?, deadline: ContinuousClock.Instant?, memory: PictureBooking?
    ) async throws(RestorationError) -> ClassificationResult

    /// How much work waits and runs, for metrics and `Retry-After`.
    var load: EngineLoad { get }
}

extension RestorationEngine {
    /// Restores a picture that is decoded already.
    package func restore(
        _ picture: Picture, options: RestorationOptions, progress: @escaping @Sendable (RestorationProgress) -> Void
    ) async throws(RestorationError) -> RestorationResult {
        try await restore(PictureSource(picture), options: options, memory: nil, progress: progress)
    }

    /// Names what is wrong with a picture that is decoded already, in whatever time that takes.
    package func classify(_ picture: Picture, labels: [String]?) async throws(RestorationError) -> Classification {
        try await classify(PictureSource(picture), labels: labels, deadline: nil, memory: nil).classification
    }
}

/// A picture that is decoded when its turn comes: until then its file waits, and not 12 bytes a pixel. Or one that is
/// decoded already.
package struct PictureSource: Sendable {
    /// Pixels across and down as displayed, which the header tells.
    package let width: Int
    package let height: Int
    /// Called once at most. Throws `RestorationError`, `ImageError` or `CancellationError`.
    package let load: @Sendable () async throws -> Picture
    /// Where it is decoded already: then its work begins without waiting for `load`.
    package let decoded: Picture?

    package init(width: Int, height: Int, load: @escaping @Sendable () async throws -> Picture) {
        self.width = width
        self.height = height
        self.load = load
        decoded = nil
    }

    package init(_ picture: Picture) {
        width = picture.width
        height = picture.height
        load = { picture }
        decoded = picture
    }
}

/// What work on a picture holds, from its turn to its end, of the memory that all requests share.
package struct PictureBooking: Sendable {
    /// Holds the picture's file until then.
    package let reservation: MemoryBudget.Reservation
    /// What it is to hold from then on.
    package let bytes: Int

    package init(reservation: MemoryBudget.Reservation, bytes: Int) {
        self.reservation = reservation
        self.bytes = bytes
    }
}
