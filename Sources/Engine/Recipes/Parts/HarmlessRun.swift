import Compute
import Images
import Synchronization

/// A run of any recipe, around which stands what every recipe gets without writing anything: it sees the picture as people
/// do (`SeenPicture`), and what it makes goes through `finish`.
///
/// The picture is made ready when the first sample is, and the result finished when the last one is: on a worker's thread.
/// The mutex guards both. It is held while the picture is made ready, for no sample can be made before.
final class HarmlessRun<Output: Sendable>: RecipeRun {
    typealias Finish = @Sendable (_ output: Output, _ original: Picture, _ isGrey: Bool) -> Output

    private struct State {
        /// As it came.
        var original: Picture?
        /// What was seen; nil until the first sample is made.
        var isGrey: Bool?
        /// Samples that are planned and not finished.
        var samplesLeft: Int
        var output: Output?
    }

    private let run: any RecipeRun<Output>
    private let finish: Finish
    private let state: Mutex<State>

    init(_ run: any RecipeRun<Output>, finish: @escaping Finish) {
        self.run = run
        self.finish = finish
        state = Mutex(State(samplesLeft: run.stages.reduce(0) { $0 + $1.count }))
    }

    var stages: [Stage] { run.stages }
    var samplesAtOnce: Int { run.samplesAtOnce }
    var ownBytes: Int { run.ownBytes }

    func begin(reference: Picture) { run.begin(reference: reference) }

    func begin(_ picture: Picture) { state.withLock { $0.original = picture } }

    func makeSample(
        _ index: Int, ofStage stage: Int, in workspace: Workspace, shouldContinue: @escaping () -> Bool
    ) throws(RestorationError) -> sending any StageSample {
        state.withLock { state in
            guard state.isGrey == nil, let original = state.original else { return }
            let seen = SeenPicture(original)
            state.isGrey = seen.isGrey
            run.begin(seen.picture)
        }
        return try run.makeSample(index, ofStage: stage, in: workspace, shouldContinue: shouldContinue)
    }

    func finishSample(
        _ sample: any StageSample, _ index: Int, ofStage stage: Int
    ) throws(RestorationError) -> StageOutcome {
        let outcome = try run.finishSample(sample, index, ofStage: stage)
        let isLast = state.withLock { state in
            guard state.samplesLeft > 0 else { return false }
            state.samplesLeft -= 1
            switch outcome {
            case .goOn: break
            case .complete: state.samplesLeft = 0
            case .extend(let stages): state.samplesLeft += stages.reduce(0) { $0 + $1.count }
            }
            return state.samplesLeft == 0
        }
        if isLast { try finishOutput() }
        return outcome
    }

    private func finishOutput() throws(RestorationError) {
        guard case (let original?, let isGrey?) = state.withLock({ ($0.original, $0.isGrey) }) else {
            throw .internalFault("a run without a picture")
        }
        let output = finish(try run.result(), original, isGrey)
        state.withLock { $0.output = output }
    }

    func result() throws(RestorationError) -> Output {
        guard let output = state.withLock({ $0.output }) else { throw .internalFault("a run that is not finished") }
        return output
    }
}
