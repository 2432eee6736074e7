package import Autoencoder
package import CLIP
package import Checkpoints
package import Diffusion
package import LatentUNet
package import NAFNet

/// What a bundle of the kind `autodir` says beside what all bundles do.
package struct AutoDIRConfiguration: Sendable {
    package static let kind = "autodir"

    package let network: LatentUNetConfiguration
    package let autoencoder: AutoencoderConfiguration
    package let towers: PairedTowersConfiguration
    package let correction: NAFNetConfiguration
    package let schedule: NoiseSchedule
    /// What latents are multiplied by for the diffusion.
    package let latentScale: Float
    /// Along each side of a picture, how many crops a verdict looks at.
    package let cropsASide: Int
    package let defaults: Defaults

    /// What a request that says nothing gets.
    package struct Defaults: Sendable, Equatable {
        package var sampler = LatentSamplerKind.eulerAncestral
        package var steps = 25
        package var rounds = 2
    }

    /// Crops along a side that a bundle may ask for.
    package static let crops = 1...4

    /// - Throws: the first value that can't be, with its place.
    package init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        try self.init(
            reader, towers: try PairedTowersConfiguration(reader.object("clip")))
    }

    /// - Parameter towers: where they stand in other places.
    package init(
        _ reader: ConfigurationReader, towers: PairedTowersConfiguration
    ) throws(ConfigurationError) {
        self.towers = towers
        network = try LatentUNetConfiguration(reader.object("unet"))
        autoencoder = try AutoencoderConfiguration(reader.object("vae"))
        correction = try NAFNetConfiguration(reader.object("nafnet"), pictures: 2)
        latentScale = Float(try reader.number("scale_factor", above: 0, upTo: 100, default: 0.18215))
        // More than any sampler visits.
        schedule = try NoiseSchedule(reader, atLeast: LatentSamplerKind.allSteps.upperBound + 1)
        cropsASide = try reader.size("crops", Self.crops, default: 1)
        defaults = try Self.defaults(reader.optionalObject("default"))
        try checkFit(reader)
    }

    private static func defaults(_ reader: ConfigurationReader?) throws(ConfigurationError) -> Defaults {
        var defaults = Defaults()
        guard let reader else { return defaults }
        defaults.sampler = try reader.choice(LatentSamplerKind.self, "sampler", default: defaults.sampler)
        defaults.steps = try reader.size("steps", defaults.sampler.steps, default: defaults.steps)
        defaults.rounds = try reader.size("rounds", RestorationRounds.allowed, default: defaults.rounds)
        return defaults
    }

    /// One network's output is the next one's input.
    private func checkFit(_ reader: ConfigurationReader) throws(ConfigurationError) {
        let latent = autoencoder.latentChannels
        guard network.inputChannels == 2 * latent, network.outputChannels == latent else {
            throw try reader.object("unet").fault(
                "in_channels", "expected twice the autoencoder's \(latent) in and as many out, found "
                    + "\(network.inputChannels) and \(network.outputChannels)")
        }
        guard network.contextWidth == towers.text.width else {
            throw try reader.object("unet").fault(
                "context_dim", "expected the text tower's \(towers.text.width), found \(network.contextWidth)")
        }
    }

    /// What a picture's sides are padded to multiples of.
    package var alignment: Int { autoencoder.factor * network.alignment }
}
