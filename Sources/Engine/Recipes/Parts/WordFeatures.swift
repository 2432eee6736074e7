import CLIP
import Compute
import Synchronization

/// Puts words of requests into the directions that pictures are compared with. What was asked for lately is remembered.
struct WordEncoder: Sendable {
    private let encoder: LabelEncoder
    private let cache = FeatureCache()
    private let cost: Double
    private let maximumBatch: Int
    private let evaluationBytes: Int

    /// Encodes a word to measure what that takes.
    init(_ encoder: LabelEncoder, cost: Double, maximumBatch: Int) {
        self.encoder = encoder
        self.cost = cost
        self.maximumBatch = maximumBatch
        let workspace = Workspace(threads: 1)
        _ = encoder.features(of: ["clean"], in: workspace)
        evaluationBytes = workspace.pool.peakBytes
    }

    /// The features of a request's words: those that are known, and a stage for the others.
    func features(of words: [String]) -> WordFeatures {
        WordFeatures(words, cache: cache) { count in
            Stage(
                "label", by: self, count: count, sampleBytes: 4_096, evaluationBytes: evaluationBytes, cost: cost,
                maximumBatch: maximumBatch)
        }
    }
}

extension WordEncoder: StageEvaluator {
    func advance(_ samples: [WordSample], in workspace: Workspace) {
        for (sample, feature) in zip(samples, encoder.features(of: samples.map(\.word), in: workspace)) {
            sample.feature = feature
        }
    }
}

/// Words on their way through the text tower.
final class WordSample: StageSample {
    let word: String
    fileprivate(set) var feature: [Float]?

    init(_ word: String) { self.word = word }
}

/// The features of one request's words, as they come. The mutex guards them, for several may be finished at the same time.
final class WordFeatures: Sendable {
    let words: [String]
    /// Computes what is not known yet; nil where all is.
    let stage: Stage?
    /// The places of those words.
    private let missing: [Int]
    private let cache: FeatureCache
    private let found: Mutex<[[Float]?]>

    /// - Parameter stage: for a number of words.
    fileprivate init(_ words: [String], cache: FeatureCache, stage: (_ count: Int) -> Stage) {
        self.words = words
        self.cache = cache
        let known = words.map { cache[$0] }
        missing = words.indices.filter { known[$0] == nil }
        self.stage = missing.isEmpty ? nil : stage(missing.count)
        found = Mutex(known)
    }

    /// A sample of the stage.
    func makeSample(_ index: Int) -> sending WordSample { WordSample(words[missing[index]]) }

    /// Takes it back.
    ///
    /// - Throws: `nonFinite`.
    func finish(_ sample: WordSample, _ index: Int) throws(RestorationError) {
        guard let feature = sample.feature else { throw .internalFault("no feature") }
        guard feature.allAreFinite else { throw .nonFinite(stage: "label") }
        cache[sample.word] = feature
        found.withLock { $0[missing[index]] = feature }
    }

    /// One a word, not normalised, once the stage is done.
    func all() throws(RestorationError) -> [[Float]] {
        let features = found.withLock { $0.compactMap { $0 } }
        guard features.count == words.count else { throw .internalFault("words without features") }
        return features
    }

    /// Nil for what is not among the words.
    func feature(of word: String) throws(RestorationError) -> [Float]? {
        guard let index = words.firstIndex(of: word) else { return nil }
        return try all()[index]
    }
}

/// Features of words that were asked for lately. The mutex guards them.
private final class FeatureCache: Sendable {
    /// With embeddings of 768 numbers that is 3 MiB.
    private static let capacity = 1_024

    private struct State {
        var features: [String: [Float]] = [:]
        /// The least recently asked for first.
        var order: [String] = []

        mutating func touch(_ key: String) {
            if let place = order.firstIndex(of: key) { order.remove(at: place) }
            order.append(key)
        }
    }

    private let state = Mutex(State())

    subscript(word: String) -> [Float]? {
        get {
            let key = TextCleaning.clean(word)
            return state.withLock { state in
                guard let feature = state.features[key] else { return nil }
                state.touch(key)
                return feature
            }
        }
        set {
            let key = TextCleaning.clean(word)
            state.withLock { state in
                state.features[key] = newValue
                state.touch(key)
                if state.order.count > Self.capacity { state.features[state.order.removeFirst()] = nil }
            }
        }
    }
}
