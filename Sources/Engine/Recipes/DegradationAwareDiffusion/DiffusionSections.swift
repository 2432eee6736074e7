package import Checkpoints
package import Diffusion
package import RestorationUNet

/// What the `bundle.json` of every bundle that restores by IR-SDE says: its network, and the diffusion that this steers.
package struct DiffusionSections: Sendable, Equatable {
    package let prediction: DiffusionConfiguration.Prediction
    package let network: ConditionalUNetConfiguration
    /// What the card allows the network.
    package let precisions: Set<Precision>
    package let diffusion: DiffusionConfiguration
    package let defaults: SamplerDefaults

    /// - Throws: the first value that can't be, with its place.
    package init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        prediction = try reader.choice(DiffusionConfiguration.Prediction.self, "prediction")
        network = try ConditionalUNetConfiguration(reader.object("unet"))
        precisions = try reader.object("unet").precisions()
        diffusion = try DiffusionConfiguration(reader.object("diffusion"))
        if let section = try reader.optionalObject("default") {
            defaults = try SamplerDefaults(section, diffusion: diffusion)
        } else {
            defaults = SamplerDefaults(for: prediction, diffusion)
        }
    }
}
