import CLIP
import Compute
import Diffusion
import RestorationUNet
import Scheduling

/// Runs batches of samples through the networks: one call for all that share a shape, whatever request they are of.
struct NetworkEvaluator: StepEvaluator {
    /// What samples must share to be evaluated together.
    enum BatchKey: Hashable, Sendable {
        case embedding
        case label
        case diffusion(width: Int, height: Int)
    }

    let classifier: DegradationAwareCLIP
    /// Nil where the bundle has no text tower.
    let labelEncoder: LabelEncoder?
    let network: ConditionalUNet
    private let preprocessing: Preprocessing
    private let maximumBatch: Int
    private let workspaces: Workspaces

    /// Pixels of a batch beyond which another picture no longer makes an evaluation cheaper.
    private static let batchPixels = 256 * 256

    init(
        classifier: DegradationAwareCLIP, labelEncoder: LabelEncoder?, network: ConditionalUNet, workers: Int,
        threads: Int, maximumBatch: Int
    ) {
        self.classifier = classifier
        self.labelEncoder = labelEncoder
        self.network = network
        preprocessing = Preprocessing(classifier.configuration)
        self.maximumBatch = maximumBatch
        workspaces = Workspaces(count: workers, threads: threads)
    }

    func maximumBatch(for key: BatchKey) -> Int { Self.maximumBatch(for: key, limit: maximumBatch) }

    /// How many samples of a shape share an evaluation.
    ///
    /// - Parameter limit: the most of any shape.
    static func maximumBatch(for key: BatchKey, limit: Int) -> Int {
        switch key {
        case .embedding, .label: limit
        case .diffusion(let width, let height): max(1, min(limit, batchPixels / max(1, width * height)))
        }
    }

    func advance(_ samples: [EngineSample], of key: BatchKey, worker: Int) throws {
        let workspace = workspaces[worker]
        switch key {
        case .embedding: embed(samples, in: workspace)
        case .label: encodeLabels(samples, in: workspace)
        case .diffusion(let width, let height): diffuse(samples, width: width, height: height, in: workspace)
        }
    }

    func rest(worker: Int) { workspaces[worker].pool.trim() }

    private func embed(_ samples: [EngineSample], in workspace: Workspace) {
        let views = samples.compactMap { sample -> [[UInt8]]? in
            guard case .embedding(let work) = sample.work else { return nil }
            return preprocessing.views(of: work.picture, in: workspace)
        }
        let wholes = embeddings(of: views.map { $0[0] }, in: workspace) { classifier($0, in: workspace) }
        var windows = embeddings(of: views.flatMap { $0.dropFirst() }, in: workspace) {
            classifier.degradationEmbeddings($0, in: workspace)
        }[...]
        for (sample, (views, whole)) in zip(samples, zip(views, wholes)) {
            guard case .embedding(var work) = sample.work else { continue }
            work.embeddings = whole
            let all = [whole.degradation] + windows.prefix(views.count - 1)
            windows = windows.dropFirst(views.count - 1)
            work.embeddings?.degradation = whole.degradation.indices.map { index in
                all.reduce(0) { $0 + $1[index] } / Float(all.count)
            }
            sample.work = .embedding(work)
        }
    }

    /// In batches of what the configuration allows, for a picture may have several views.
    private func embeddings<Embedding>(
        of views: [[UInt8]], in workspace: Workspace, by encode: (Tensor) -> [Embedding]
    ) -> [Embedding] {
        return stride(from: 0, to: views.count, by: maximumBatch).flatMap { start in
            let batch = Array(views[start..<min(start + maximumBatch, views.count)])
            return encode(preprocessing.normalised(batch, in: workspace))
        }
    }

    private func encodeLabels(_ samples: [EngineSample], in workspace: Workspace) {
        let labels = samples.compactMap { sample -> String? in
            guard case .label(let work) = sample.work else { return nil }
            return work.label
        }
        let features = labelEncoder?.features(of: labels, in: workspace) ?? []
        for (sample, feature) in zip(samples, features) {
            guard case .label(var work) = sample.work else { continue }
            work.feature = feature
            sample.work = .label(work)
        }
    }

    private func diffuse(_ samples: [EngineSample], width: Int, height: Int, in workspace: Workspace) {
        let inputs = samples.compactMap { sample -> ConditionalUNet.Sample? in
            guard case .diffusion(let work) = sample.work else { return nil }
            return work.networkSample(network.configuration)
        }
        let outputs = network(inputs, height: height, width: width, in: workspace)
        for (sample, output) in zip(samples, outputs) {
            guard case .diffusion(var work) = sample.work else { continue }
            // The sample lets go of its state while it changes, so that it isn't copied.
            sample.work = .label(LabelWork(label: ""))
            work.advance(output)
            sample.work = .diffusion(work)
        }
    }
}

/// A workspace for each worker. Sendable, although a workspace isn't: the scheduler never runs two calls of one worker
/// at once, and each call touches its own worker's only.
private final class Workspaces: @unchecked Sendable {
    private let workspaces: [Workspace]

    init(count: Int, threads: Int) {
        workspaces = (0..<count).map { _ in Workspace(threads: threads) }
    }

    subscript(worker: Int) -> Workspace { workspaces[worker] }
}
