import Autoencoder
import Bundles
import CLIP
import Checkpoints
import LatentUNet

/// The files of a bundle's section `words`, in whichever layout each is (Weights/README.md): the diffusion is one file
/// (`diffusion`), or one of each of its networks, in diffusers' names or in those of the single file without its prefixes.
struct DrawnGuidanceFiles {
    private let bundle: Bundles.Bundle
    private let section: ConfigurationReader
    private let precision: Precision
    /// Blocks of the text tower that are run.
    private let textLayers: Int
    /// Of what was read so far.
    private(set) var weightBytes = 0

    /// Where the networks stand in a file of the whole.
    static let (networkPrefix, decoderPrefix, textPrefix) = ("model.diffusion_model.", "first_stage_model.", "cond_stage_model.model.")

    init(_ bundle: Bundles.Bundle, _ section: ConfigurationReader, precision: Precision, textLayers: Int) {
        (self.bundle, self.section, self.precision) = (bundle, section, precision)
        self.textLayers = textLayers
    }

    private func object(_ key: String) throws(BundleError) -> ConfigurationReader {
        try reading { () throws(ConfigurationError) in try section.object(key) }
    }

    /// What is built of the file that an object of the section names.
    ///
    /// - Parameter choose: puts the tensors that are meant under the network's names.
    mutating func network<Network>(
        _ key: String, choosing choose: (StateDict) throws(CheckpointError) -> StateDict = { $0 },
        _ build: (ParameterReader) throws(CheckpointError) -> Network
    ) throws(BundleError) -> Network {
        var chosen: StateDict?
        let layers = textLayers
        let network = try bundle.network(
            from: object(key), precision: precision,
            choosing: { tensors throws(CheckpointError) in
                let made = try choose(tensors.choosing { name, tensor in
                    Self.isUsed(name, in: key, textLayers: layers) ? (name, tensor) : nil
                })
                chosen = made
                return made
            }, build)
        weightBytes += chosen.map { bytes(of: $0, in: key) } ?? 0
        return network
    }

    /// In bf16 matrices take 16 bits, but for what is computed once for a whole run.
    private func bytes(of tensors: StateDict, in key: String) -> Int {
        let full = [Self.textPrefix, "text_model.", ".emb_layers.", ".time_embed.", "time_embed.", ".attn2.to_k.", ".attn2.to_v."]
        return tensors.names.reduce(0) { sum, name in
            // Projections are counted where they are used.
            guard let tensor = tensors[name], !name.contains("_attn2_to_") else { return sum }
            let isNarrow = precision == .bf16 && key != "clean_mapper" && key != "text" && tensor.shape.count > 1
                && !full.contains(where: name.contains)
            return sum + tensor.elementCount * (isNarrow ? 2 : 4)
        }
    }

    /// The trunk of a picture tower, which may stand beside a text tower.
    mutating func vision(_ sizes: DegradationAwareCLIPConfiguration.Vision) throws(BundleError) -> VisionTrunk {
        try network("vision") { parameters throws(CheckpointError) in
            let layout: TowerLayout = parameters.contains("visual.class_embedding") ? .original : .huggingFace
            let trunk = try VisionTrunk(parameters, layout: layout, configuration: sizes, activation: .gelu)
            try parameters.finish()
            return trunk
        }
    }

    typealias Diffusion = (network: LatentUNet, decoder: LatentDecoder, text: TextTransformer)

    mutating func diffusion(
        _ configuration: DrawnGuidanceConfiguration, _ projections: ContextProjections
    ) throws(BundleError) -> Diffusion {
        func network(_ parameters: ParameterReader) throws(CheckpointError) -> LatentUNet {
            try LatentUNet(parameters, configuration: configuration.network)
        }
        func decoder(_ parameters: ParameterReader) throws(CheckpointError) -> LatentDecoder {
            try LatentDecoder(parameters, configuration: configuration.decoder)
        }
        func text(_ parameters: ParameterReader) throws(CheckpointError) -> TextTransformer {
            let isOriginal = parameters.contains("token_embedding.weight")
            // Words are encoded once and steer whole runs: they keep fp32.
            let tower = try TextTransformer(
                parameters.inFull, layout: isOriginal ? .original : .huggingFace, configuration: configuration.text,
                activation: .gelu, embeddingWidth: nil)
            try parameters.finish()
            return tower
        }
        if section.has("diffusion") {
            return try self.network(
                "diffusion",
                choosing: { projections.replacing(in: $0, below: Self.networkPrefix) },
                { parameters throws(CheckpointError) in
                    (
                        try network(parameters.scope("model").scope("diffusion_model")),
                        try decoder(parameters.scope("first_stage_model")),
                        try text(parameters.scope("cond_stage_model").scope("model"))
                    )
                })
        }
        return (
            try self.network(
                "unet",
                choosing: { tensors throws(CheckpointError) in
                    let areDiffusers = DiffusersNames.areThose(of: tensors)
                    return projections.replacing(
                        in: areDiffusers ? try DiffusersNames(configuration.network).renamed(tensors) : tensors)
                }, network),
            try self.network(
                "vae",
                choosing: { tensors throws(CheckpointError) in
                    LatentDecoder.areDiffusers(tensors)
                        ? try LatentDecoder.renamed(tensors, configuration: configuration.decoder) : tensors
                }, decoder),
            try self.network("text", text)
        )
    }

    // MARK: What of a file is meant

    /// The objects of the section that name files with tensors.
    static let keys = ["mapper", "clean_mapper", "vision", "diffusion", "unet", "vae", "text"]

    /// Whether a tensor is of any use: of a picture tower nothing that makes an embedding of tokens; of the autoencoder no encoder;
    /// of the text tower no block that stands behind those that are run; of the network none of its own projections of the context,
    /// which others take the place of; no tables and no moving averages.
    static func isUsed(_ name: String, in key: String, textLayers: Int) -> Bool {
        switch key {
        case "vision":
            let unused = ["visual.ln_post.", "visual.proj", "vision_model.post_layernorm."]
            return (name.hasPrefix("visual.") || name.hasPrefix("vision_model.")) && !unused.contains(where: name.hasPrefix)
                && !name.hasSuffix(".position_ids")
        case "diffusion":
            if name.hasPrefix(networkPrefix) { return isUsed(name, in: "unet", textLayers: textLayers) }
            for (prefix, key) in [(decoderPrefix, "vae"), (textPrefix, "text")] where name.hasPrefix(prefix) {
                return isUsed(String(name.dropFirst(prefix.count)), in: key, textLayers: textLayers)
            }
            return false
        case "unet": return !name.hasSuffix(".attn2.to_k.weight") && !name.hasSuffix(".attn2.to_v.weight")
        case "vae": return !["encoder.", "quant_conv.", "loss."].contains(where: name.hasPrefix)
        case "text":
            let unused = [
                "logit_scale", "text_projection", "attn_mask", "visual.", "vision_model.", "visual_projection",
                "transformer.resblocks.\(textLayers).", "text_model.encoder.layers.\(textLayers).",
            ]
            return !unused.contains(where: name.hasPrefix) && !name.hasSuffix(".position_ids")
        default: return true
        }
    }
}
