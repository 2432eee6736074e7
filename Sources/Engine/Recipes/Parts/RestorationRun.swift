import Compute
import Images
import Synchronization

/// Restores the tiles of a picture, once it is known what is wrong with it.
protocol TileRestorer: Sendable {
    /// Of its stage, for what is told of times, by label; and of those that are told whatever is found.
    func name(for label: String) -> String
    var names: [String] { get }

    func mode(for label: String) -> RestorationMode

    /// What the request chose, or what was chosen for it; nil where nothing is sampled.
    ///
    /// - Parameter modes: in which pictures were made.
    func sampling(of modes: [RestorationMode]) -> RestorationResult.Sampling?

    /// The stage that a picture's tiles go through. It waits for what is before it.
    ///
    /// - Parameter label: that is treated; nil before it is known.
    /// - Returns: nil where it depends on the label, and that is not known.
    func stage(for tiles: TilePlan, label: String?) -> Stage?

    /// Whether it does anything about what a look may find.
    func treats(_ label: String) -> Bool

    /// - Parameters:
    ///   - finding: what the tile is conditioned on: the look at the whole picture.
    ///   - round: counts the pictures made so far.
    func makeSample(
        _ tile: TilePlan.Tile, of picture: Picture, _ finding: Look.Finding, round: Int
    ) throws(RestorationError) -> sending any StageSample

    /// Red, green and blue of each pixel of a finished tile, nominally 0...1.
    func values(of sample: any StageSample) throws(RestorationError) -> [Float]
}

/// A restoration in rounds: a look at the picture, then its tiles; then perhaps a look at what came of it, and so on.
///
/// One look at the whole picture conditions all its tiles. Labels that the request names are treated in turn, each after
/// a look at the picture so far. Without such, what was treated leaves the labels that are looked for, and rounds go on until the
/// picture is named clean, the classifier is not sure enough, what it names was not there in the first look, or there have been as
/// many as allowed.
///
/// What the classifier names is believed as far as `LookGuard` does, and a round that `RoundGuard` objects to is taken back:
/// the first one leaves the picture as it was, a further one that of the round before.
///
/// The mutex guards the progress, for tiles may be finished at the same time; it's never held while pixels are worked on.
final class RestorationRun<Tiles: TileRestorer>: RecipeRun {
    /// What a stage does.
    private enum Role {
        /// Embeds the request's own words.
        case words
        case look(round: Int)
        /// At the same picture otherwise.
        case lookAgain
        case tiles(round: Int)
    }

    private struct Progress {
        var picture: Picture?
        var roles: [Role]
        var finding: Look.Finding?
        var firstFinding: Look.Finding?
        /// Of the first look: the whole picture, for those who look again; nil where nobody need.
        var firstView: [UInt8]?
        /// Of the looks that were taken again, whether each doubts what was found.
        var doubts: [Bool] = []
        /// Takes the tiles of this round.
        var blender: TileBlender?
        var roundGuard = RoundGuard()
        var rounds: [RestorationResult.Round] = []
        var unchanged = false
        var declined: DeclineReason?
        /// Of each picture that was made.
        var modes: [RestorationMode] = []
        var timing: RestorationTiming
        var since: ContinuousClock.Instant?
    }

    let stages: [Stage]
    let samplesAtOnce: Int
    let ownBytes: Int
    private let look: Look
    private let tiles: TilePlan
    private let restorer: Tiles
    private let options: RestorationOptions
    private let words: WordFeatures?
    /// Whether the tiles of the first picture were planned before it was looked at.
    private let isPlanned: Bool
    private let progress: Mutex<Progress>

    /// Below this probability of its label a restored picture is left as it is; and below this probability of the same
    /// label at the first look: what was not there before is what the restoration itself left, smoothness that is taken for
    /// blur, say. Chosen on mixtures of two degradations and on real pairs (`Weights/mini/README.md`, "Rounds").
    static var leastConfidenceToGoOn: Double { 0.6 }
    static var leastFirstProbability: Double { 0.02 }

