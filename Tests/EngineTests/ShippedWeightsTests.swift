import Bundles
import CLIP
import Checkpoints
import Compute
import Diffusion
import Engine
import Foundation
import Images
import RestorationUNet
import TestSupport
import Testing

/// The weights that ship give the numbers that stand beside them in `check.safetensors`.
@Suite("Shipped weights")
struct ShippedWeightsTests {
    private static let folder = Repository.root.appendingPathComponent("Weights/mini").path

    private let labels: [String]
    private let networks: DegradationAwareNetworks
    private let recorded: StateDict
    private let workspace = Workspace(threads: 2)

    init() throws {
        let bundle = try Bundles.Bundle.load(Self.folder)
        labels = bundle.manifest.labels
        networks = try DegradationAwareNetworks(bundle)
        recorded = try StateDict(contentsOf: Self.folder + "/check.safetensors")
    }

    @Test("embeddings and probabilities are those recorded")
    func classification() throws {
        let encoder = networks.encoder
        let stored = try #require(recorded["picture"])
        let picture = Picture(width: stored.shape[1], height: stored.shape[0], pixels: stored.withBytes { [UInt8]($0) })
        let preprocessing = Preprocessing(encoder.configuration)
        let views = try preprocessing.views(of: picture, in: workspace)
        let images = preprocessing.normalised(views, in: workspace)
        let whole = encoder(preprocessing.normalised([views[0]], in: workspace), in: workspace)[0]
        let degradations = encoder.degradationEmbeddings(images, in: workspace)
        let mean = whole.degradation.indices.map { index in
            degradations.reduce(0) { $0 + $1[index] } / Float(views.count)
        }
        try expect(mean, "degradation_embedding")
        try expect(whole.content, "content_embedding")
        let classifier = ZeroShotClassifier(
            labels: labels, features: try #require(encoder.storedLabelFeatures),
            logitScale: Float(networks.configuration.logitScale))
        try expect(classifier.probabilities(of: mean), "probabilities")
    }

    @Test("four steps run through the recorded states to the recorded picture")
    func restoration() throws {
        let network = networks.network
        let shape = try #require(recorded["mu"]).shape
        let plan = try SamplerPlan(
            networks.configuration.diffusion, prediction: networks.configuration.prediction, times: [100, 75, 50, 25])
        let mu = try tensor("mu")
        var state = plan.startState(mu: mu, noise: try tensor("initial_noise"))
        var none: [Float] = []
        for (index, step) in plan.steps.enumerated() {
            let time = String(step.time)
            let suffix = String(repeating: "0", count: 3 - time.count) + time
            try expect(state, "state_t" + suffix)
            let sample = ConditionalUNet.Sample(
                state: interleaved(state, shape), condition: interleaved(mu, shape), time: step.networkTime,
                degradation: try tensor("degradation_embedding"), content: try tensor("content_embedding"))
            let output = network([sample], height: shape[2], width: shape[3], in: workspace)[0]
            let planes = Tensor(
                output, height: shape[2], width: shape[3], channels: shape[1], pool: workspace.pool
            ).channelsFirst
            try expect(planes, "unet_output_t" + suffix)
            step.advance(&state, mu: mu, output: planes, noise: try tensor("step_noise_\(index)"), keeping: &none)
        }
        try expect(state, "final")
    }

    private func tensor(_ name: String) throws -> [Float] { try #require(recorded[name]).floats() }

    private func interleaved(_ values: [Float], _ shape: [Int]) -> [Float] {
        Tensor(
            channelsFirst: values, batch: 1, channels: shape[1], height: shape[2], width: shape[3],
            pool: workspace.pool
        ).values
    }

    /// Within 1e-5 of the tensor's largest value, as the weights' card promises.
    private func expect(_ values: [Float], _ name: String) throws {
        let expected = try tensor(name)
        try #require(values.count == expected.count)
        let largest = expected.reduce(0) { max($0, abs($1)) }
        let difference = zip(values, expected).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
        #expect(difference <= 1e-5 * largest, "\(name) differs by \(difference)")
    }
}
