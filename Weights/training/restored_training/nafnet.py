"""NAFNet steered by DA-CLIP (Sources/Networks/ConditionalNAFNet/README.md): the clean picture in one evaluation.

Attribute names are the keys of checkpoints, so that they load with strict=True.
"""

from __future__ import annotations

from typing import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .unet import ChannelLayerNorm, NormedAttention


class AffineNorm(nn.Module):
    """Normalises the channels of each pixel, with a gain and an offset, as NAFNet has it."""

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias, 1e-6).permute(0, 3, 1, 2)


NORMS = {"gain": ChannelLayerNorm, "affine": AffineNorm}


def gate(x: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=1)
    return first * second


class Gate(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return gate(x)


class Block(nn.Module):
    """`modulation_width` is the length of what scales and shifts the norms are made of, None without; `content_width` that of the
    content that stands in the place of channel attention, None where that stays."""

    def __init__(self, channels: int, norm: str, modulation_width: int | None, content_width: int | None):
        super().__init__()
        self.norm1, self.norm2 = NORMS[norm](channels), NORMS[norm](channels)
        self.conv1 = nn.Conv2d(channels, 2 * channels, 1)
        self.conv2 = nn.Conv2d(2 * channels, 2 * channels, 3, padding=1, groups=2 * channels)
        self.conv3 = nn.Conv2d(channels, channels, 1)
        self.conv4 = nn.Conv2d(channels, 2 * channels, 1)
        self.conv5 = nn.Conv2d(channels, channels, 1)
        self.beta, self.gamma = (nn.Parameter(torch.zeros(1, channels, 1, 1)) for _ in range(2))
        self.mlp = nn.Sequential(Gate(), nn.Linear(modulation_width // 2, 4 * channels)) if modulation_width else None
        if content_width is None:
            self.att, self.sca = None, nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, channels, 1))
        else:
            self.att, self.sca = NormedAttention(channels, content_width), None

    def forward(self, x: Tensor, told: Tensor | None, content: Tensor | None) -> Tensor:
        first, second = self.norm1, self.norm2
        if self.mlp is not None:
            shift1, scale1, shift2, scale2 = self.mlp(told)[:, :, None, None].chunk(4, dim=1)
            first, second = (lambda y: self.norm1(y) * (scale1 + 1) + shift1), (lambda y: self.norm2(y) * (scale2 + 1) + shift2)
        h = gate(self.conv2(self.conv1(first(x))))
        h = h * self.sca(h) if self.att is None else self.att(h, content)
        y = x + self.conv3(h) * self.beta
        return y + self.conv5(gate(self.conv4(second(y)))) * self.gamma


class ConditionalNAFNet(nn.Module):
    """Degraded pictures (B, 3, H, W, in 0...1) and both embeddings (B, context_dim) to clean pictures."""

    def __init__(
        self, width: int, enc_blk_nums: Sequence[int], middle_blk_num: int, dec_blk_nums: Sequence[int], context_dim: int,
        use_degradation: bool = True, use_content: bool = False, content_level: int | None = None, norm: str = "gain",
    ):
        super().__init__()
        depth = len(enc_blk_nums)
        content_level = depth if content_level is None else content_level
        # As a bundle describes it.
        self.shape = {
            "width": width, "enc_blk_nums": [*enc_blk_nums], "middle_blk_num": middle_blk_num, "dec_blk_nums": [*dec_blk_nums],
            "context_dim": context_dim, "use_degradation": use_degradation, "use_content": use_content,
            "content_level": content_level, "norm": norm}
        self.alignment = 2**depth
        told = 4 * width if use_degradation else None

        def blocks(count: int, level: int) -> nn.ModuleList:
            content = context_dim if use_content and level >= content_level else None
            return nn.ModuleList(Block(width << level, norm, told, content) for _ in range(count))

        self.intro, self.ending = nn.Conv2d(3, width, 3, padding=1), nn.Conv2d(width, 3, 3, padding=1)
        self.encoders = nn.ModuleList(blocks(count, level) for level, count in enumerate(enc_blk_nums))
        self.downs = nn.ModuleList(nn.Conv2d(width << level, width << (level + 1), 2, stride=2) for level in range(depth))
        self.middle_blks = blocks(middle_blk_num, depth)
        self.ups = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width << level, width << (level + 1), 1, bias=False), nn.PixelShuffle(2))
            for level in range(depth, 0, -1))
        self.decoders = nn.ModuleList(blocks(count, depth - 1 - number) for number, count in enumerate(dec_blk_nums))
        self.prompt = None
        if use_degradation:
            self.prompt = nn.Parameter(torch.rand(1, told))
            self.text_mlp = nn.Sequential(nn.Linear(context_dim, told), nn.SiLU(), nn.Linear(told, told))
            self.prompt_mlp = nn.Linear(told, told)

    def told(self, degradation: Tensor) -> Tensor | None:
        """What the blocks are told of a degradation embedding."""
        if self.prompt is None:
            return None
        return self.prompt_mlp(self.text_mlp(degradation).softmax(dim=1) * self.prompt)

    def features(self, picture: Tensor, degradation: Tensor, content: Tensor) -> list[Tensor]:
        """What every level of the decoder holds, from coarse to fine; of a picture whose sides are multiples of the alignment."""
        told = self.told(degradation)
        x, skips, found = self.intro(picture), [], []
        for blocks, down in zip(self.encoders, self.downs):
            for block in blocks:
                x = block(x, told, content)
            skips.append(x)
            x = down(x)
        for block in self.middle_blks:
            x = block(x, told, content)
        for up, blocks in zip(self.ups, self.decoders):
            x = up(x) + skips.pop()
            for block in blocks:
                x = block(x, told, content)
            found.append(x)
        return found

    def forward(self, picture: Tensor, degradation: Tensor, content: Tensor) -> Tensor:
        height, width = picture.shape[-2:]
        padded = F.pad(picture, (0, -width % self.alignment, 0, -height % self.alignment))
        return (self.ending(self.features(padded, degradation, content)[-1]) + padded)[..., :height, :width]


@torch.no_grad()
def start_as_identity(network: ConditionalNAFNet) -> None:
    """Before any training the network returns the picture as it is."""
    nn.init.zeros_(network.ending.weight)
    nn.init.zeros_(network.ending.bias)
    if network.prompt is not None:
        # A softmax over this many channels divides the prompt by as many.
        network.prompt.mul_(network.prompt.shape[1])
    for module in network.modules():
        if isinstance(module, Block) and module.mlp is not None:
            # The norms begin as they are; what they are told is learned.
            module.mlp[1].weight.mul_(0.1)
            nn.init.zeros_(module.mlp[1].bias)