    /// - Parameters:
    ///   - tilesAtOnce: as many as can be evaluated at the same time.
    ///   - options: labels, rounds and force; the rest is in `restorer` and `tiles`.
    ///   - words: those among the labels that the bundle doesn't know; nil for none.
    init(
        look: Look, tiles: TilePlan, restorer: Tiles, tilesAtOnce: Int, options: RestorationOptions, words: WordFeatures?
    ) {
        self.look = look
        self.tiles = tiles
        self.restorer = restorer
        self.options = options
        self.words = words
        samplesAtOnce = tilesAtOnce
        ownBytes = TileBlender.workingBytesLimit(for: tiles, tilesAtOnce: tilesAtOnce)
        let rounds = options.degradations?.count ?? 1
        var roles = (0..<rounds).flatMap { [Role.look(round: $0), .tiles(round: $0)] }
        if Self.mayLookAgain(look, options) { roles.insert(.lookAgain, at: 1) }
        if options.mostRounds > rounds { roles.append(.look(round: rounds)) }
        // What depends on the label is planned after the look.
        if options.degradations == nil, restorer.stage(for: tiles, label: nil) == nil { roles = [.look(round: 0)] }
        isPlanned = roles.count > 1
        if words?.stage != nil { roles.insert(.words, at: 0) }
        stages = roles.compactMap { role in
            if case .words = role { return words?.stage }
            return Self.stage(role, look: look, tiles: tiles, restorer: restorer, isFirst: words?.stage == nil) {
                options.degradations?[$0]
            }
        }
        progress = Mutex(Progress(roles: roles, timing: RestorationTiming(stages: ["classify"] + restorer.names)))
    }

    /// Whether what is found may be doubted.
    private static func mayLookAgain(_ look: Look, _ options: RestorationOptions) -> Bool {
        options.degradations == nil && options.isGuarded && look.classifier.labels.contains(Look.cleanLabel)
    }

    /// - Parameters:
    ///   - isFirst: whether nothing is before the first look.
    ///   - label: of a round, as far as it is known.
    private static func stage(
        _ role: Role, look: Look, tiles: TilePlan, restorer: Tiles, isFirst: Bool, label: (_ round: Int) -> String?
    ) -> Stage? {
        switch role {
        case .words: nil
        case .look(let round): look.stage(waits: round > 0 || !isFirst)
        case .lookAgain: look.stage(count: SecondLook.Manner.allCases.count, waits: true)
        case .tiles(let round): restorer.stage(for: tiles, label: label(round))
        }
    }

    /// Stages up to the first look, after which it is known whether anything is to be done.
    var lead: Int { words?.stage == nil ? 1 : 2 }

    func begin(_ picture: Picture) { progress.withLock { $0.picture = picture } }

    func makeSample(
        _ index: Int, ofStage stage: Int, in workspace: Workspace, shouldContinue: @escaping () -> Bool
    ) throws(RestorationError) -> sending any StageSample {
        let now = ContinuousClock.now
        let (role, picture, finding, firstView) = progress.withLock { progress in
            if case .look = progress.roles[stage] { progress.since = now }
            return (progress.roles[stage], progress.picture, progress.finding, progress.firstView)
        }
        guard let picture else { throw .internalFault("no picture yet") }
        switch role {
        case .words:
            guard let words else { throw .internalFault("no words") }
            return words.makeSample(index)
        case .look: return try look.makeSample(of: picture, in: workspace, shouldContinue: shouldContinue)
        case .lookAgain:
            let manner = SecondLook.Manner.allCases[index]
            let isWanted = firstView != nil && finding.map { SecondLook.looks(manner, for: $0.label) } ?? false
            return try look.makeSample(
                of: picture, whole: firstView ?? [], again: isWanted ? manner : nil, in: workspace,
                shouldContinue: shouldContinue)
        case .tiles(let round):
            guard let finding else { throw .internalFault("a tile before its embedding") }
            return try restorer.makeSample(tiles[index], of: picture, finding, round: round)
        }
    }

    func finishSample(
        _ sample: any StageSample, _ index: Int, ofStage stage: Int
    ) throws(RestorationError) -> StageOutcome {
        switch progress.withLock({ $0.roles[stage] }) {
        case .words:
            if let word = sample as? WordSample { try words?.finish(word, index) }
            return .goOn
        case .look(let round): return try finishLook(sample, round: round)
        case .lookAgain: return try finishLook(sample, again: SecondLook.Manner.allCases[index])
        case .tiles: return try finishTile(sample, index)
        }
    }

