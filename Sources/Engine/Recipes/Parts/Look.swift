import CLIP
import Checkpoints
import Compute
import Images
import Synchronization

/// A look at a picture: the encoder's embeddings of it, and which label they are closest to. Part of every recipe that
/// finds out what is wrong by itself.
struct Look: Sendable {
    /// The label of pictures that nothing is wrong with, in bundles that know it.
    static let cleanLabel = "clean"

    /// What was seen.
    struct Finding: Sendable {
        let label: String
        /// Of each label that is known, 0...1.
        let probabilities: [String: Double]
        /// Of `label`.
        let probability: Double
        /// The label closest to words of the request's own; nil for a label.
        var nearest: String?
        /// Of the picture, as conditions of a network: that of the degradation turned towards `label`.
        let embeddings: DegradationAwareCLIP.Embeddings

        /// Of a picture that nobody looked at.
        static let nothing = Finding(
            label: "", probabilities: [:], probability: 0, embeddings: .init(degradation: [], content: []))
    }

    let classifier: ZeroShotClassifier
    private let encoder: DegradationAwareCLIP
    private let preprocessing: Preprocessing
    private let maximumBatch: Int
    /// Bytes of an evaluation of one picture with all its views.
    private let evaluationBytes: Int

    /// What a pixel that the encoder looks at costs, in pixels of a restoration network's evaluation; measured, about.
    private static let pixelCost = 0.1
    /// Bytes and floats of a view's pixels.
    private static let bytesPerPixel = 15

    /// Encodes empty pictures to measure what that takes.
    ///
    /// - Parameter loop: shares them out among threads.
    init(
        _ encoder: DegradationAwareCLIP, classifier: ZeroShotClassifier, maximumBatch: Int,
        sharedBy loop: ParameterReader.ParallelLoop
    ) {
        self.encoder = encoder
        self.classifier = classifier
        self.maximumBatch = max(1, maximumBatch)
        let preprocessing = Preprocessing(encoder.configuration)
        self.preprocessing = preprocessing
        let peaks = Mutex([0, 0])
        loop(2) { index in
            let workspace = Workspace(threads: 1)
            let blank = [UInt8](repeating: 128, count: preprocessing.side * preprocessing.side * 3)
            let views = Array(repeating: blank, count: index + 1)
            _ = encoder(preprocessing.normalised(views, in: workspace), in: workspace)
            peaks.withLock { $0[index] = workspace.pool.peakBytes }
        }
        let (one, two) = peaks.withLock { ($0[0], $0[1]) }
        evaluationBytes = one + preprocessing.nativeWindows * max(0, two - one)
    }

    /// In pixels of a restoration network's evaluation.
    var cost: Double { Double(preprocessing.pixels) * Self.pixelCost }

    /// What a label of a caller's own costs: about a third of a view.
    var labelCost: Double { Double(preprocessing.side * preprocessing.side) * Self.pixelCost / 3 }

    /// - Parameters:
    ///   - count: of looks.
    ///   - waits: for all stages before it.
    func stage(count: Int = 1, waits: Bool) -> Stage {
        Stage(
            "embed", by: self, count: count, sampleBytes: preprocessing.pixels * Self.bytesPerPixel, evaluationBytes: evaluationBytes,
            cost: cost, maximumBatch: maximumBatch, waits: waits)
    }

    /// - Throws: `cancelled`, where the picture needn't be looked at any more.
    func makeSample(
        of picture: Picture, in workspace: Workspace, shouldContinue: @escaping () -> Bool
    ) throws(RestorationError) -> sending ViewsOfPicture {
        ViewsOfPicture(try Self.seen { () throws(ImageError) in
            try preprocessing.views(of: picture, in: workspace, shouldContinue: shouldContinue)
        })
    }

    /// Another look at a picture.
    ///
    /// - Parameters:
    ///   - manner: nil for none, which takes no time.
    ///   - whole: what the first look saw of the whole picture.
    /// - Throws: `cancelled`, where the picture needn't be looked at any more.
    func makeSample(
        of picture: Picture, whole: [UInt8], again manner: SecondLook.Manner?, in workspace: Workspace,
        shouldContinue: @escaping () -> Bool
    ) throws(RestorationError) -> sending ViewsOfPicture {
        ViewsOfPicture(try Self.seen { () throws(ImageError) in
            switch manner {
            case nil: []
            case .turned: preprocessing.turnedViews(of: picture, whole: whole)
            case .fromAfar, .fromFarOff:
                try preprocessing.viewsFromAfar(
                    of: picture, whole: whole, scale: manner == .fromAfar ? SecondLook.scaleFromAfar : SecondLook.scaleFromFarOff,
                    in: workspace, shouldContinue: shouldContinue)
            }
        })
    }

    private static func seen(_ views: () throws(ImageError) -> [[UInt8]]) throws(RestorationError) -> [[UInt8]] {
        do throws(ImageError) { return try views() } catch {
            throw error == .cancelled ? .cancelled : .picture(error)
        }
    }

    /// The embeddings that a finished sample has.
    func embeddings(_ sample: any StageSample) throws(RestorationError) -> DegradationAwareCLIP.Embeddings {
        guard let embeddings = (sample as? ViewsOfPicture)?.embeddings else { throw .internalFault("no embedding") }
        guard embeddings.degradation.allAreFinite, embeddings.content.allAreFinite else {
            throw .nonFinite(stage: "embed")
        }
        return embeddings
    }

