package import Compute
import Diffusion
package import Images
import Synchronization

/// The drawing of one picture's guidance: its stages, for a recipe's run to put before its own, and what comes of them.
///
/// The mutex guards what one part hands to the next; it is never held while anything is computed.
package final class GuidanceRun: Sendable {
    private struct Progress {
        var tokens: [Float] = []
        var context: LatentContext?
        var latent: [Float] = []
        var guidance: Picture?
        var timing: RestorationTiming
        var since: ContinuousClock.Instant?
    }

    package let stages: [Stage]
    /// What was asked for.
    package let sampling: RestorationResult.Sampling
    private let drawing: GuidanceDrawing
    private let latentSampling: LatentSampling
    private let empty: LatentContext
    private let progress: Mutex<Progress>

    init(
        _ drawing: GuidanceDrawing, sampling: LatentSampling, empty: LatentContext, named: RestorationResult.Sampling
    ) {
        self.drawing = drawing
        self.empty = empty
        latentSampling = sampling
        self.sampling = named
        stages = drawing.stages(sampling)
        progress = Mutex(Progress(timing: RestorationTiming(stages: GuidanceDrawing.Part.allCases.map(\.name))))
    }

    /// Bytes that the run holds beside its samples: what a part hands on, and the guidance.
    package var ownBytes: Int { 2 * drawing.side * drawing.side * 3 + (stages.map(\.sampleBytes).max() ?? 0) }

    /// What was drawn; nil until that is done.
    package var guidance: Picture? { progress.withLock { $0.guidance } }

    package var timing: RestorationTiming { progress.withLock { $0.timing } }

    private var region: NoiseSource.Region {
        let side = drawing.networks.configuration.latentSide
        return .init(width: side, height: side)
    }

    /// Makes the one sample of a stage.
    ///
    /// - Parameters:
    ///   - stage: among `stages`.
    ///   - picture: the degraded one.
    package func makeSample(
        ofStage stage: Int, of picture: Picture, in workspace: Workspace, shouldContinue: @escaping () -> Bool
    ) throws(RestorationError) -> sending any StageSample {
        let now = ContinuousClock.now
        let (tokens, context, latent) = progress.withLock { progress in
            progress.since = now
            return (progress.tokens, progress.context, progress.latent)
        }
        switch GuidanceDrawing.Part.allCases[stage] {
        case .look:
            do throws(ImageError) {
                return SeenSquare(
                    try drawing.networks.reader.preprocessing.square(
                        of: picture, in: workspace, shouldContinue: shouldContinue))
            } catch {
                throw error == .cancelled ? .cancelled : .picture(error)
            }
        case .write: return WrittenPrompt(tokens)
        case .sample:
            guard let context else { throw .internalFault("a guidance without words") }
            return LatentTile(region: region, picture: nil, sampling: latentSampling, context: context, empty: empty)
        case .decode: return DecodedTile(latent, region: region)
        }
    }

    /// Takes the sample of a stage back.
    ///
    /// - Throws: `nonFinite`.
    package func finishSample(_ sample: any StageSample, ofStage stage: Int) throws(RestorationError) {
        let part = GuidanceDrawing.Part.allCases[stage]
        func checked(_ values: [Float]?) throws(RestorationError) -> [Float] {
            guard let values, !values.isEmpty, values.allAreFinite else { throw .nonFinite(stage: part.name) }
            return values
        }
        switch part {
        case .look:
            let tokens = try checked((sample as? SeenSquare)?.tokens)
            progress.withLock { $0.tokens = tokens }
        case .write:
            let context = LatentContext(try checked((sample as? WrittenPrompt)?.states))
            progress.withLock { ($0.context, $0.tokens) = (context, []) }
        case .sample:
            let tile = sample as? LatentTile
            guard tile?.isFinite == true else { throw .nonFinite(stage: part.name) }
            let latent = try checked(tile?.state)
            progress.withLock { ($0.latent, $0.context) = (latent, nil) }
        case .decode:
            let values = try checked((sample as? DecodedTile)?.values)
            // A guidance is used as the 8 bits that it can be looked at in.
            let picture = Picture(width: drawing.side, height: drawing.side, pixels: values.map { Picture.byte($0 / 2 + 0.5) })
            progress.withLock { ($0.guidance, $0.latent) = (picture, []) }
        }
        progress.withLock { $0.timing[part.name] += .now - ($0.since ?? .now) }
    }
}
