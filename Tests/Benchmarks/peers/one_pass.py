"""Networks of one evaluation as the peers run them: NAFNet, InstructIR and Restormer, and bundles of random weights of each.

Written from Sources/Networks/*/README.md; attribute names are the keys of checkpoints.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from restored_training.nafnet import Block, ConditionalNAFNet
from torch import Tensor, nn

# The published sizes: NAFNet-SIDD-width32, InstructIR's image model, Restormer.
ONE_PASS = {
    "nafnet": {"width": 32, "enc_blk_nums": [2, 2, 4, 8], "middle_blk_num": 12, "dec_blk_nums": [2, 2, 2, 2]},
    "instructir": {"width": 32, "enc_blk_nums": [2, 2, 4, 8], "middle_blk_num": 4, "dec_blk_nums": [2, 2, 2, 2], "txtdim": 256},
    "restormer": {
        "inp_channels": 3, "out_channels": 3, "dim": 48, "num_blocks": [4, 6, 6, 8], "num_refinement_blocks": 4,
        "heads": [1, 2, 4, 8], "ffn_expansion_factor": 2.66, "bias": False, "LayerNorm_type": "WithBias",
    },
}


class NAFNet(ConditionalNAFNet):
    """A picture (B, 3, H, W, in 0...1) to a clean one."""

    def __init__(self, **trunk):
        super().__init__(**trunk, context_dim=0, use_degradation=False, use_content=False, norm="affine")

    def forward(self, picture: Tensor) -> Tensor:
        return super().forward(picture, None, None)


class InstructionBlock(nn.Module):
    def __init__(self, channels: int, instruction_width: int):
        super().__init__()
        self.beta, self.gamma = (nn.Parameter(torch.zeros(1, channels, 1, 1)) for _ in range(2))
        self.fc = nn.Linear(instruction_width, channels)
        self.block = Block(channels, "affine", None, None)

    def forward(self, x: Tensor, instruction: Tensor) -> Tensor:
        gate = torch.sigmoid(self.fc(instruction))[:, :, None, None]
        return self.block((x * self.gamma + self.beta) * gate, None, None) + x


class InstructIR(NAFNet):
    """A picture and an instruction (B, txtdim) to a clean picture."""

    def __init__(self, txtdim: int, **trunk):
        super().__init__(**trunk)
        depth, width = len(trunk["enc_blk_nums"]), trunk["width"]
        self.enc_cond = nn.ModuleList(InstructionBlock(width << level, txtdim) for level in range(depth))
        self.dec_cond = nn.ModuleList(InstructionBlock(width << level, txtdim) for level in reversed(range(depth)))

    def forward(self, picture: Tensor, instruction: Tensor) -> Tensor:
        height, width = picture.shape[-2:]
        padded = F.pad(picture, (0, -width % self.alignment, 0, -height % self.alignment))
        x, skips = self.intro(padded), []
        for blocks, condition, down in zip(self.encoders, self.enc_cond, self.downs):
            for block in blocks:
                x = block(x, None, None)
            x = condition(x, instruction)
            skips.append(x)
            x = down(x)
        for block in self.middle_blks:
            x = block(x, None, None)
        for up, blocks, condition in zip(self.ups, self.decoders, self.dec_cond):
            x = up(x) + skips.pop()
            for block in blocks:
                x = block(x, None, None)
            x = condition(x, instruction)
        return (self.ending(x) + padded)[..., :height, :width]


class PixelNorm(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.body = nn.LayerNorm(channels, eps=1e-5)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class TransposedAttention(nn.Module):
    """Attention across channels."""

    def __init__(self, channels: int, heads: int):
        super().__init__()
        self.heads = heads
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv = nn.Conv2d(channels, 3 * channels, 1, bias=False)
        self.qkv_dwconv = nn.Conv2d(3 * channels, 3 * channels, 3, padding=1, groups=3 * channels, bias=False)
        self.project_out = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (
            part.unflatten(1, (self.heads, -1)).flatten(3) for part in self.qkv_dwconv(self.qkv(x)).chunk(3, dim=1))
        scores = F.normalize(query, dim=-1) @ F.normalize(key, dim=-1).transpose(-2, -1) * self.temperature
        return self.project_out((scores.softmax(dim=-1) @ value).reshape(x.shape))


class GatedFeedForward(nn.Module):
    def __init__(self, channels: int, expansion: float):
        super().__init__()
        hidden = int(channels * expansion)
        self.project_in = nn.Conv2d(channels, 2 * hidden, 1, bias=False)
        self.dwconv = nn.Conv2d(2 * hidden, 2 * hidden, 3, padding=1, groups=2 * hidden, bias=False)
        self.project_out = nn.Conv2d(hidden, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.dwconv(self.project_in(x)).chunk(2, dim=1)
        return self.project_out(F.gelu(first) * second)


class RestormerBlock(nn.Module):
    def __init__(self, channels: int, heads: int, expansion: float):
        super().__init__()
        self.norm1, self.norm2 = PixelNorm(channels), PixelNorm(channels)
        self.attn = TransposedAttention(channels, heads)
        self.ffn = GatedFeedForward(channels, expansion)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.ffn(self.norm2(x))


class Resampling(nn.Module):
    """Half the size and twice the channels, or the other way round."""

    def __init__(self, channels: int, shrinks: bool):
        super().__init__()
        made = channels // 2 if shrinks else 2 * channels
        self.body = nn.Sequential(
            nn.Conv2d(channels, made, 3, padding=1, bias=False), nn.PixelUnshuffle(2) if shrinks else nn.PixelShuffle(2))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


class PatchEmbedding(nn.Module):
    def __init__(self, channels: int, made: int):
        super().__init__()
        self.proj = nn.Conv2d(channels, made, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x)


class Restormer(nn.Module):
    """A picture whose sides are multiples of 8 to a clean one."""

    def __init__(
        self, inp_channels, out_channels, dim, num_blocks, num_refinement_blocks, heads, ffn_expansion_factor, bias, LayerNorm_type,
    ):
        super().__init__()
        assert not bias and LayerNorm_type == "WithBias" and inp_channels == out_channels

        def blocks(count: int, channels: int, heads: int) -> nn.Sequential:
            return nn.Sequential(*(RestormerBlock(channels, heads, ffn_expansion_factor) for _ in range(count)))

        self.patch_embed = PatchEmbedding(inp_channels, dim)
        self.encoder_level1, self.encoder_level2, self.encoder_level3, self.latent = (
            blocks(num_blocks[level], dim << level, heads[level]) for level in range(4))
        self.down1_2, self.down2_3, self.down3_4 = (Resampling(dim << level, True) for level in range(3))
        self.up4_3, self.up3_2, self.up2_1 = (Resampling(dim << level, False) for level in (3, 2, 1))
        self.reduce_chan_level3 = nn.Conv2d(8 * dim, 4 * dim, 1, bias=False)
        self.reduce_chan_level2 = nn.Conv2d(4 * dim, 2 * dim, 1, bias=False)
        self.decoder_level3 = blocks(num_blocks[2], 4 * dim, heads[2])
        self.decoder_level2 = blocks(num_blocks[1], 2 * dim, heads[1])
        self.decoder_level1 = blocks(num_blocks[0], 2 * dim, heads[0])
        self.refinement = blocks(num_refinement_blocks, 2 * dim, heads[0])
        self.output = nn.Conv2d(2 * dim, out_channels, 3, padding=1, bias=False)

    def forward(self, picture: Tensor) -> Tensor:
        first = self.encoder_level1(self.patch_embed(picture))
        second = self.encoder_level2(self.down1_2(first))
        third = self.encoder_level3(self.down2_3(second))
        x = self.latent(self.down3_4(third))
        x = self.decoder_level3(self.reduce_chan_level3(torch.cat([self.up4_3(x), third], dim=1)))
        x = self.decoder_level2(self.reduce_chan_level2(torch.cat([self.up3_2(x), second], dim=1)))
        x = self.decoder_level1(torch.cat([self.up2_1(x), first], dim=1))
        return self.output(self.refinement(x)) + picture


NETWORKS = {"nafnet": NAFNet, "instructir": InstructIR, "restormer": Restormer}


def one_pass_network(kind: str, settings: dict) -> nn.Module:
    return NETWORKS[kind](**{key: settings[key] for key in ONE_PASS[kind]})