    /// What a finished sample shows.
    ///
    /// - Parameters:
    ///   - label: to be taken for what is wrong, whatever the picture looks like.
    ///   - mayBeClean: whether clean is among the labels to choose from. What must be restored is not clean: a network
    ///     that is told so would change nothing to speak of.
    ///   - treated: labels that were treated already, which are no longer looked for: probabilities are then those among the rest, as
    ///     AutoDIR has it ("Automatic all-in-one image restoration with latent diffusion", section 3.2).
    func finding(
        _ sample: any StageSample, forcing label: String?, mayBeClean: Bool, treated: [String] = []
    ) throws(RestorationError) -> Finding {
        let found = try embeddings(sample)
        let known = classifier.labels
        let probabilities = try probabilities(of: found.degradation, without: treated)
        let candidates = known.indices.filter { (mayBeClean || known[$0] != Self.cleanLabel) && !treated.contains(known[$0]) }
        let best = candidates.max { probabilities[$0] < probabilities[$1] } ?? 0
        let label = label ?? known[best]
        var embeddings = found
        embeddings.degradation =
            classifier.embedding(forcing: label, insteadOf: found.degradation) ?? found.degradation
        let byLabel = Dictionary(
            zip(known, probabilities.map { Double($0) }), uniquingKeysWith: { first, _ in first })
        return Finding(
            label: label, probabilities: byLabel, probability: byLabel[label] ?? 0, embeddings: embeddings)
    }

    /// In the order of the classifier's labels; of those left out 0.
    private func probabilities(of embedding: [Float], without treated: [String]) throws(RestorationError) -> [Float] {
        let all = try classifier.finiteProbabilities(of: embedding)
        guard !treated.isEmpty else { return all }
        let left = zip(classifier.labels, all).map { treated.contains($0) ? 0 : $1 }
        let sum = left.reduce(0, +)
        return sum > 0 ? left.map { $0 / sum } : left
    }

    /// What a finished sample shows to somebody who says in words of his own what is wrong.
    ///
    /// - Parameter feature: of the words.
    func finding(
        _ sample: any StageSample, forcing words: String, _ feature: [Float]
    ) throws(RestorationError) -> Finding {
        let found = try finding(sample, forcing: nil, mayBeClean: true)
        var embeddings = try embeddings(sample)
        let probability = classifier.probability(of: feature, for: embeddings.degradation)
        embeddings.degradation = classifier.embedding(forcing: feature, insteadOf: embeddings.degradation)
        return Finding(
            label: words, probabilities: found.probabilities, probability: Double(probability),
            nearest: classifier.nearestLabel(to: feature), embeddings: embeddings)
    }
}

/// A picture on its way through the encoder.
final class ViewsOfPicture: StageSample {
    /// Interleaved RGB bytes of the encoder's input size: the whole picture, then windows of it; none where nobody looks.
    let views: [[UInt8]]
    /// The content of the whole, and the degradation as the mean over the views.
    fileprivate(set) var embeddings: DegradationAwareCLIP.Embeddings?

    init(_ views: [[UInt8]]) { self.views = views }
}

extension Look: StageEvaluator {
    func advance(_ all: [ViewsOfPicture], in workspace: Workspace) {
        let samples = all.filter { !$0.views.isEmpty }
        let wholes = embeddings(of: samples.compactMap(\.views.first), in: workspace) { encoder($0, in: workspace) }
        var windows = embeddings(of: samples.flatMap { $0.views.dropFirst() }, in: workspace) {
            encoder.degradationEmbeddings($0, in: workspace)
        }[...]
        for (sample, whole) in zip(samples, wholes) {
            let views = [whole.degradation] + windows.prefix(sample.views.count - 1)
            windows = windows.dropFirst(sample.views.count - 1)
            var mean = whole
            mean.degradation = whole.degradation.indices.map { index in
                views.reduce(0) { $0 + $1[index] } / Float(views.count)
            }
            sample.embeddings = mean
        }
    }

    /// In batches of what the configuration allows, for a picture may have several views.
    private func embeddings<Embedding>(
        of views: [[UInt8]], in workspace: Workspace, by encode: (Tensor) -> [Embedding]
    ) -> [Embedding] {
        stride(from: 0, to: views.count, by: maximumBatch).flatMap { start in
            let batch = Array(views[start..<min(start + maximumBatch, views.count)])
            return encode(preprocessing.normalised(batch, in: workspace))
        }
    }
}

extension ZeroShotClassifier {
    /// - Throws: `nonFinite`, as a stored feature may be.
    func finiteProbabilities(of embedding: [Float]) throws(RestorationError) -> [Float] {
        let probabilities = probabilities(of: embedding)
        guard probabilities.allAreFinite else { throw .nonFinite(stage: "embed") }
        return probabilities
    }
}

extension Collection<Float> {
    /// Whether none is infinite or no number.
    var allAreFinite: Bool {
        // Compared as whole numbers, which the compiler turns into wide instructions.
        var largest: UInt32 = 0
        for value in self { largest = Swift.max(largest, value.bitPattern & 0x7FFF_FFFF) }
        return largest < 0x7F80_0000
    }
}
