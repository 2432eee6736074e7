package import Checkpoints

/// What diffusers calls the tensors of a U-Net (README, "Other names").
package struct DiffusersNames: Sendable {
    /// A part of the network under both names, in whose tensors' names the rest is alike or as the table of its kind has it.
    private struct Part {
        let name: String
        let rest: [String: String]

        init(_ name: String, _ rest: [String: String] = [:]) { (self.name, self.rest) = (name, rest) }
    }

    /// Within a residual block.
    private static let residualBlock = [
        "norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
        "conv2": "out_layers.3", "conv_shortcut": "skip_connection",
    ]

    /// By what diffusers calls them.
    private let parts: [String: Part]
    /// Cross-attentions by what diffusers calls them, with the width of each.
    private let crossAttentions: [(diffusers: String, name: String, width: Int)]

    package init(_ configuration: LatentUNetConfiguration) {
        let plan = LatentUNetPlan(configuration)
        let row = configuration.blocks + 1
        var parts = [
            "conv_in": Part("input_blocks.0.0"), "time_embedding.linear_1": Part("time_embed.0"),
            "time_embedding.linear_2": Part("time_embed.2"), "conv_norm_out": Part("out.0"), "conv_out": Part("out.2"),
            "mid_block.resnets.0": Part("middle_block.0", Self.residualBlock),
            "mid_block.resnets.1": Part("middle_block.2", Self.residualBlock),
        ]
        var crossAttentions: [(diffusers: String, name: String, width: Int)] = []
        func addTransformer(_ diffusers: String, _ name: String, width: Int) {
            parts[diffusers] = Part(name)
            let attention = ".transformer_blocks.0.attn2"
            crossAttentions.append((diffusers + attention, name + attention, width))
        }
        for (index, down) in plan.downs.enumerated() {
            let name = "input_blocks.\(index + 1)", level = "down_blocks.\(index / row)"
            switch down {
            case .halve: parts["\(level).downsamplers.0.conv"] = Part("\(name).0.op")
            case .block(let block):
                parts["\(level).resnets.\(index % row)"] = Part("\(name).0", Self.residualBlock)
                guard block.transformer != nil else { continue }
                addTransformer("\(level).attentions.\(index % row)", "\(name).1", width: block.outputs)
            }
        }
        addTransformer("mid_block.attentions.0", "middle_block.1", width: configuration.width(ofLevel: configuration.depth - 1))
        for (index, block) in plan.ups.enumerated() {
            let name = "output_blocks.\(index)", level = "up_blocks.\(index / row)"
            parts["\(level).resnets.\(index % row)"] = Part("\(name).0", Self.residualBlock)
            if block.transformer != nil {
                addTransformer("\(level).attentions.\(index % row)", "\(name).1", width: block.outputs)
            }
            if block.doubles {
                parts["\(level).upsamplers.0.conv"] = Part("\(name).\(block.transformer == nil ? 1 : 2).conv")
            }
        }
        self.parts = parts
        self.crossAttentions = crossAttentions
    }

    /// What the network calls a tensor of diffusers'; nil for one that is none of it.
    package func name(ofDiffusers name: String) -> String? {
        let components = name.split(separator: ".", omittingEmptySubsequences: false)
        for length in (1..<max(1, components.count)).reversed() {
            guard let part = parts[components.prefix(length).joined(separator: ".")] else { continue }
            var rest = components.dropFirst(length).map(String.init)
            if !part.rest.isEmpty {
                guard let first = part.rest[rest[0]] else { return nil }
                rest[0] = first
            }
            return ([part.name] + rest).joined(separator: ".")
        }
        return nil
    }

    /// Whether tensors have diffusers' names.
    package static func areThose(of tensors: StateDict) -> Bool { tensors["conv_in.weight"] != nil }

    /// The same tensors under the network's own names; those that are none of it keep theirs, so that a loader tells of them.
    ///
    /// - Throws: where two would have one name.
    package func renamed(_ tensors: StateDict) throws(CheckpointError) -> StateDict {
        try tensors.choosing { name, tensor in (self.name(ofDiffusers: name) ?? name, tensor) }
    }
}

extension DiffusersNames {
    /// Where keys and values of a context are made, in the network's names: what a file calls the weights by the module's name
    /// with underscores for its dots, and their shape.
    ///
    /// - Parameter contextWidth: of a token.
    func contextProjections(contextWidth: Int) -> [(file: String, name: String, shape: [Int])] {
        crossAttentions.flatMap { attention in
            ["to_k", "to_v"].map { part in
                (
                    attention.diffusers.split(separator: ".").joined(separator: "_") + "_\(part).weight",
                    "\(attention.name).\(part).weight", [attention.width, contextWidth]
                )
            }
        }
    }
}
