import CLIP
import Diffusion
import Images
import RestorationUNet

/// One sample of a batch: a picture or a label to be embedded, or a diffusion state between two evaluations.
///
/// Not `Sendable`: the scheduler hands it from thread to thread, and one owns it at a time.
final class EngineSample {
    enum Work {
        case embedding(EmbeddingWork)
        case label(LabelWork)
        case diffusion(DiffusionWork)
    }

    var work: Work

    init(_ work: Work) { self.work = work }
}

/// A picture on its way through the encoder.
struct EmbeddingWork {
    let picture: Picture
    /// The content of the whole, and the degradation as the mean over the views.
    var embeddings: DegradationAwareCLIP.Embeddings?
}

/// A label on its way through the text tower.
struct LabelWork {
    let label: String
    var feature: [Float]?
}

/// A tile's diffusion: where it stands and what conditions it.
struct DiffusionWork {
    /// Of the condition, the state and a field of noise.
    static let bytesPerPixel = 3 * 3 * MemoryLayout<Float>.stride

    /// The tile's place in the picture.
    let region: NoiseSource.Region
    /// mu, and x_t: interleaved RGB, nominally 0...1.
    let condition: [Float]
    var state: [Float]
    let plan: SamplerPlan
    let noise: NoiseSource
    let embeddings: DegradationAwareCLIP.Embeddings
    /// The step that comes next.
    var index = 0

    init(
        region: NoiseSource.Region, condition: [Float], plan: SamplerPlan, noise: NoiseSource,
        embeddings: DegradationAwareCLIP.Embeddings
    ) {
        self.region = region
        self.condition = condition
        self.plan = plan
        self.noise = noise
        self.embeddings = embeddings
        state = []
        state = plan.startState(mu: condition, noise: draw(NoiseSource.startDraw))
    }

    /// What the network is asked next.
    func networkSample(_ configuration: ConditionalUNetConfiguration) -> ConditionalUNet.Sample {
        ConditionalUNet.Sample(
            state: state, condition: condition, time: plan.steps[index].networkTime,
            degradation: configuration.usesDegradation ? embeddings.degradation : nil,
            content: configuration.usesContent ? embeddings.content : nil)
    }

    /// Takes the network's answer.
    mutating func advance(_ output: [Float]) {
        let step = plan.steps[index]
        let field = step.usesNoise ? draw(NoiseSource.draw(ofStep: index)) : nil
        step.advance(&state, mu: condition, output: output, noise: field)
        index += 1
    }

    private func draw(_ draw: UInt32) -> [Float] {
        [Float](unsafeUninitializedCapacity: condition.count) { buffer, count in
            noise.fill(buffer, draw: draw, region: region)
            count = condition.count
        }
    }
}
