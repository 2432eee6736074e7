import Bundles
import Compute
package import GuidedRestoration
package import Images
import Synchronization

/// Where a restoration's guidance comes from: stages that go before its tiles, and the features that come of them.
protocol GuidanceSource: AnyObject, Sendable {
    /// In order. Each waits for those before it.
    var stages: [Stage] { get }
    /// Bytes of the features.
    var featureBytes: Int { get }

    /// The picture's turn has come.
    ///
    /// - Parameter picture: as it is seen.
    func begin(_ picture: Picture)
    /// The reference that came with it, where one did; told before the picture.
    func begin(reference: Picture)

    func makeSample(
        _ index: Int, ofStage stage: Int, in workspace: Workspace, shouldContinue: @escaping () -> Bool
    ) throws(RestorationError) -> sending any StageSample

    func finishSample(_ sample: any StageSample, _ index: Int, ofStage stage: Int) throws(RestorationError)

    /// What tiles borrow from.
    ///
    /// - Throws: before the last sample is finished.
    func features() throws(RestorationError) -> ReferenceFeatures

    /// Bytes that it holds beside its samples.
    var ownBytes: Int { get }
    /// The drawing that the guidance comes of; nil for one that was there.
    var drawing: GuidanceRun? { get }
}

extension GuidanceSource {
    var ownBytes: Int { 0 }
    var drawing: GuidanceRun? { nil }
}

/// The features of a picture that is there: a reference that came with the request or, where the bundle does without one, the
/// picture itself.
///
/// The mutex guards the picture until its sample is made, and then the features.
final class ReferenceGuidance: GuidanceSource {
    private struct State {
        var picture: Picture?
        var features: ReferenceFeatures?
    }

    let stages: [Stage]
    private let network: any GuidedNetwork
    let featureBytes: Int
    /// At which the reference is looked at.
    private let size: (width: Int, height: Int)
    private let cache: ReferenceCache
    private let takesReference: Bool
    private let state = Mutex(State())

    static let stageName = "reference"
    /// Of an evaluation of a pixel of a reference, in pixels of a restoration: less than half in the published networks.
    private static let costOfPixel = 0.5

    /// - Parameters:
    ///   - takesReference: whether one comes with the request; else the picture stands in for it.
    ///   - size: at which the one or the other is looked at.
    init(
        _ network: any GuidedNetwork, memory: GuidedMemory, cache: ReferenceCache, takesReference: Bool,
        size: (width: Int, height: Int)
    ) {
        self.network = network
        self.size = size
        self.cache = cache
        self.takesReference = takesReference
        featureBytes = memory.keptBytes(width: size.width, height: size.height)
        let pixels = size.width * size.height
        stages = [
            Stage(
                Self.stageName, by: ReferenceStage(), width: size.width, height: size.height,
                sampleBytes: featureBytes + pixels * 3 * MemoryLayout<Float>.stride,
                evaluationBytes: memory.featureBytes(width: size.width, height: size.height),
                cost: Double(pixels) * Self.costOfPixel, maximumBatch: 1, waits: true)
        ]
    }

    func begin(_ picture: Picture) {
        if !takesReference { state.withLock { $0.picture = picture } }
    }

    func begin(reference: Picture) {
        if takesReference { state.withLock { $0.picture = reference } }
    }

    func makeSample(
        _ index: Int, ofStage stage: Int, in workspace: Workspace, shouldContinue: @escaping () -> Bool
    ) throws(RestorationError) -> sending any StageSample {
        let found = state.withLock { state in
            defer { state.picture = nil }
            return state.picture
        }
        guard let found else { throw .internalFault("no reference yet") }
        let picture: Picture
        do throws(ImageError) {
            picture = try ReferencePicture.fitted(found, sharedBy: workspace.team.share, shouldContinue: shouldContinue)
                .resized(to: size, sharedBy: workspace.team.share, shouldContinue: shouldContinue)
        } catch {
            throw error == .cancelled ? RestorationError.cancelled : .reference(error)
        }
        let key = ReferenceCache.key(picture)
        return ReferenceSample(picture, key: key, network: network, features: cache[key])
    }

