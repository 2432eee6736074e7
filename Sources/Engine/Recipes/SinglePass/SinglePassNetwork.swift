import Compute
import ConditionalNAFNet
import InstructIR
import NAFNet
import PromptIR
import Restormer

/// A network that restores a picture in one evaluation, as far as the recipe has to know it.
protocol SinglePassNetwork: Sendable {
    /// Sides are padded to multiples of this.
    var alignment: Int { get }
    /// The largest side of a tile: pictures of other sizes than it was trained on are not what it knows.
    var mostSide: Int { get }
    /// What steers it, of the right lengths and empty of meaning, for measuring.
    var blankCondition: SinglePassCondition { get }

    /// Evaluates pictures of one size together. What a picture gets never depends on the others.
    ///
    /// - Parameters:
    ///   - pictures: height x width x 3, interleaved, nominally 0...1.
    ///   - means: of channels, for those that look at them; others leave it alone.
    func evaluate(
        _ pictures: [SinglePassInput], height: Int, width: Int, means: ChannelMeans?, in workspace: Workspace
    ) -> [[Float]]
}

/// A picture and what steers its restoration, as far as the network takes it.
struct SinglePassInput: Sendable {
    var picture: [Float]
    var condition: SinglePassCondition
}

/// What steers a restoration; empty where a network isn't steered so.
struct SinglePassCondition: Sendable, Equatable {
    /// As the encoder gives them.
    var degradation: [Float] = []
    var content: [Float] = []
    /// Of length one.
    var instruction: [Float] = []
}

extension SinglePassNetwork {
    var blankCondition: SinglePassCondition { SinglePassCondition() }
}

/// In a tile of this side a mean over all pixels is what published results take around each pixel (NAFNet's README, "Means
/// and tiles").
private let sideOfMeans = 384

extension NAFNet: SinglePassNetwork {
    var alignment: Int { configuration.alignment }
    var mostSide: Int { sideOfMeans }

    func evaluate(
        _ pictures: [SinglePassInput], height: Int, width: Int, means: ChannelMeans?, in workspace: Workspace
    ) -> [[Float]] {
        self(pictures.map(\.picture), height: height, width: width, means: means, in: workspace)
    }
}

extension ConditionalNAFNet: SinglePassNetwork {
    var alignment: Int { configuration.trunk.alignment }
    var mostSide: Int { sideOfMeans }
    var blankCondition: SinglePassCondition {
        let blank = [Float](repeating: 0, count: configuration.contextWidth)
        return SinglePassCondition(degradation: blank, content: blank)
    }

    func evaluate(
        _ pictures: [SinglePassInput], height: Int, width: Int, means: ChannelMeans?, in workspace: Workspace
    ) -> [[Float]] {
        let samples = pictures.map {
            Sample(picture: $0.picture, degradation: $0.condition.degradation, content: $0.condition.content)
        }
        return self(samples, height: height, width: width, means: means, in: workspace)
    }
}

extension InstructIR: SinglePassNetwork {
    var alignment: Int { configuration.trunk.alignment }
    var mostSide: Int { sideOfMeans }
    var blankCondition: SinglePassCondition {
        SinglePassCondition(instruction: [Float](repeating: 0, count: configuration.instructionWidth))
    }

    func evaluate(
        _ pictures: [SinglePassInput], height: Int, width: Int, means: ChannelMeans?, in workspace: Workspace
    ) -> [[Float]] {
        let samples = pictures.map { Sample(picture: $0.picture, instruction: $0.condition.instruction) }
        return self(samples, height: height, width: width, means: means, in: workspace)
    }
}

extension Restormer: SinglePassNetwork {
    var alignment: Int { RestormerConfiguration.alignment }
    var mostSide: Int { sideOfMeans }

    func evaluate(
        _ pictures: [SinglePassInput], height: Int, width: Int, means: ChannelMeans?, in workspace: Workspace
    ) -> [[Float]] {
        self(pictures.map(\.picture), height: height, width: width, in: workspace)
    }
}

extension PromptIR: SinglePassNetwork {
    var alignment: Int { RestormerConfiguration.alignment }
    /// It was trained on 128, and its prompts are stretched over the picture.
    var mostSide: Int { 256 }

    func evaluate(
        _ pictures: [SinglePassInput], height: Int, width: Int, means: ChannelMeans?, in workspace: Workspace
    ) -> [[Float]] {
        self(pictures.map(\.picture), height: height, width: width, in: workspace)
    }
}
