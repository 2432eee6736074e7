"""The frozen networks that words are trained with, of any size, from their files' tensors: the picture tower (`visual.`), and of a single
file of Stable Diffusion 2.1 the text tower, the U-Net and the autoencoder's encoder. What they compute stands in
Sources/Networks/LatentUNet/README.md and beside the other networks; sizes are read off the tensors, but for the heads.
"""

from __future__ import annotations

import math
from itertools import count
from typing import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Weights = dict[str, Tensor]
# Keys and values of a cross-attention, by its module's name in diffusers' files.
Projection = Callable[[str, Tensor], tuple[Tensor, Tensor]]
UNET, TEXT, ENCODER = "model.diffusion_model.", "cond_stage_model.model.", "first_stage_model."
LATENT_SCALE = 0.18215


def below(weights: Weights, prefix: str) -> Weights:
    return {key[len(prefix):]: value.float() for key, value in weights.items() if key.startswith(prefix)}


def linear(w: Weights, name: str, x: Tensor) -> Tensor:
    return F.linear(x, w[f"{name}.weight"], w.get(f"{name}.bias"))


def convolution(w: Weights, name: str, x: Tensor, stride: int = 1) -> Tensor:
    weight = w[f"{name}.weight"]
    return F.conv2d(x, weight, w.get(f"{name}.bias"), stride, padding=weight.shape[-1] // 2)


def layer_norm(w: Weights, name: str, x: Tensor) -> Tensor:
    return F.layer_norm(x, w[f"{name}.weight"].shape, w[f"{name}.weight"], w[f"{name}.bias"])


def group_norm(w: Weights, name: str, x: Tensor, epsilon: float) -> Tensor:
    return F.group_norm(x, 32, w[f"{name}.weight"], w[f"{name}.bias"], epsilon)


def attention(query: Tensor, key: Tensor, value: Tensor, head_width: int, is_causal: bool = False) -> Tensor:
    query, key, value = (part.unflatten(2, (-1, head_width)).transpose(1, 2) for part in (query, key, value))
    return F.scaled_dot_product_attention(query, key, value, is_causal=is_causal).transpose(1, 2).flatten(2)


def tower_blocks(w: Weights) -> int:
    return next(number for number in count() if f"transformer.resblocks.{number}.ln_1.weight" not in w)


def tower_block(w: Weights, number: int, x: Tensor, head_width: int, is_causal: bool) -> Tensor:
    name = f"transformer.resblocks.{number}"
    queries = F.linear(layer_norm(w, f"{name}.ln_1", x), w[f"{name}.attn.in_proj_weight"], w[f"{name}.attn.in_proj_bias"])
    x = x + linear(w, f"{name}.attn.out_proj", attention(*queries.chunk(3, dim=2), head_width, is_causal))
    hidden = F.gelu(linear(w, f"{name}.mlp.c_fc", layer_norm(w, f"{name}.ln_2", x)))
    return x + linear(w, f"{name}.mlp.c_proj", hidden)


class PictureTower:
    """Normalised pictures (B, 3, 224, 224) to all tokens of the last block."""

    def __init__(self, weights: Weights, head_width: int):
        self.w, self.head_width = below(weights, "visual."), head_width

    def __call__(self, pictures: Tensor) -> Tensor:
        weight = self.w["conv1.weight"]
        patches = F.conv2d(pictures, weight, stride=weight.shape[-1]).flatten(2).transpose(1, 2)
        first = self.w["class_embedding"].expand(len(patches), 1, -1)
        x = layer_norm(self.w, "ln_pre", torch.cat([first, patches], dim=1) + self.w["positional_embedding"])
        for number in range(tower_blocks(self.w)):
            x = tower_block(self.w, number, x, self.head_width, is_causal=False)
        return x


class TextTower:
    """A prompt whose placeholder gives way to words (B, N, C), to a context (B, 77, C): of the last block but one."""

    def __init__(self, weights: Weights, head_width: int):
        self.w, self.head_width = below(weights, TEXT), head_width

    def injected(self, prompt: Tensor, place: int, words: Tensor) -> Tensor:
        """The prompt's embeddings with words at the place of the placeholder; what is behind it moves on."""
        embedded = self.w["token_embedding.weight"][prompt].expand(len(words), -1, -1)
        return torch.cat([embedded[:, :place], words, embedded[:, place + 1:]], dim=1)[:, :embedded.shape[1]]

    def __call__(self, embedded: Tensor) -> Tensor:
        x = embedded + self.w["positional_embedding"]
        for number in range(tower_blocks(self.w) - 1):
            x = tower_block(self.w, number, x, self.head_width, is_causal=True)
        return layer_norm(self.w, "ln_final", x)


class NoiseNetwork:
    """A noisy latent (B, 4, h, w), times (B,) and a context to the noise in it."""

    def __init__(self, weights: Weights, head_width: int):
        self.w, self.head_width = below(weights, UNET), head_width
        self.per_level = next(number for number in count(1) if f"input_blocks.{number}.0.op.weight" in self.w) - 1

    def module_name(self, block: str) -> str:
        """What diffusers calls the transformer of a block."""
        kind, _, number = block.partition(".")
        if kind == "middle_block":
            return "mid_block.attentions.0"
        level, index = divmod(int(number) - (kind == "input_blocks"), self.per_level + 1)
        return f"{'down' if kind == 'input_blocks' else 'up'}_blocks.{level}.attentions.{index}"

    def own_projections(self) -> Weights:
        """The keys' and values' projections of the context, by diffusers' names."""
        found = {}
        for key, value in self.w.items():
            if ".attn2.to_k." in key or ".attn2.to_v." in key:
                block, rest = key.split(".transformer_blocks.")
                block = block if block.startswith("middle") else block.rpartition(".")[0]
                found[f"{self.module_name(block)}.transformer_blocks.{rest}".removesuffix(".weight")] = value
        return found

    def __call__(self, latent: Tensor, times: Tensor, context: Tensor, project: Projection) -> Tensor:
        half = self.w["input_blocks.0.0.weight"].shape[0] // 2
        angles = times[:, None] * torch.exp(torch.arange(half) * (-math.log(10_000) / half))
        time = linear(self.w, "time_embed.0", torch.cat([angles.cos(), angles.sin()], dim=1))
        time = linear(self.w, "time_embed.2", F.silu(time))
        x, skips = latent, []
        for number in count():
            if not self.has(f"input_blocks.{number}"):
                break
            x = self.block(f"input_blocks.{number}", x, time, context, project)
            skips.append(x)
        x = self.block("middle_block", x, time, context, project)
        for number in range(len(skips)):
            x = self.block(f"output_blocks.{number}", torch.cat([x, skips.pop()], dim=1), time, context, project)
        return convolution(self.w, "out.2", F.silu(group_norm(self.w, "out.0", x, 1e-5)))

    def has(self, name: str) -> bool:
        return f"{name}.0.weight" in self.w or f"{name}.0.op.weight" in self.w or f"{name}.0.in_layers.0.weight" in self.w

    def block(self, name: str, x: Tensor, time: Tensor, context: Tensor, project: Projection) -> Tensor:
        for number in count():
            own = f"{name}.{number}"
            if f"{own}.in_layers.0.weight" in self.w:
                x = self.residual(own, x, time)
            elif f"{own}.proj_in.weight" in self.w:
                x = self.transformer(own, x, context, lambda to: project(f"{self.module_name(name)}.transformer_blocks.0.attn2", to))
            elif f"{own}.op.weight" in self.w:
                x = convolution(self.w, f"{own}.op", x, stride=2)
            elif f"{own}.conv.weight" in self.w:
                x = convolution(self.w, f"{own}.conv", F.interpolate(x, scale_factor=2.0, mode="nearest"))
            elif f"{own}.weight" in self.w:
                x = convolution(self.w, own, x)
            else:
                return x
        raise AssertionError("counting ends with the blocks")

    def residual(self, name: str, x: Tensor, time: Tensor) -> Tensor:
        hidden = convolution(self.w, f"{name}.in_layers.2", F.silu(group_norm(self.w, f"{name}.in_layers.0", x, 1e-5)))
        hidden = hidden + linear(self.w, f"{name}.emb_layers.1", F.silu(time))[:, :, None, None]
        hidden = convolution(self.w, f"{name}.out_layers.3", F.silu(group_norm(self.w, f"{name}.out_layers.0", hidden, 1e-5)))
        skip = f"{name}.skip_connection"
        return hidden + (convolution(self.w, skip, x) if f"{skip}.weight" in self.w else x)

    def transformer(self, name: str, x: Tensor, context: Tensor, project: Callable[[Tensor], tuple[Tensor, Tensor]]) -> Tensor:
        y = linear(self.w, f"{name}.proj_in", group_norm(self.w, f"{name}.norm", x, 1e-6).flatten(2).transpose(1, 2))
        block = f"{name}.transformer_blocks.0"

        def attended(which: str, norm: str, keys: Callable[[Tensor], tuple[Tensor, Tensor]]) -> Tensor:
            seen = layer_norm(self.w, f"{block}.{norm}", y)
            key, value = keys(seen)
            query = linear(self.w, f"{block}.{which}.to_q", seen)
            return linear(self.w, f"{block}.{which}.to_out.0", attention(query, key, value, self.head_width))

        y = y + attended("attn1", "norm1", lambda seen: tuple(linear(self.w, f"{block}.attn1.to_{part}", seen) for part in "kv"))
        y = y + attended("attn2", "norm2", lambda _: project(context))
        value, gate = linear(self.w, f"{block}.ff.net.0.proj", layer_norm(self.w, f"{block}.norm3", y)).chunk(2, dim=2)
        y = y + linear(self.w, f"{block}.ff.net.2", value * F.gelu(gate))
        return x + linear(self.w, f"{name}.proj_out", y).transpose(1, 2).unflatten(2, x.shape[2:])


class LatentEncoder:
    """Pictures (B, 3, 8 h, 8 w) in -1...1 to latents (B, 4, h, w): the mean of what the autoencoder's encoder gives. Where a file has
    no encoder, as small ones for tests, means of colours and of brightness stand in."""

    def __init__(self, weights: Weights):
        self.w = below(weights, ENCODER)
        self.is_there = "encoder.conv_in.weight" in self.w

    def __call__(self, pictures: Tensor, zoom: int) -> Tensor:
        if not self.is_there:
            means = F.avg_pool2d(pictures, zoom)
            return torch.cat([means, means.mean(dim=1, keepdim=True)], dim=1)
        x = convolution(self.w, "encoder.conv_in", pictures)
        for level in count():
            if f"encoder.down.{level}.block.0.norm1.weight" not in self.w:
                break
            for number in count():
                if f"encoder.down.{level}.block.{number}.norm1.weight" not in self.w:
                    break
                x = self.residual(f"encoder.down.{level}.block.{number}", x)
            down = f"encoder.down.{level}.downsample.conv"
            if f"{down}.weight" in self.w:
                x = F.conv2d(F.pad(x, (0, 1, 0, 1)), self.w[f"{down}.weight"], self.w[f"{down}.bias"], stride=2)
        x = self.residual("encoder.mid.block_1", x)
        x = self.attended("encoder.mid.attn_1", x)
        x = self.residual("encoder.mid.block_2", x)
        x = convolution(self.w, "encoder.conv_out", F.silu(group_norm(self.w, "encoder.norm_out", x, 1e-6)))
        return convolution(self.w, "quant_conv", x).chunk(2, dim=1)[0] * LATENT_SCALE

    def residual(self, name: str, x: Tensor) -> Tensor:
        hidden = convolution(self.w, f"{name}.conv1", F.silu(group_norm(self.w, f"{name}.norm1", x, 1e-6)))
        hidden = convolution(self.w, f"{name}.conv2", F.silu(group_norm(self.w, f"{name}.norm2", hidden, 1e-6)))
        skip = f"{name}.nin_shortcut"
        return hidden + (convolution(self.w, skip, x) if f"{skip}.weight" in self.w else x)

    def attended(self, name: str, x: Tensor) -> Tensor:
        seen = group_norm(self.w, f"{name}.norm", x, 1e-6)
        query, key, value = (convolution(self.w, f"{name}.{part}", seen).flatten(2).transpose(1, 2) for part in "qkv")
        found = attention(query, key, value, query.shape[2]).transpose(1, 2).unflatten(2, x.shape[2:])
        return x + convolution(self.w, f"{name}.proj_out", found)
