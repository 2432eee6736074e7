package import Autoencoder
package import Bundles
package import CLIP
package import Checkpoints
package import LatentUNet
package import NAFNet

/// The networks of AutoDIR (Jiang et al., ECCV 2024), which come in one file.
package struct AutoDIRNetworks: Sendable {
    package let configuration: AutoDIRConfiguration
    package let network: LatentUNet  // model.diffusion_model
    package let autoencoder: Autoencoder  // first_stage_model
    package let towers: PairedTowers  // model_assessment.clipmodel
    package let correction: NAFNet  // NAFNet

    /// Bytes that the weights hold.
    ///
    /// - Parameter tensors: that the networks are made of.
    static func weightBytes(_ tensors: StateDict, precision: Precision) -> Int {
        tensors.names.reduce(0) { sum, name in
            guard let tensor = tensors[name], !passedOver.contains(where: name.hasPrefix) else { return sum }
            let isNarrow = precision == .bf16 && tensor.shape.count > 1 && narrow.contains(where: name.hasPrefix)
                && !full.contains(where: name.contains)
            return sum + tensor.elementCount * (isNarrow ? 2 : 4)
        }
    }

    /// Whose weights take 16 bits in bf16, and what of them keeps fp32.
    private static let narrow = [
        "model.diffusion_model.", "first_stage_model.", "model_assessment.clipmodel.vision_model.encoder.",
    ]
    private static let full = [".emb_layers.", ".time_embed.", ".attn2.to_k.", ".attn2.to_v."]

    /// Tables of the schedule, which are computed, what training kept beside the parameters, and the autoencoder's training.
    static let passedOver = [
        "betas", "alphas_cumprod", "sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod",
        "log_one_minus_alphas_cumprod", "sqrt_recip_alphas_cumprod", "sqrt_recipm1_alphas_cumprod", "posterior_",
        "lvlb_weights", "logvar", "scale_factor", "model_ema.",
    ]

    /// - Throws: `CheckpointError` that names every missing, surplus and mis-shaped tensor of the first network that has some.
    package init(_ parameters: ParameterReader, configuration: AutoDIRConfiguration) throws(CheckpointError) {
        self.configuration = configuration
        for name in Self.passedOver { parameters.ignore(prefix: name) }
        (network, (autoencoder, (towers, correction))) = try parameters.both(
            { () throws(CheckpointError) in
                try LatentUNet(
                    parameters.scope("model").scope("diffusion_model"), configuration: configuration.network)
            },
            { () throws(CheckpointError) in
                try parameters.both(
                    { () throws(CheckpointError) in
                        try Autoencoder(parameters.scope("first_stage_model"), configuration: configuration.autoencoder)
                    },
                    { () throws(CheckpointError) in
                        (
                            try PairedTowers(
                                parameters.scope("model_assessment").scope("clipmodel"),
                                configuration: configuration.towers),
                            try NAFNet(parameters.inFull.scope("NAFNet"), configuration: configuration.correction)
                        )
                    })
            })
        try parameters.finish()
    }

    /// The networks of a bundle.
    ///
    /// - Throws: `BundleError` with the place in `bundle.json`, or every missing, surplus and mis-shaped tensor.
    package init(_ bundle: Bundle, precision: Precision) throws(BundleError) {
        let configuration = try reading { () throws(ConfigurationError) in
            try AutoDIRConfiguration(bundle.configuration)
        }
        self = try bundle.network(
            from: bundle.section("model"), precision: precision, choosing: Self.chosenWeights(bundle)
        ) { parameters throws(CheckpointError) in
            try AutoDIRNetworks(parameters, configuration: configuration)
        }
    }
}