    private func finishLook(_ sample: any StageSample, round: Int) throws(RestorationError) -> StageOutcome {
        let isFurtherRound = options.degradations == nil && round > 0
        let mayBeClean = options.degradations == nil && !(options.force && round == 0)
        let treated = isFurtherRound ? progress.withLock { $0.rounds.map(\.degradation) } : []
        var finding = try finding(sample, round: round, mayBeClean: mayBeClean, treated: treated)
        let isClean = mayBeClean && finding.label == Look.cleanLabel
        var declined: DeclineReason?
        if !isClean, options.isGuarded, let picture = progress.withLock({ $0.picture }) {
            switch LookGuard.verdict(finding.label, finding.probabilities, of: picture) {
            case .decline(let reason): declined = reason
            case .restore(let label):
                if label != finding.label {
                    finding = try look.finding(sample, forcing: label, mayBeClean: true, treated: treated)
                }
            }
        }
        if !isClean, declined == nil, !restorer.treats(finding.label) { declined = .notTreated }
        let goesOn = !isClean && declined == nil
        return progress.withLock { progress in
            let now = ContinuousClock.now
            progress.timing["classify"] += now - (progress.since ?? now)
            progress.since = now
            if isFurtherRound, !goesOn || !isWorthAnotherRound(finding, after: progress) { return .complete }
            progress.rounds.append(
                .init(degradation: finding.label, confidence: finding.probability, nearest: finding.nearest))
            progress.unchanged = !goesOn
            progress.declined = declined
            if !goesOn { return .complete }
            progress.finding = finding
            if !isFurtherRound, SecondLook.labels.contains(finding.label) {
                progress.firstView = (sample as? ViewsOfPicture)?.views.first
            }
            progress.firstFinding = progress.firstFinding ?? finding
            progress.blender = TileBlender(tiles)
            if isPlanned, !isFurtherRound { return .goOn }
            var more = [Role.tiles(round: round)]
            if !isFurtherRound, Self.mayLookAgain(look, options) { more.insert(.lookAgain, at: 0) }
            if round + 1 < options.mostRounds { more.append(.look(round: round + 1)) }
            progress.roles += more
            return .extend(more.compactMap { role in
                Self.stage(role, look: look, tiles: tiles, restorer: restorer, isFirst: false) { _ in finding.label }
            })
        }
    }

    private func finishLook(
        _ sample: any StageSample, again manner: SecondLook.Manner
    ) throws(RestorationError) -> StageOutcome {
        guard let label = progress.withLock({ $0.firstView == nil ? nil : $0.finding?.label }) else { return .goOn }
        var isDoubted = false
        if SecondLook.looks(manner, for: label) {
            let probabilities = try look.finding(sample, forcing: nil, mayBeClean: true).probabilities
            isDoubted = SecondLook.doubts(label, probabilities, manner)
        }
        return progress.withLock { progress in
            progress.doubts.append(isDoubted)
            guard progress.doubts.count == SecondLook.Manner.allCases.count else { return .goOn }
            let now = ContinuousClock.now
            progress.timing["classify"] += now - (progress.since ?? now)
            (progress.since, progress.firstView) = (now, nil)
            guard progress.doubts.contains(true) else { return .goOn }
            (progress.unchanged, progress.declined) = (true, .undecided)
            return .complete
        }
    }

    private func finding(
        _ sample: any StageSample, round: Int, mayBeClean: Bool, treated: [String]
    ) throws(RestorationError) -> Look.Finding {
        let label = options.degradations?[round]
        if let label, let feature = try words?.feature(of: label) {
            return try look.finding(sample, forcing: label, feature)
        }
        return try look.finding(sample, forcing: label, mayBeClean: mayBeClean, treated: treated)
    }

    private func isWorthAnotherRound(_ finding: Look.Finding, after progress: Progress) -> Bool {
        finding.probability >= Self.leastConfidenceToGoOn
            && progress.firstFinding?.probabilities[finding.label] ?? 0 >= Self.leastFirstProbability
    }

    private func finishTile(_ sample: any StageSample, _ index: Int) throws(RestorationError) -> StageOutcome {
        let values = try restorer.values(of: sample)
        let (blender, before, labels, watched) = progress.withLock {
            ($0.blender, $0.picture, $0.rounds.map(\.degradation), $0.roundGuard)
        }
        guard let blender, blender.add(values, layout: .interleaved, ofTile: index), let before else { return .goOn }
        let label = labels.last ?? ""
        var made = before
        made.pixels = blender.takePixels()
        // The next look must see grey as well.
        if before.isExactlyGrey { made.turnToMean() }
        var roundGuard = watched
        let objection = options.isGuarded ? roundGuard.objection(to: made, madeOf: before, as: labels) : nil
        return progress.withLock { progress in
            (progress.blender, progress.roundGuard) = (nil, roundGuard)
            progress.timing[restorer.name(for: label)] += .now - (progress.since ?? .now)
            guard let objection else {
                progress.picture = made
                progress.modes.append(restorer.mode(for: label))
                return .goOn
            }
            if progress.rounds.count > 1 {
                progress.rounds.removeLast()
            } else {
                (progress.unchanged, progress.declined) = (true, objection)
            }
            return .complete
        }
    }

    func result() throws(RestorationError) -> RestorationResult {
        let (picture, rounds, unchanged, declined, modes, timing) = progress.withLock {
            ($0.picture, $0.rounds, $0.unchanged, $0.declined, $0.modes, $0.timing)
        }
        guard let picture, !rounds.isEmpty else { throw .internalFault("a restoration without a picture") }
        return RestorationResult(
            picture: picture, rounds: rounds, sampling: restorer.sampling(of: modes), unchanged: unchanged,
            declined: declined, modes: modes, timing: timing)
    }
}
