import Compute
import Images
import Synchronization

/// A restoration in rounds: a verdict on the picture, then its tiles encoded, sampled, decoded and corrected; then a verdict on
/// what came of it, and so on, until that is that nothing is needed or there were as many rounds as allowed.
///
/// What was treated leaves the list of what a verdict chooses among. Between rounds the picture is neither clamped nor rounded.
///
/// The mutex guards the progress, for tiles may be finished at the same time; it's never held while pixels are worked on.
final class AutoDIRRun: RecipeRun {
    /// What is to be done.
    enum Task: Sendable {
        case assess(rounds: Int, mayBeClean: Bool)
        /// To treat in turn, whatever the picture looks like.
        case categories([Int])
        case prompt(String)

        var rounds: Int {
            switch self {
            case .assess(let rounds, _): rounds
            case .categories(let categories): categories.count
            case .prompt: 1
            }
        }
    }

    /// What a stage does.
    private enum Role {
        case read
        case assess(round: Int)
        case tiles(LatentTiles.Part, round: Int)
    }

    private struct Progress {
        var roles: [Role]
        /// What the round begins with, padded.
        var picture: SignedPicture?
        var original: Picture?
        /// What steers the round's sampling.
        var context: LatentContext?
        /// Categories that a verdict chooses among.
        var left = Array(Assessment.categories.indices)
        /// Whether the round's result is corrected.
        var isCorrected = true
        /// By tile: the latent of its pixels, then the sampled one, then what that was decoded to.
        var encoded: [[Float]] = []
        var sampled: [[Float]] = []
        var decoded: [[Float]] = []
        var blender: SignedBlender?
        var made = 0
        var answer: SignedPicture?
        var rounds: [RestorationResult.Round] = []
        var verdicts: [Classification] = []
        var isClean = false
        var timing = RestorationTiming(stages: [AssessmentStage.name] + LatentTiles.Part.allCases.map(\.name))
        var since: [String: ContinuousClock.Instant] = [:]
    }

    let stages: [Stage]
    let samplesAtOnce: Int
    let ownBytes: Int
    private let assessment: Assessment
    private let labels: [String]
    private let look: AssessmentStage
    private let restorer: LatentTiles
    private let size: (width: Int, height: Int)
    private let tiles: TilePlan
    private let task: Task
    private let colour: ColourCorrection
    private let sampling: RestorationResult.Sampling
    private let progress: Mutex<Progress>

    /// - Parameters:
    ///   - size: of the picture; `tiles` are of the padded one.
    ///   - tilesAtOnce: as many as can be evaluated at the same time.
    init(
        assessment: Assessment, labels: [String], look: AssessmentStage, reader: PromptStage, restorer: LatentTiles,
        size: (width: Int, height: Int), tiles: TilePlan, tilesAtOnce: Int, task: Task, colour: ColourCorrection,
        sampling: RestorationResult.Sampling
    ) {
        self.assessment = assessment
        self.labels = labels
        self.look = look
        self.restorer = restorer
        self.size = size
        self.tiles = tiles
        self.task = task
        self.colour = colour
        self.sampling = sampling
        samplesAtOnce = tilesAtOnce
        ownBytes = Self.ownBytes(tiles)
        var roles: [Role] = []
        switch task {
        case .prompt: roles = [.read] + Self.roles(ofRound: 0)
        case .categories(let categories): roles = categories.indices.flatMap { Self.roles(ofRound: $0) }
        case .assess: roles = [.assess(round: 0)] + Self.roles(ofRound: 0)
        }
        if case .assess(let rounds, _) = task, rounds > 1 { roles.append(.assess(round: 1)) }
        stages = roles.enumerated().map { index, role in
            switch role {
            case .read: reader.stage
            case .assess: look.stage(waits: index > 0)
            case .tiles(let part, _): restorer.stage(part, for: tiles)
            }
        }
        var progress = Progress(roles: roles)
        if case .categories(let categories) = task { progress.isCorrected = categories.first != Assessment.lowResolution }
        self.progress = Mutex(progress)
    }

    private static func roles(ofRound round: Int) -> [Role] {
        LatentTiles.Part.allCases.map { .tiles($0, round: round) }
    }

    /// The picture before and after, tiles between their stages, and what they are blended in.
    private static func ownBytes(_ tiles: TilePlan) -> Int {
        let picture = tiles.width * tiles.height * 3 * MemoryLayout<Float>.stride
        let parts = tiles.count * tiles.tileWidth * tiles.tileHeight * 3 * MemoryLayout<Float>.stride
        return 2 * picture + parts + SignedBlender.bytes(tiles)
    }

