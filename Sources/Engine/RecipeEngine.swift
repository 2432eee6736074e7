package import Bundles
import Images

/// Runs the recipe of one bundle, on workers that it may share with the engines of others.
package final class RecipeEngine: RestorationEngine {
    package let bundle: BundleSummary
    package let recipe: RecipeDescription
    private let runs: any Recipe
    private let workers: RecipeWorkers
    private let number: Int

    /// The smallest side that is restored, in pixels.
    package static let minimumSide = 8

    /// Builds a bundle's networks, measures what they need, and starts workers of its own.
    ///
    /// - Throws: `BundleError` where the kind is not known or tensors don't fit, `RestorationError` where threads can't
    ///   be had.
    package convenience init(
        _ bundle: Bundles.Bundle, configuration: EngineConfiguration, recipes: RecipeRegistry = .standard
    ) throws {
        let recipe = try recipes.recipe(for: bundle, engine: configuration)
        self.init(recipe, of: BundleSummary(bundle.manifest), on: try RecipeWorkers(configuration))
    }

    /// - Parameter number: of the bundle with these workers; nil for a new one.
    package init(_ recipe: any Recipe, of bundle: BundleSummary, on workers: RecipeWorkers, number: Int? = nil) {
        runs = recipe
        self.recipe = recipe.description
        self.bundle = bundle
        self.workers = workers
        self.number = number ?? workers.numberOfNextBundle()
    }

    // MARK: What is asked

    package func estimate(
        width: Int, height: Int, options: RestorationOptions
    ) throws(RestorationError) -> RestorationEstimate {
        let run = try restoration(width: width, height: height, options: options)
        return RestorationEstimate(
            bytes: run.stages.map { $0.sampleBytes + $0.evaluationBytes }.max() ?? 0, blendingBytes: run.ownBytes,
            seconds: workers.estimatedSeconds(for: run.stages, ofBundle: number, sharing: true),
            idleSeconds: workers.estimatedSeconds(for: run.stages, ofBundle: number, sharing: false))
    }

    /// - Throws: where the picture can't be restored, or an option is wrong.
    private func restoration(
        width: Int, height: Int, options: RestorationOptions
    ) throws(RestorationError) -> any RecipeRun<RestorationResult> {
        guard min(width, height) >= Self.minimumSide else {
            throw .pictureTooSmall(width: width, height: height, minimumSide: Self.minimumSide)
        }
        do throws(OptionFault) { try recipe.check(options) } catch { throw .option(error) }
        let run = HarmlessRun(try runs.restoration(width: width, height: height, options: options)) { result, original, isGrey in
            result.answering(original, seenAsGrey: isGrey, isGuarded: options.isGuarded)
        }
        // Where a large overlap was asked for, its sums alone may fill the memory.
        let limit = workers.configuration.memoryBudget
        guard run.ownBytes <= limit else { throw .overlapExceedsMemory(needed: run.ownBytes, limit: limit) }
        return run
    }

    // MARK: What is done

    package func restore(
        _ source: PictureSource, options: RestorationOptions, memory: PictureBooking?,
        progress: @escaping @Sendable (RestorationProgress) -> Void
    ) async throws(RestorationError) -> RestorationResult {
        let run = try restoration(width: source.width, height: source.height, options: options)
        var (result, waiting) = try await workers.perform(
            run, on: source, reference: options.reference, ofBundle: number, memory: memory, deadline: options.deadline,
            progress: progress)
        (result.timing.queue, result.timing.decode) = (waiting.queue, waiting.decode)
        return result
    }

    package func classify(
        _ source: PictureSource, labels: [String]?, deadline: ContinuousClock.Instant?, memory: PictureBooking?
    ) async throws(RestorationError) -> ClassificationResult {
        let start = ContinuousClock.now
        let run = HarmlessRun(try runs.classification(labels: labels)) { found, _, _ in found }
        var (result, timing) = try await workers.perform(
            run, on: source, ofBundle: number, memory: memory, deadline: deadline, progress: nil)
        timing["classify"] = .now - start - timing.queue - timing.decode
        return ClassificationResult(result, timing: timing)
    }

    package var load: EngineLoad { workers.load }

    /// Ends all work of these workers that isn't finished, at its next step.
    package func stop() async { await workers.stop() }
}