    func finishSample(_ sample: any StageSample, _ index: Int, ofStage stage: Int) throws(RestorationError) {
        guard let sample = sample as? ReferenceSample, let features = sample.features else {
            throw .internalFault("a reference without features")
        }
        cache.keep(features, as: sample.key)
        state.withLock { $0.features = features }
    }

    func features() throws(RestorationError) -> ReferenceFeatures {
        guard let features = state.withLock({ $0.features }) else { throw .internalFault("a tile before its guidance") }
        return features
    }
}

/// A reference before and after its features are known.
final class ReferenceSample: StageSample {
    let key: String
    fileprivate let picture: Picture
    fileprivate let network: any GuidedNetwork
    fileprivate(set) var features: ReferenceFeatures?

    /// - Parameter features: nil where they are not known yet.
    init(_ picture: Picture, key: String, network: any GuidedNetwork, features: ReferenceFeatures?) {
        self.picture = picture
        self.key = key
        self.network = network
        self.features = features
    }
}

/// Computes features, those alone that are not known.
struct ReferenceStage: StageEvaluator {
    func advance(_ samples: [ReferenceSample], in workspace: Workspace) {
        for sample in samples where sample.features == nil {
            let picture = sample.picture
            sample.features = sample.network.guidance.features(
                of: picture.pixels.map { Float($0) / 255 }, height: picture.height, width: picture.width, in: workspace)
        }
    }
}

/// The size at which a reference is looked at.
package struct ReferenceSize: Sendable {
    /// With shorter sides a tile's search windows would have few places, or one, and what is found would mean nothing.
    private let leastSide: Int
    private let pixels: Int

    /// - Parameter pixels: that it may have: the limit, or fewer where memory is short.
    package init(_ configuration: GuidanceConfiguration, pixels: Int = ReferenceLimits.pixels) {
        self.pixels = pixels
        // Windows of seven places where tiles are largest: four times as long as a block's own share of the reference.
        leastSide = min(512, 4 * GuidedTiles.mostSide / configuration.blockSide)
    }

    /// Of a picture that has the size that such networks are trained with: its own, where it may have so many pixels.
    func size(ofDrawing side: Int) -> (width: Int, height: Int) {
        ReferenceLimits.fitted(width: side, height: side, pixels: pixels)
    }

    /// - Parameter width: of the picture as displayed; likewise `height`.
    package func size(width: Int, height: Int) -> (width: Int, height: Int) {
        let fitted = ReferenceLimits.fitted(width: width, height: height, pixels: pixels)
        let room = (Double(pixels) / Double(fitted.width * fitted.height)).squareRoot()
        let factor = min(Double(leastSide) / Double(min(fitted.width, fitted.height)), room)
        return factor > 1 ? ReferenceLimits.scaled(fitted.width, fitted.height, by: factor) : fitted
    }
}

/// Features of references that a bundle has seen, by the digests of their pixels; those that were used least recently go. The mutex
/// guards them.
package final class ReferenceCache: Sendable {
    private struct Entry {
        let features: ReferenceFeatures
        var lastUse: Int
    }

    private struct State {
        var entries: [String: Entry] = [:]
        var uses = 0

        var bytes: Int { entries.values.reduce(0) { $0 + $1.features.bytes } }
    }

    package let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: in bytes.
    package init(limit: Int = ReferenceLimits.cacheBytes) { self.limit = limit }

    /// What tells a picture from all others.
    package static func key(_ picture: Picture) -> String { "\(picture.width)x\(picture.height) " + FileDigest.sha256(of: picture.pixels) }

    package subscript(key: String) -> ReferenceFeatures? {
        state.withLock { state in
            state.uses += 1
            state.entries[key]?.lastUse = state.uses
            return state.entries[key]?.features
        }
    }

    /// Keeps features, unless they alone are more than all may be.
    package func keep(_ features: ReferenceFeatures, as key: String) {
        guard features.bytes <= limit else { return }
        state.withLock { state in
            state.uses += 1
            state.entries[key] = Entry(features: features, lastUse: state.uses)
            while state.bytes > limit, let oldest = state.entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
                state.entries[oldest.key] = nil
            }
        }
    }

    package var bytes: Int { state.withLock { $0.bytes } }
}
