package import Compute
package import Images

/// What a picture goes through, as one kind of bundle has it: which stages, one after another, and what comes of them.
///
/// A new kind of restorer is a recipe of its own and a line in `RecipeRegistry`. The engine runs all recipes and knows
/// none: it owns workers, workspaces, memory and the queue, and puts samples of one stage and shape into one batch.
package protocol Recipe: Sendable {
    /// What clients may ask of it.
    var description: RecipeDescription { get }

    /// Bytes that its weights hold; nil where that is what their files hold, as float32.
    var weightBytes: Int? { get }

    /// The restoration of one picture.
    ///
    /// - Parameters:
    ///   - width: of the picture, in pixels; likewise `height`.
    ///   - options: checked against `description`.
    /// - Throws: where such a picture can't be restored.
    func restoration(
        width: Int, height: Int, options: RestorationOptions
    ) throws(RestorationError) -> any RecipeRun<RestorationResult>

    /// The classification of one picture.
    ///
    /// - Parameter labels: those to choose among instead of the bundle's own.
    /// - Throws: `notOffered`, `needsTextTower`.
    func classification(labels: [String]?) throws(RestorationError) -> any RecipeRun<Classification>
}

extension Recipe {
    package var weightBytes: Int? { nil }
}

/// One picture on its way through a recipe: what its samples are made of, and what came of them so far.
///
/// The engine calls `begin` once, then makes and finishes samples on its workers' threads, several at the same time.
package protocol RecipeRun<Output>: AnyObject, Sendable {
    associatedtype Output: Sendable

    /// The stages that are known before the picture is; `finishSample` may add more.
    var stages: [Stage] { get }
    /// The most samples between their making and their finishing, so that a large picture never holds more than a few.
    var samplesAtOnce: Int { get }
    /// Bytes that the run holds from its first sample to its last, beside pictures and samples.
    var ownBytes: Int { get }

    /// The picture's turn has come.
    func begin(_ picture: Picture)
    /// The reference that came with it, where one did: told before the picture. Most recipes have no use for one.
    func begin(reference: Picture)

    /// Makes a sample of a stage, numbered from 0 in the order in which stages were added.
    ///
    /// - Parameters:
    ///   - workspace: the calling worker's.
    ///   - shouldContinue: false once nobody wants the result: what takes long throws `cancelled` then.
    func makeSample(
        _ index: Int, ofStage stage: Int, in workspace: Workspace, shouldContinue: @escaping () -> Bool
    ) throws(RestorationError) -> sending any StageSample

    /// Takes a sample back after its last step.
    func finishSample(
        _ sample: any StageSample, _ index: Int, ofStage stage: Int
    ) throws(RestorationError) -> StageOutcome

    /// What came out, once the last sample is finished.
    func result() throws(RestorationError) -> Output
}

extension RecipeRun {
    package func begin(reference: Picture) {}
}

/// How a run goes on when one of its samples is finished.
package enum StageOutcome: Sendable {
    case goOn
    /// Whatever samples are left aren't needed.
    case complete
    /// These follow the stages that there are.
    case extend([Stage])
}
