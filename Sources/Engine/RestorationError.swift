package import Images

/// Why a picture was not restored or classified.
package enum RestorationError: Error, Sendable, Equatable {
    /// A side under the smallest the networks take.
    case pictureTooSmall(width: Int, height: Int, minimumSide: Int)
    /// Restoring would need more working memory than allowed; the largest square that fits is named.
    case exceedsMemory(needed: Int, limit: Int, largestSide: Int)
    /// The overlaps of tiles would take more than allowed beside the picture.
    case overlapExceedsMemory(needed: Int, limit: Int)
    /// An option that the bundle doesn't offer, or not so.
    case option(OptionFault)
    /// Labels of the caller's own need a text tower, which the bundle lacks.
    case needsTextTower(bundle: String)
    case queueFull(limit: Int, retryAfterSeconds: Double)
    /// The estimate says that the deadline can't be met, even by an engine without other work.
    case deadlineUnattainable(estimatedSeconds: Double, allowedSeconds: Double)
    case deadlineExceeded(whileQueued: Bool)
    case cancelled
    /// The picture could not be decoded.
    case picture(ImageError)
    /// The reference that came with it is broken, or none that is taken.
    case reference(ImageError)
    /// The bundle restores with the help of a reference, and there is none.
    case needsReference(bundle: String)
    /// The bundle doesn't do that: `classification`, or an option.
    case notOffered(String, bundle: String)
    /// There is no bundle of that name.
    case unknownBundle(String, known: [String])
    /// The bundle's weights can't be used; the reason names no folder.
    case brokenBundle(String, reason: String)
    /// The engine is being shut down.
    case draining
    /// A stage's numbers stopped being finite: a defect of the weights or of this program.
    case nonFinite(stage: String)
    /// A defect of this program: never a client's fault.
    case internalFault(String)
}