    func begin(_ picture: Picture) { progress.withLock { $0.original = picture } }

    // MARK: Making samples

    func makeSample(
        _ index: Int, ofStage stage: Int, in workspace: Workspace, shouldContinue: @escaping () -> Bool
    ) throws(RestorationError) -> sending any StageSample {
        let now = ContinuousClock.now
        let role = progress.withLock { progress in
            let role = progress.roles[stage]
            progress.since[Self.name(of: role)] = progress.since[Self.name(of: role)] ?? now
            return role
        }
        switch role {
        case .read:
            guard case .prompt(let text) = task else { throw .internalFault("no prompt") }
            return PromptSample(text)
        case .assess:
            let picture = try picture()
            return AssessedCrops(assessment.crops(picture.part(x: 0, y: 0, width: size.width, height: size.height)))
        case .tiles(let part, let round): return try makeTile(index, part, round: round)
        }
    }

    private func makeTile(
        _ index: Int, _ part: LatentTiles.Part, round: Int
    ) throws(RestorationError) -> sending any StageSample {
        let tile = tiles[index]
        switch part {
        case .encode:
            return EncodedTile(try self.part(tile))
        case .diffuse:
            let context = try context(ofRound: round)
            let latent = progress.withLock { $0.encoded[index] }
            return restorer.latentTile(tile, picture: latent, context: context)
        case .decode:
            let factor = restorer.networks.configuration.autoencoder.factor
            let latent = progress.withLock { progress in
                defer { progress.sampled[index] = [] }
                return progress.sampled[index]
            }
            return DecodedTile(
                latent, region: .init(width: tile.width / factor, height: tile.height / factor))
        case .correct:
            let (decoded, isCorrected) = progress.withLock { progress in
                defer { progress.decoded[index] = [] }
                return (progress.decoded[index], progress.isCorrected)
            }
            return CorrectedTile(decoded, before: try self.part(tile), isCorrected: isCorrected)
        }
    }

    /// What the round begins with; the first one with the picture as it came, which is padded once.
    private func picture() throws(RestorationError) -> SignedPicture {
        let (known, original) = progress.withLock { ($0.picture, $0.original) }
        if let known { return known }
        guard let original else { throw .internalFault("no picture yet") }
        let padded = SignedPicture(original).padded(to: restorer.memory.alignment)
        progress.withLock { progress in
            if progress.picture == nil { progress.picture = padded }
        }
        return padded
    }

    private func part(_ tile: TilePlan.Tile) throws(RestorationError) -> SignedPicture {
        try picture().part(x: tile.x, y: tile.y, width: tile.width, height: tile.height)
    }

    /// Of the round's verdict, or of what was asked for.
    private func context(ofRound round: Int) throws(RestorationError) -> LatentContext {
        if let known = progress.withLock({ $0.context }) { return known }
        guard case .categories(let categories) = task, categories.indices.contains(round) else {
            throw .internalFault("a tile before its verdict")
        }
        let category = categories[round]
        let context = LatentContext(assessment.states[category])
        return progress.withLock { progress in
            if let known = progress.context { return known }
            progress.context = context
            return context
        }
    }

    // MARK: Finishing samples

    func finishSample(
        _ sample: any StageSample, _ index: Int, ofStage stage: Int
    ) throws(RestorationError) -> StageOutcome {
        let role = progress.withLock { $0.roles[stage] }
        switch role {
        case .read:
            guard let states = (sample as? PromptSample)?.states, states.allAreFinite else {
                throw .nonFinite(stage: PromptStage.name)
            }
            progress.withLock { $0.context = LatentContext(states) }
            return .goOn
        case .assess(let round):
            guard let seen = sample as? AssessedCrops, seen.isSound else { throw .nonFinite(stage: AssessmentStage.name) }
            return finishVerdict(seen.embeddings, round: round)
        case .tiles(let part, let round):
            try finishTile(sample, index, part, round: round)
            return .goOn
        }
    }

