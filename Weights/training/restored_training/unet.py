"""The restoration network (IR-SDE, arXiv 2301.11699; DA-CLIP, arXiv 2310.01018; wild-IR, arXiv 2404.09732).

Attribute names are the keys of published checkpoints, so that they load with strict=True.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HEAD_WIDTH = 32


def reflected_indices(size: int, padded: int, device) -> Tensor:
    """Indices that continue 0 ... size - 1 by reflection, with period 2 (size - 1)."""
    index = torch.arange(padded, device=device)
    if size == 1:
        return torch.zeros_like(index)
    index = index % (2 * (size - 1))
    return torch.minimum(index, 2 * (size - 1) - index)


def reflect_to_multiple(picture: Tensor, multiple: int) -> Tensor:
    height, width = picture.shape[-2:]
    padded_height, padded_width = -(-height // multiple) * multiple, -(-width // multiple) * multiple
    if padded_height != height:
        picture = picture.index_select(-2, reflected_indices(height, padded_height, picture.device))
    if padded_width != width:
        picture = picture.index_select(-1, reflected_indices(width, padded_width, picture.device))
    return picture


class SinusoidalEmbedding(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        half = width // 2
        frequencies = torch.exp(torch.arange(half) * (-math.log(10000) / (half - 1)))
        self.register_buffer("frequencies", frequencies, persistent=False)

    def forward(self, time: Tensor) -> Tensor:
        phase = time[:, None] * self.frequencies
        return torch.cat([phase.sin(), phase.cos()], dim=1)


class ChannelLayerNorm(nn.Module):
    """Normalises the channels of each pixel; a gain and no offset."""

    def __init__(self, channels: int):
        super().__init__()
        self.g = nn.Parameter(torch.ones(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x.permute(0, 2, 3, 1), self.g.shape[1:2], self.g.flatten()).permute(0, 3, 1, 2)


class ConvolutionBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.proj = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)

    def forward(self, x: Tensor, modulation: tuple[Tensor, Tensor] | None = None) -> Tensor:
        x = self.proj(x)
        if modulation is not None:
            scale, shift = modulation
            x = x * (scale + 1) + shift
        return F.silu(x)


class ResidualBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, time_width: int):
        super().__init__()
        self.mlp = nn.Sequential(nn.SiLU(), nn.Linear(time_width, 2 * outputs))
        self.block1 = ConvolutionBlock(inputs, outputs)
        self.block2 = ConvolutionBlock(outputs, outputs)
        self.res_conv = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        modulation = self.mlp(time)[:, :, None, None].chunk(2, dim=1)
        return self.block2(self.block1(x, modulation)) + self.res_conv(x)


class LinearAttention(nn.Module):
    def __init__(self, channels: int, heads: int = 4):
        super().__init__()
        self.heads = heads
        width = heads * HEAD_WIDTH
        self.to_qkv = nn.Conv2d(channels, 3 * width, 1, bias=False)
        self.to_out = nn.Sequential(nn.Conv2d(width, channels, 1), ChannelLayerNorm(channels))

    def forward(self, x: Tensor, content: Tensor | None = None) -> Tensor:
        height, width = x.shape[-2:]
        # Pixels before channels, as channels-last memory has them: these reshapes copy nothing.
        qkv = self.to_qkv(x).permute(0, 2, 3, 1).flatten(1, 2).unflatten(-1, (3, self.heads, HEAD_WIDTH))
        q, k, v = qkv.transpose(1, 3).unbind(2)
        q = q.softmax(dim=-1).to(v.dtype)
        k = k.softmax(dim=-2).to(v.dtype)
        context = k.transpose(-1, -2) @ v * (HEAD_WIDTH**-0.5 / (height * width))
        out = (q @ context).transpose(1, 2).flatten(2).unflatten(1, (height, width))
        return self.to_out(out.permute(0, 3, 1, 2))


class CrossAttention(nn.Module):
    """Softmax attention; over the tokens themselves where no context is given."""

    def __init__(self, channels: int, context_channels: int):
        super().__init__()
        self.heads = channels // HEAD_WIDTH
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_k = nn.Linear(context_channels, channels, bias=False)
        self.to_v = nn.Linear(context_channels, channels, bias=False)
        self.to_out = nn.Sequential(nn.Linear(channels, channels), nn.Identity())

    def forward(self, tokens: Tensor, context: Tensor | None = None) -> Tensor:
        def heads(values: Tensor) -> Tensor:
            return values.unflatten(-1, (self.heads, HEAD_WIDTH)).transpose(1, 2)

        source = tokens if context is None else context
        out = F.scaled_dot_product_attention(heads(self.to_q(tokens)), heads(self.to_k(source)), heads(self.to_v(source)))
        return self.to_out(out.transpose(1, 2).flatten(2))


class GatedGELU(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.proj = nn.Linear(inputs, 2 * outputs)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.net = nn.Sequential(GatedGELU(channels, 4 * channels), nn.Identity(), nn.Linear(4 * channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class TransformerBlock(nn.Module):
    def __init__(self, channels: int, context_channels: int):
        super().__init__()
        self.attn1 = CrossAttention(channels, channels)
        self.attn2 = CrossAttention(channels, context_channels)
        self.ff = FeedForward(channels)
        self.norm1 = nn.LayerNorm(channels)
        self.norm2 = nn.LayerNorm(channels)
        self.norm3 = nn.LayerNorm(channels)

    def forward(self, tokens: Tensor, context: Tensor) -> Tensor:
        tokens = tokens + self.attn1(self.norm1(tokens))
        tokens = tokens + self.attn2(self.norm2(tokens), context)
        return tokens + self.ff(self.norm3(tokens))


class SpatialTransformer(nn.Module):
    def __init__(self, channels: int, context_channels: int):
        super().__init__()
        self.norm = nn.GroupNorm(32, channels, eps=1e-6)
        self.proj_in = nn.Conv2d(channels, channels, 1)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(channels, context_channels)])
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor, content: Tensor) -> Tensor:
        tokens = self.proj_in(self.norm(x)).flatten(2).transpose(1, 2)
        for block in self.transformer_blocks:
            tokens = block(tokens, content[:, None])
        return x + self.proj_out(tokens.transpose(1, 2).unflatten(2, x.shape[-2:]))


class PreNorm(nn.Module):
    def __init__(self, channels: int, fn: nn.Module):
        super().__init__()
        self.fn = fn
        self.norm = ChannelLayerNorm(channels)

    def forward(self, x: Tensor, content: Tensor | None) -> Tensor:
        return self.fn(self.norm(x), content)


class NormedAttention(nn.Module):
    """x + attention(norm(x))."""

    def __init__(self, channels: int, context_channels: int | None):
        super().__init__()
        inner = LinearAttention(channels) if context_channels is None else SpatialTransformer(channels, context_channels)
        self.fn = PreNorm(channels, inner)

    def forward(self, x: Tensor, content: Tensor | None) -> Tensor:
        return x + self.fn(x, content)


class ConditionalUNet(nn.Module):
    """State and degraded picture (B, 3, H, W, in 0...1), time (B) and contexts (B, context_dim) to a prediction."""

    def __init__(
        self, in_nc: int = 3, out_nc: int = 3, nf: int = 64, ch_mult: list[int] = (1, 2, 4, 8),
        context_dim: int | None = 512, use_degra_context: bool = True, use_image_context: bool = True,
        scale: float = 1,
    ):
        super().__init__()
        if scale not in (0.5, 1):
            raise ValueError(f"scale must be 1 or 0.5, not {scale}")
        # As a bundle describes it.
        self.shape = {
            "in_nc": in_nc, "out_nc": out_nc, "nf": nf, "ch_mult": [*ch_mult], "context_dim": context_dim,
            "use_degra_context": use_degra_context, "use_image_context": use_image_context, "scale": scale}
        self.depth = len(ch_mult)
        time_width = 4 * nf
        content_width = context_dim if use_image_context else None
        transformer_level = 3 if scale == 1 else self.depth - 1
        widths = [nf * multiplier for multiplier in [1, *ch_mult]]

        def level_context(level: int) -> int | None:
            return content_width if level == transformer_level else None

        self.init_conv = nn.Conv2d(2 * in_nc, nf, 7, padding=3, bias=False)
        if scale == 0.5:
            self.downsample = nn.Conv2d(nf, nf, 4, stride=2, padding=1)
            self.upsample = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(nf, nf, 3, padding=1))
        else:
            self.downsample = self.upsample = None
        self.time_mlp = nn.Sequential(
            SinusoidalEmbedding(nf), nn.Linear(nf, time_width), nn.GELU(), nn.Linear(time_width, time_width))
        if context_dim is not None and use_degra_context:
            self.prompt = nn.Parameter(torch.rand(1, time_width))
            self.text_mlp = nn.Sequential(
                nn.Linear(context_dim, time_width), nn.SiLU(), nn.Linear(time_width, time_width))
            self.prompt_mlp = nn.Linear(time_width, time_width)
        else:
            self.prompt = None

        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        for level, (inner, outer) in enumerate(zip(widths, widths[1:])):
            is_last = level == self.depth - 1
            self.downs.append(nn.ModuleList([
                ResidualBlock(inner, inner, time_width),
                ResidualBlock(inner, inner, time_width),
                NormedAttention(inner, level_context(level)),
                nn.Conv2d(inner, outer, 3, padding=1, bias=False) if is_last
                else nn.Conv2d(inner, outer, 4, stride=2, padding=1),
            ]))
            self.ups.insert(0, nn.ModuleList([
                ResidualBlock(outer + inner, outer, time_width),
                ResidualBlock(outer + inner, outer, time_width),
                NormedAttention(outer, level_context(level)),
                nn.Conv2d(outer, inner, 3, padding=1, bias=False) if level == 0
                else nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(outer, inner, 3, padding=1)),
            ]))
        self.mid_block1 = ResidualBlock(widths[-1], widths[-1], time_width)
        self.mid_attn = NormedAttention(widths[-1], content_width)
        self.mid_block2 = ResidualBlock(widths[-1], widths[-1], time_width)
        self.final_res_block = ResidualBlock(2 * nf, nf, time_width)
        self.final_conv = nn.Conv2d(nf, out_nc, 3, padding=1)

    def prompted(self, degradation: Tensor) -> Tensor:
        """What a degradation embedding (B, context_dim) adds to the time's, (B, time width)."""
        return self.prompt_mlp(self.text_mlp(degradation).softmax(dim=1) * self.prompt)

    def forward(
        self, state: Tensor, mu: Tensor, time: Tensor, degradation: Tensor | None = None, content: Tensor | None = None,
    ) -> Tensor:
        height, width = state.shape[-2:]
        x = reflect_to_multiple(torch.cat([state - mu, mu], dim=1), 2**self.depth)
        x = self.init_conv(x)
        copy = x
        time = self.time_mlp(time)
        if self.prompt is not None and degradation is not None:
            time = time + self.prompted(degradation)
        if self.downsample is not None:
            x = self.downsample(x)

        skips = []
        for block1, block2, attention, down in self.downs:
            x = block1(x, time)
            skips.append(x)
            x = attention(block2(x, time), content)
            skips.append(x)
            x = down(x)
        x = self.mid_block2(self.mid_attn(self.mid_block1(x, time), content), time)
        for block1, block2, attention, up in self.ups:
            x = block1(torch.cat([x, skips.pop()], dim=1), time)
            x = block2(torch.cat([x, skips.pop()], dim=1), time)
            x = up(attention(x, content))

        if self.upsample is not None:
            x = self.upsample(x)
        x = self.final_res_block(torch.cat([x, copy], dim=1), time)
        return self.final_conv(x)[..., :height, :width]
