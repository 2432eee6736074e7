import CLIP
import Images
import Scheduling
import Synchronization

/// One classification between its samples: the picture's embedding, then the labels' features where the request brings
/// labels of its own.
///
/// Guarded by one `Mutex`, for samples may be handed back at the same time.
final class ClassificationWork: Sendable {
    private struct Progress {
        var embedding: [Float]?
        var features: [[Float]?]
    }

    private let picture: Picture
    private let classifier: ZeroShotClassifier
    private let labels: [String]?
    private let progress: Mutex<Progress>

    /// - Parameters:
    ///   - classifier: with the bundle's own labels.
    ///   - labels: those to choose among instead.
    init(_ picture: Picture, classifier: ZeroShotClassifier, labels: [String]?) {
        self.picture = picture
        self.classifier = classifier
        self.labels = labels
        progress = Mutex(Progress(features: [[Float]?](repeating: nil, count: labels?.count ?? 0)))
    }

    /// Sample 0 is the picture, sample i label i - 1.
    func makeSample(_ index: Int) -> sending EngineSample {
        guard index > 0, let labels else {
            return EngineSample(.embedding(EmbeddingWork(picture: picture)))
        }
        return EngineSample(.label(LabelWork(label: labels[index - 1])))
    }

    func finishSample(_ sample: EngineSample, _ index: Int) -> JobDirection {
        progress.withLock { progress in
            switch sample.work {
            case .embedding(let work): progress.embedding = work.embeddings?.degradation
            case .label(let work): progress.features[index - 1] = work.feature
            case .diffusion: break
            }
        }
        return .goOn
    }

    /// - Throws: `internalFault` where a sample was not computed.
    func result() throws(RestorationError) -> Classification {
        let (found, features) = progress.withLock { ($0.embedding, $0.features.compactMap { $0 }) }
        guard let found, features.count == labels?.count ?? 0 else {
            throw .internalFault("a sample of a classification is missing")
        }
        let chosen = labels.map {
            ZeroShotClassifier(labels: $0, features: features, logitScale: classifier.logitScale)
        } ?? classifier
        return Classification(entries: zip(chosen.labels, chosen.probabilities(of: found)).map {
            .init(label: $0, probability: Double($1))
        })
    }
}
