package import Autoencoder
package import CLIP
package import Checkpoints
package import Diffusion
package import LatentUNet
import Pseudowords

/// The section `words` of a `bundle.json`: the sizes of what draws a guidance picture, and what it does where a request says
/// nothing (Weights/README.md).
package struct DrawnGuidanceConfiguration: Sendable {
    package static let section = "words"

    package let vision: DegradationAwareCLIPConfiguration.Vision
    package let text: DegradationAwareCLIPConfiguration.Text
    package let network: LatentUNetConfiguration
    package let decoder: AutoencoderConfiguration
    package let schedule: NoiseSchedule
    /// What latents are multiplied by for the diffusion.
    package let latentScale: Float
    /// Rows and columns of a latent.
    package let latentSide: Int
    package let template: String
    package let placeholder: String
    package let defaults: Defaults

    /// What a request that says nothing gets.
    package struct Defaults: Sendable, Equatable {
        package var sampler = LatentSamplerKind.ddim
        package var steps = 10
        /// How much words count.
        package var guidance = 5.0

        package init() {}
    }

    /// Rows and columns that a latent may have; see `GuidanceLimits` as well.
    static let latentSides = 8...128
    /// Characters of a template.
    static let templateLimit = 300

    /// - Throws: the first value that can't be, with its place.
    package init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        vision = try .init(reader.object("vision"))
        text = try .init(reader.object("text"))
        network = try LatentUNetConfiguration(reader.object("unet"))
        decoder = try AutoencoderConfiguration(reader.object("vae"))
        schedule = try NoiseSchedule(reader, atLeast: LatentSamplerPlan.allowedStepCounts.upperBound + 1)
        latentScale = Float(try reader.number("scale_factor", above: 0, upTo: 100, default: 0.18215))
        latentSide = try reader.size("latent", Self.latentSides, default: 64)
        template = try reader.text("template", upTo: Self.templateLimit, default: WordPrompt.template)
        placeholder = try reader.text("placeholder", upTo: 40, default: WordPrompt.placeholder)
        defaults = try Self.defaults(reader.optionalObject("default"))
        try checkFit(reader)
    }

    private static func defaults(_ reader: ConfigurationReader?) throws(ConfigurationError) -> Defaults {
        var defaults = Defaults()
        guard let reader else { return defaults }
        defaults.sampler = try reader.choice(LatentSamplerKind.self, "sampler", default: defaults.sampler)
        defaults.steps = try reader.size("steps", defaults.sampler.steps, default: defaults.steps)
        let bounds = Guidance.allowed
        defaults.guidance = try reader.number(
            "guidance", above: bounds.lowerBound, upTo: bounds.upperBound, default: defaults.guidance)
        return defaults
    }

    /// One network's output is the next one's input.
    private func checkFit(_ reader: ConfigurationReader) throws(ConfigurationError) {
        let latent = decoder.latentChannels
        guard network.inputChannels == latent, network.outputChannels == latent else {
            throw try reader.object("unet").fault(
                "in_channels", "expected the autoencoder's \(latent) in and out, found \(network.inputChannels) and "
                    + "\(network.outputChannels)")
        }
        guard network.contextWidth == text.width else {
            throw try reader.object("unet").fault(
                "context_dim", "expected the text tower's \(text.width), found \(network.contextWidth)")
        }
        guard latentSide.isMultiple(of: network.alignment) else {
            throw reader.fault("latent", "expected a multiple of \(network.alignment), found \(latentSide)")
        }
        guard side <= GuidanceLimits.side else {
            throw reader.fault("latent", "expected pictures of at most \(GuidanceLimits.side) pixels a side, found \(side)")
        }
    }

    /// Pixels along a side of a guidance picture.
    package var side: Int { latentSide * decoder.factor }
}

/// What bounds pictures that are drawn.
package enum GuidanceLimits {
    /// Pixels along a side; officially 512.
    package static let side = 1_024
    package static let pixels = side * side
}