    private func finishVerdict(_ embeddings: [[Float]], round: Int) -> StageOutcome {
        var mayBeClean = true
        if case .assess(_, let first) = task, round == 0 { mayBeClean = first }
        let candidates = progress.withLock { $0.left }.filter { mayBeClean || $0 != Assessment.clean }
        let probabilities = assessment.probabilities(of: embeddings, among: candidates)
        // The first of several that are likeliest.
        let best = probabilities.indices.reduce(0) { probabilities[$1] > probabilities[$0] ? $1 : $0 }
        let category = candidates[best]
        let context = LatentContext(assessment.mixture(probabilities, of: candidates))
        let entries = zip(candidates, probabilities).map {
            Classification.Entry(label: labels[$0], probability: $1)
        }
        return progress.withLock { progress in
            end(AssessmentStage.name, &progress)
            if let verdict = Classification(entries: entries) { progress.verdicts.append(verdict) }
            progress.left.removeAll { $0 == category }
            let isClean = category == Assessment.clean
            if round == 0 || !isClean {
                progress.rounds.append(.init(degradation: labels[category], confidence: probabilities[best]))
            }
            if isClean {
                progress.isClean = round == 0
                return .complete
            }
            progress.context = context
            progress.isCorrected = category != Assessment.lowResolution
            guard round > 0 else { return .goOn }
            var more = Self.roles(ofRound: round)
            if round + 1 < task.rounds { more.append(.assess(round: round + 1)) }
            progress.roles += more
            return .extend(more.map { role in
                switch role {
                case .tiles(let part, _): restorer.stage(part, for: tiles)
                case .assess, .read: look.stage(waits: true)
                }
            })
        }
    }

    private func finishTile(
        _ sample: any StageSample, _ index: Int, _ part: LatentTiles.Part, round: Int
    ) throws(RestorationError) {
        switch part {
        case .encode:
            let latent = (sample as? EncodedTile)?.latent ?? []
            try check(latent, part)
            keep(latent, index, part, in: \.encoded)
        case .diffuse:
            guard let tile = sample as? LatentTile, tile.isFinite else { throw .nonFinite(stage: part.name) }
            try check(tile.state, part)
            keep(tile.state, index, part, in: \.sampled)
        case .decode:
            let values = (sample as? DecodedTile)?.values ?? []
            try check(values, part)
            keep(values, index, part, in: \.decoded)
        case .correct:
            let values = (sample as? CorrectedTile)?.values ?? []
            try check(values, part)
            finishPicture(values, index, round: round)
        }
    }

    private func check(_ values: [Float], _ part: LatentTiles.Part) throws(RestorationError) {
        guard !values.isEmpty, values.allAreFinite else { throw .nonFinite(stage: part.name) }
    }

    private func keep(
        _ values: [Float], _ index: Int, _ part: LatentTiles.Part, in place: any WritableKeyPath<Progress, [[Float]]> & Sendable
    ) {
        progress.withLock { progress in
            if progress[keyPath: place].count != tiles.count {
                progress[keyPath: place] = [[Float]](repeating: [], count: tiles.count)
            }
            progress[keyPath: place][index] = values
            progress.made += 1
            guard progress.made == tiles.count else { return }
            progress.made = 0
            end(part.name, &progress)
        }
    }

    /// Takes a tile of what the round makes; the last one ends it.
    private func finishPicture(_ values: [Float], _ index: Int, round: Int) {
        let blender = progress.withLock { progress in
            let blender = progress.blender ?? SignedBlender(tiles)
            progress.blender = blender
            return blender
        }
        guard let made = blender.add(values, ofTile: index) else { return }
        let before = progress.withLock { $0.picture }
        // What is seen is corrected; what goes on is not.
        let answer = before.map { colour.corrected(made, like: $0) } ?? made
        progress.withLock { progress in
            progress.blender = nil
            progress.picture = made
            progress.answer = answer
            progress.encoded = []
            progress.context = nil
            if case .categories(let categories) = task {
                progress.rounds.append(.init(degradation: labels[categories[round]], confidence: nil))
                if categories.indices.contains(round + 1) {
                    progress.isCorrected = categories[round + 1] != Assessment.lowResolution
                }
            }
            end(LatentTiles.Part.correct.name, &progress)
        }
    }

    private func end(_ name: String, _ progress: inout Progress) {
        progress.timing[name] += .now - (progress.since[name] ?? .now)
        progress.since[name] = nil
    }

    private static func name(of role: Role) -> String {
        switch role {
        case .read: PromptStage.name
        case .assess: AssessmentStage.name
        case .tiles(let part, _): part.name
        }
    }

    // MARK: The answer

    func result() throws(RestorationError) -> RestorationResult {
        let state = progress.withLock { $0 }
        guard var picture = state.original else { throw .internalFault("a restoration without a picture") }
        if let answer = state.answer {
            picture.pixels = answer.part(x: 0, y: 0, width: size.width, height: size.height).bytes
        } else if !state.isClean {
            throw .internalFault("a restoration without a picture")
        }
        var result = RestorationResult(
            picture: picture, rounds: state.rounds, sampling: sampling, unchanged: state.isClean,
            modes: state.isClean ? [] : [.photo], timing: state.timing)
        result.verdicts = state.verdicts
        if case .prompt(let text) = task { result.promptIsCut = assessment.cuts(text) }
        return result
    }
}
