"""The networks of latent diffusion as the peers run them: Stable Diffusion 1's U-Net in its edit form, with 8 channels in, and
the decoder of its autoencoder.

Written from Sources/Networks/LatentUNet/README.md and Sources/Networks/Autoencoder/README.md; attribute names are the keys of
checkpoints.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# The published sizes, as `bundle.json` of the kind `autodir` has them.
LATENT = {
    "unet": {
        "in_channels": 8, "out_channels": 4, "model_channels": 320, "channel_mult": [1, 2, 4, 4], "num_res_blocks": 2,
        "attention_resolutions": [1, 2, 4], "num_heads": 8, "context_dim": 768,
    },
    "vae": {"in_channels": 3, "out_ch": 3, "ch": 128, "ch_mult": [1, 2, 4, 4], "num_res_blocks": 2, "z_channels": 4, "embed_dim": 4},
}
# As few numbers as they can be made of, to see that all contestants run.
LATENT_SMALL = {
    "unet": LATENT["unet"] | {"model_channels": 32, "channel_mult": [1, 2], "num_res_blocks": 1, "attention_resolutions": [1, 2], "context_dim": 8},
    "vae": LATENT["vae"] | {"ch": 32, "ch_mult": [1, 1, 1], "num_res_blocks": 1},
}
# What a bundle has beside, which isn't read: a text tower's width is the context's.
OTHERS = {
    "clip": {
        "projection_dim": 8,
        "text_config": {"num_attention_heads": 1, "num_hidden_layers": 1},
        "vision_config": {"hidden_size": 8, "num_attention_heads": 1, "num_hidden_layers": 1, "image_size": 32, "patch_size": 8},
    },
    "nafnet": {"width": 4, "enc_blk_nums": [1], "middle_blk_num": 1, "dec_blk_nums": [1]},
}
# Each network with the sizes of its bundle, and what it stands below in a checkpoint.
LATENT_NETWORKS = {"latent-unet": LATENT, "latent-decoder": LATENT, "latent-unet-small": LATENT_SMALL, "latent-decoder-small": LATENT_SMALL}
PREFIXES = {"latent-unet": "model.diffusion_model.", "latent-decoder": "first_stage_model."}
TOKENS = 77


def convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2)


class ResidualBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, time_width: int):
        super().__init__()
        self.in_layers = nn.Sequential(nn.GroupNorm(32, inputs), nn.SiLU(), convolution(inputs, outputs))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(time_width, outputs))
        self.out_layers = nn.Sequential(nn.GroupNorm(32, outputs), nn.SiLU(), nn.Identity(), convolution(outputs, outputs))
        self.skip_connection = nn.Identity() if inputs == outputs else convolution(inputs, outputs, 1)

    def forward(self, x: Tensor, time: Tensor, context: Tensor) -> Tensor:
        hidden = self.in_layers(x) + self.emb_layers(time)[:, :, None, None]
        return self.skip_connection(x) + self.out_layers(hidden)


class Attention(nn.Module):
    def __init__(self, width: int, context_width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context_width, width, bias=False)
        self.to_v = nn.Linear(context_width, width, bias=False)
        self.to_out = nn.Sequential(nn.Linear(width, width))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        query, key, value = (
            tokens.unflatten(2, (self.heads, -1)).transpose(1, 2) for tokens in (self.to_q(x), self.to_k(context), self.to_v(context)))
        return self.to_out(F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2))


class GatedGELU(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.proj = nn.Linear(width, 8 * width)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.net = nn.Sequential(GatedGELU(width), nn.Identity(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class TransformerBlock(nn.Module):
    def __init__(self, width: int, context_width: int, heads: int):
        super().__init__()
        self.attn1, self.attn2 = Attention(width, width, heads), Attention(width, context_width, heads)
        self.ff = FeedForward(width)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        normalised = self.norm1(x)
        x = x + self.attn1(normalised, normalised)
        x = x + self.attn2(self.norm2(x), context)
        return x + self.ff(self.norm3(x))


class Transformer(nn.Module):
    def __init__(self, width: int, context_width: int, heads: int):
        super().__init__()
        self.norm = nn.GroupNorm(32, width, eps=1e-6)
        self.proj_in, self.proj_out = convolution(width, width, 1), convolution(width, width, 1)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(width, context_width, heads)])

    def forward(self, x: Tensor, time: Tensor, context: Tensor) -> Tensor:
        height, width = x.shape[2:]
        tokens = self.proj_in(self.norm(x)).flatten(2).transpose(1, 2)
        tokens = self.transformer_blocks[0](tokens, context)
        return x + self.proj_out(tokens.transpose(1, 2).unflatten(2, (height, width)))


class Downsampling(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.op = convolution(width, width, stride=2)

    def forward(self, x: Tensor, time: Tensor, context: Tensor) -> Tensor:
        return self.op(x)


class Upsampling(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.conv = convolution(width, width)

    def forward(self, x: Tensor, time: Tensor = None, context: Tensor = None) -> Tensor:
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class First(nn.Conv2d):
    def forward(self, x: Tensor, time: Tensor, context: Tensor) -> Tensor:
        return super().forward(x)


class LatentUNet(nn.Module):
    """A noisy latent beside a picture's (B, 8, h, w), times (B) and a context (B, 77, width) to the noise (B, 4, h, w)."""

    def __init__(
        self, in_channels, out_channels, model_channels, channel_mult, num_res_blocks, attention_resolutions, num_heads, context_dim,
    ):
        super().__init__()
        self.width, time_width, depth = model_channels, 4 * model_channels, len(channel_mult)

        def stage(inputs: int, outputs: int, level: int) -> list[nn.Module]:
            block = [ResidualBlock(inputs, outputs, time_width)]
            return block + [Transformer(outputs, context_dim, num_heads)] * (2**level in attention_resolutions)

        self.time_embed = nn.Sequential(nn.Linear(model_channels, time_width), nn.SiLU(), nn.Linear(time_width, time_width))
        self.input_blocks = nn.ModuleList([nn.ModuleList([First(in_channels, model_channels, 3, padding=1)])])
        width, skips = model_channels, [model_channels]
        for level, multiplier in enumerate(channel_mult):
            for _ in range(num_res_blocks):
                self.input_blocks.append(nn.ModuleList(stage(width, model_channels * multiplier, level)))
                width = model_channels * multiplier
                skips.append(width)
            if level < depth - 1:
                self.input_blocks.append(nn.ModuleList([Downsampling(width)]))
                skips.append(width)
        self.middle_block = nn.ModuleList([
            ResidualBlock(width, width, time_width), Transformer(width, context_dim, num_heads),
            ResidualBlock(width, width, time_width)])
        self.output_blocks = nn.ModuleList()
        for level, multiplier in reversed(list(enumerate(channel_mult))):
            for index in range(num_res_blocks + 1):
                layers = stage(width + skips.pop(), model_channels * multiplier, level)
                width = model_channels * multiplier
                if level > 0 and index == num_res_blocks:
                    layers.append(Upsampling(width))
                self.output_blocks.append(nn.ModuleList(layers))
        self.out = nn.Sequential(nn.GroupNorm(32, width), nn.SiLU(), convolution(width, out_channels))

    def forward(self, latent: Tensor, time: Tensor, context: Tensor) -> Tensor:
        half = self.width // 2
        angles = time[:, None] * torch.exp(torch.arange(half, device=time.device) * (-math.log(10_000) / half))
        embedding = self.time_embed(torch.cat([angles.cos(), angles.sin()], dim=1))
        x, skips = latent, []
        for layers in self.input_blocks:
            for layer in layers:
                x = layer(x, embedding, context)
            skips.append(x)
        for layer in self.middle_block:
            x = layer(x, embedding, context)
        for layers in self.output_blocks:
            x = torch.cat([x, skips.pop()], dim=1)
            for layer in layers:
                x = layer(x, embedding, context)
        return self.out(x)


class DecoderBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(32, inputs, eps=1e-6), nn.GroupNorm(32, outputs, eps=1e-6)
        self.conv1, self.conv2 = convolution(inputs, outputs), convolution(outputs, outputs)
        if inputs != outputs:
            self.nin_shortcut = convolution(inputs, outputs, 1)
        self.is_shortcut = inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))
        return hidden + (x if self.is_shortcut else self.nin_shortcut(x))


class DecoderAttention(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.GroupNorm(32, width, eps=1e-6)
        self.q, self.k, self.v, self.proj_out = (convolution(width, width, 1) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        normalised = self.norm(x)
        query, key, value = (layer(normalised).flatten(2).transpose(1, 2)[:, None] for layer in (self.q, self.k, self.v))
        seen = F.scaled_dot_product_attention(query, key, value)[:, 0]
        return x + self.proj_out(seen.transpose(1, 2).unflatten(2, x.shape[2:]))


class DecoderLevel(nn.Module):
    def __init__(self, inputs: int, outputs: int, count: int, doubles: bool):
        super().__init__()
        self.block = nn.ModuleList(DecoderBlock(inputs if index == 0 else outputs, outputs) for index in range(count))
        if doubles:
            self.upsample = Upsampling(outputs)
        self.doubles = doubles

    def forward(self, x: Tensor) -> Tensor:
        for block in self.block:
            x = block(x)
        return self.upsample(x) if self.doubles else x


class Decoder(nn.Module):
    def __init__(self, in_channels, out_ch, ch, ch_mult, num_res_blocks, z_channels, embed_dim):
        super().__init__()
        widths = [ch * multiplier for multiplier in ch_mult]
        self.conv_in = convolution(z_channels, widths[-1])
        self.mid = nn.ModuleDict({
            "block_1": DecoderBlock(widths[-1], widths[-1]), "attn_1": DecoderAttention(widths[-1]),
            "block_2": DecoderBlock(widths[-1], widths[-1])})
        self.up = nn.ModuleList(
            DecoderLevel((widths[1:] + widths[-1:])[level], widths[level], num_res_blocks + 1, level > 0)
            for level in range(len(widths)))
        self.norm_out, self.conv_out = nn.GroupNorm(32, widths[0], eps=1e-6), convolution(widths[0], out_ch)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x)
        for layer in self.mid.values():
            x = layer(x)
        for level in reversed(self.up):
            x = level(x)
        return self.conv_out(F.silu(self.norm_out(x)))


class EncoderLevel(nn.Module):
    """What a checkpoint has of the encoder; it is not run."""

    def __init__(self, inputs: int, outputs: int, count: int, halves: bool):
        super().__init__()
        self.block = nn.ModuleList(DecoderBlock(inputs if index == 0 else outputs, outputs) for index in range(count))
        if halves:
            self.downsample = nn.ModuleDict({"conv": convolution(outputs, outputs, stride=2)})


class Encoder(nn.Module):
    """Likewise."""

    def __init__(self, in_channels, out_ch, ch, ch_mult, num_res_blocks, z_channels, embed_dim):
        super().__init__()
        widths = [ch * multiplier for multiplier in ch_mult]
        self.conv_in = convolution(in_channels, ch)
        self.down = nn.ModuleList(
            EncoderLevel(([ch] + widths)[level], width, num_res_blocks, level < len(widths) - 1) for level, width in enumerate(widths))
        self.mid = nn.ModuleDict({
            "block_1": DecoderBlock(widths[-1], widths[-1]), "attn_1": DecoderAttention(widths[-1]),
            "block_2": DecoderBlock(widths[-1], widths[-1])})
        self.norm_out, self.conv_out = nn.GroupNorm(32, widths[-1], eps=1e-6), convolution(widths[-1], 2 * z_channels)


class LatentDecoder(nn.Module):
    """A latent (B, 4, h, w) to a picture (B, 3, 8 h, 8 w)."""

    def __init__(self, **sizes):
        super().__init__()
        self.post_quant_conv = convolution(sizes["embed_dim"], sizes["z_channels"], 1)
        self.decoder = Decoder(**sizes)

    def forward(self, latent: Tensor) -> Tensor:
        return self.decoder(self.post_quant_conv(latent))


def latent_weights(sizes: dict) -> dict[str, Tensor]:
    """Seeded random weights of both networks, in fp16, by their keys."""
    torch.manual_seed(0)
    weights = {}
    for part, prefix in PREFIXES.items():
        network = latent_network(part, sizes)
        weights |= {prefix + key: value.half() for key, value in network.state_dict().items()}
    encoder = {"encoder": Encoder(**sizes["vae"]), "quant_conv": convolution(2 * sizes["vae"]["z_channels"], 2 * sizes["vae"]["embed_dim"], 1)}
    for key, value in nn.ModuleDict(encoder).state_dict().items():
        weights[PREFIXES["latent-decoder"] + key] = value.half()
    return weights


def latent_inputs(part: str, sections: dict, size: int, batch: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Of pictures of this side."""
    sizes = sections["vae"]
    side = size >> len(sizes["ch_mult"]) - 1
    if part == "latent-decoder":
        return {"latent": torch.randn(batch, sizes["embed_dim"], side, side, generator=generator)}
    return {
        "latent": torch.randn(batch, sections["unet"]["in_channels"], side, side, generator=generator),
        "time": torch.full((batch,), 500.0),
        "context": torch.randn(batch, TOKENS, sections["unet"]["context_dim"], generator=generator),
    }


def latent_network(part: str, sections: dict) -> nn.Module:
    """The network of `latent-unet` or `latent-decoder`, by the sections `unet` or `vae` of bundle.json."""
    name, kind = ("unet", LatentUNet) if part == "latent-unet" else ("vae", LatentDecoder)
    return kind(**{key: sections[name][key] for key in LATENT[name]})
