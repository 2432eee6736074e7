/// What a tower's parameters are called in its file: one kind of tower, and as many names as there are programs that save it.
package enum TowerLayout: Sendable {
    /// OpenAI's and OpenCLIP's.
    case original
    /// Hugging Face's, whose towers stand below `text_model` and `vision_model`.
    case huggingFace

    private var isOriginal: Bool { self == .original }

    /// Where the blocks stand, component by component.
    var blocks: [String] { isOriginal ? ["transformer", "resblocks"] : ["encoder", "layers"] }

    // MARK: A block

    var firstNorm: String { isOriginal ? "ln_1" : "layer_norm1" }
    var secondNorm: String { isOriginal ? "ln_2" : "layer_norm2" }
    var attentionOutput: String { isOriginal ? "attn.out_proj" : "self_attn.out_proj" }
    var expand: String { isOriginal ? "mlp.c_fc" : "mlp.fc1" }
    var contract: String { isOriginal ? "mlp.c_proj" : "mlp.fc2" }

    // MARK: What stands around them

    var tokens: String { isOriginal ? "token_embedding.weight" : "embeddings.token_embedding.weight" }
    var textNorm: String { isOriginal ? "ln_final" : "final_layer_norm" }
    var patches: String { isOriginal ? "conv1" : "embeddings.patch_embedding" }
    var classToken: String { isOriginal ? "class_embedding" : "embeddings.class_embedding" }
    var positions: String { isOriginal ? "positional_embedding" : "embeddings.position_embedding.weight" }
    /// Misspelt in the files.
    var preNorm: String { isOriginal ? "ln_pre" : "pre_layrnorm" }
    var postNorm: String { isOriginal ? "ln_post" : "post_layernorm" }
}
