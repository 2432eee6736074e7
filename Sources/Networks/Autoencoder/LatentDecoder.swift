package import Checkpoints
package import Compute
import Layers

/// From latents to pictures: what of an autoencoder a picture that is made up needs (README, "Decoder").
package struct LatentDecoder: Sendable {
    package let configuration: AutoencoderConfiguration
    private let unquantised: Linear  // post_quant_conv
    private let decoder: Decoder  // decoder

    /// The decoder alone, of a file that may hold the whole.
    ///
    /// - Throws: `CheckpointError` that names every missing, surplus and mis-shaped tensor.
    package init(_ parameters: ParameterReader, configuration: AutoencoderConfiguration) throws(CheckpointError) {
        for name in ["encoder.", "quant_conv.", "loss."] { parameters.ignore(prefix: name) }
        try self.init(partOf: parameters.inHalves, configuration: configuration)
        try parameters.finish()
    }

    init(partOf parameters: ParameterReader, configuration: AutoencoderConfiguration) throws(CheckpointError) {
        self.configuration = configuration
        decoder = try Decoder(parameters.scope("decoder"), configuration: configuration)
        unquantised = try parameters.pointwise(
            "post_quant_conv", inputs: configuration.latentChannels, outputs: configuration.innerChannels, bias: true)
    }

    /// - Parameters:
    ///   - latents: at least one; height x width x channels, interleaved, as the encoder has them.
    ///   - height: of a latent.
    /// - Returns: pictures, height and width times the factor, interleaved; nothing is clamped.
    package func decode(
        _ latents: [[Float]], height: Int, width: Int, observe: Autoencoder.Observer? = nil, in workspace: Workspace
    ) -> [[Float]] {
        let input = Tensor(
            latents.flatMap(\.self), batch: latents.count, height: height, width: width,
            channels: configuration.latentChannels, pool: workspace.pool)
        let state = unquantised(input, in: workspace)
        observe?("post_quant_conv", state)
        let result = decoder(state, observe: observe, in: workspace)
        observe?("output", result)
        let values = result.values
        return latents.indices.map { Array(values[$0 * result.sampleCount..<($0 + 1) * result.sampleCount]) }
    }
}

// MARK: - Other names

extension LatentDecoder {
    /// Within the decoder: what diffusers calls the parts of a block, and its attention's by the older names and the newer.
    private static let blockParts = ["conv_shortcut": "nin_shortcut"]
    private static let attentionParts = [
        "group_norm": "norm", "query": "q", "key": "k", "value": "v", "proj_attn": "proj_out", "to_q": "q", "to_k": "k",
        "to_v": "v",
    ]

    /// What the network calls a tensor of diffusers'; nil for one that is none of the decoder's.
    package static func name(ofDiffusers name: String, levels: Int) -> String? {
        var parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.first == "decoder", parts.count >= 3 else { return parts.first == "post_quant_conv" ? name : nil }
        switch parts[1] {
        case "conv_in", "conv_out": return name
        case "conv_norm_out": parts[1] = "norm_out"
        case "mid_block":
            guard parts.count >= 6, let number = Int(parts[3]) else { return nil }
            if parts[2] == "resnets" {
                parts[4] = blockParts[parts[4]] ?? parts[4]
                parts.replaceSubrange(1...3, with: ["mid", "block_\(number == 0 ? 1 : 2)"])
            } else {
                // `to_out` is a layer in a row with a dropout.
                if parts[4] == "to_out" { parts.replaceSubrange(4...5, with: ["proj_attn"]) }
                guard let part = attentionParts[parts[4]] else { return nil }
                parts.replaceSubrange(1...4, with: ["mid", "attn_1", part])
            }
        case "up_blocks":
            guard parts.count >= 6, let number = Int(parts[2]), (0..<levels).contains(number) else { return nil }
            let level = ["up", "\(levels - 1 - number)"]
            if parts[3] == "resnets" {
                parts[5] = blockParts[parts[5]] ?? parts[5]
                parts.replaceSubrange(1...3, with: level + ["block"])
            } else {
                parts.replaceSubrange(1...4, with: level + ["upsample"])
            }
        default: return nil
        }
        return parts.joined(separator: ".")
    }

    /// Whether tensors have diffusers' names.
    package static func areDiffusers(_ tensors: StateDict) -> Bool { tensors["decoder.conv_norm_out.weight"] != nil }

    /// The same tensors under the network's own names; those that are none of it keep theirs. Linear layers of the attention become
    /// the 1x1 convolutions that they are.
    ///
    /// - Throws: where two would have one name.
    package static func renamed(
        _ tensors: StateDict, configuration: AutoencoderConfiguration
    ) throws(CheckpointError) -> StateDict {
        try tensors.choosing { name, tensor in
            guard let new = self.name(ofDiffusers: name, levels: configuration.depth) else { return (name, tensor) }
            let isMatrix = new.hasPrefix("decoder.mid.attn_1.") && tensor.shape.count == 2
            return (new, isMatrix ? tensor.reshaped(tensor.shape + [1, 1]) ?? tensor : tensor)
        }
    }
}
