"""NAFNet that borrows from a reference picture (Sources/Networks/GuidedRestoration/README.md): the clean picture in one evaluation.

Attribute names are the keys of checkpoints (`NAFNetRefFusion`), so that they load with strict=True.
"""

from __future__ import annotations

from typing import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .matching import Matches, MatchingShape, coarse_matches, fine_matches, picture_patches, reference_patches, transferred
from .nafnet import Block


class ResidualBlock(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.relu(self.conv1(x)))


class FeatureEncoder(nn.Module):
    """Features of a picture, the finest level first, each of half the size of the one before and twice its channels."""

    def __init__(self, width: int, levels: int, block_counts: Sequence[int]):
        super().__init__()
        self.levels = levels
        for level in range(levels):
            channels = width << level
            enter = nn.Conv2d(3 if level == 0 else channels // 2, channels, 3, stride=1 if level == 0 else 2, padding=1)
            setattr(self, f"conv_L{level + 1}", enter)
            blocks = nn.Sequential(*(ResidualBlock(channels) for _ in range(block_counts[min(level, 2)])))
            setattr(self, f"blk_L{level + 1}", blocks)

    def forward(self, x: Tensor) -> list[Tensor]:
        found = []
        for level in range(1, self.levels + 1):
            x = getattr(self, f"blk_L{level}")(F.relu(getattr(self, f"conv_L{level}")(x)))
            found.append(x)
        return found


class FusionBlocks(nn.Sequential):
    """Of a state and what is borrowed at its level; gives the state's channels."""

    def forward(self, state: Tensor, borrowed: Tensor) -> Tensor:
        both = torch.cat([state, borrowed.to(state.dtype)], dim=1)
        for block in self:
            both = block(both, None, None)
        return both[:, :state.shape[1]]


class GuidedNAFNet(nn.Module):
    """Degraded pictures (N, 3, H, W) and references (M, 3, Hr, Wr), all in 0...1, to clean pictures."""

    def __init__(
        self, width: int, enc_blk_nums: Sequence[int], middle_blk_num: int, dec_blk_nums: Sequence[int],
        ext_n_blocks: Sequence[int], reffusion_n_blocks: Sequence[int], lr_block_size: int = 8,
        ref_down_block_size: float = 1.5, dilations: Sequence[int] = (1, 2, 3),
    ):
        super().__init__()
        depth = len(enc_blk_nums)
        # As a bundle describes it.
        self.shape = {
            "width": width, "enc_blk_nums": [*enc_blk_nums], "middle_blk_num": middle_blk_num, "dec_blk_nums": [*dec_blk_nums],
            "nf": width, "ext_n_blocks": [*ext_n_blocks], "reffusion_n_blocks": [*reffusion_n_blocks],
            "lr_block_size": lr_block_size, "ref_down_block_size": ref_down_block_size, "dilations": [*dilations]}
        self.matching = MatchingShape(lr_block_size, ref_down_block_size, tuple(dilations))
        self.alignment = lr_block_size << depth

        def blocks(count: int, channels: int) -> list[Block]:
            return [Block(channels, "affine", None, None) for _ in range(count)]

        self.masa_enc = FeatureEncoder(width, depth + 1, ext_n_blocks)
        self.masa_blk_enc = nn.ModuleList(FusionBlocks(*blocks(reffusion_n_blocks[level], 2 * width << level)) for level in range(depth))
        self.masa_blk_middle = nn.ModuleList([FusionBlocks(*blocks(reffusion_n_blocks[depth], 2 * width << depth))])
        self.intro, self.ending = nn.Conv2d(3, width, 3, padding=1), nn.Conv2d(width, 3, 3, padding=1)
        self.encoders = nn.ModuleList(nn.Sequential(*blocks(count, width << level)) for level, count in enumerate(enc_blk_nums))
        self.downs = nn.ModuleList(nn.Conv2d(width << level, width << (level + 1), 2, stride=2) for level in range(depth))
        self.middle_blks = nn.Sequential(*blocks(middle_blk_num, width << depth))
        self.ups = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width << level, width << (level + 1), 1, bias=False), nn.PixelShuffle(2))
            for level in range(depth, 0, -1))
        self.decoders = nn.ModuleList(
            nn.Sequential(*blocks(count, width << (depth - 1 - number))) for number, count in enumerate(dec_blk_nums))

    def padded(self, picture: Tensor) -> Tensor:
        height, width = picture.shape[-2:]
        return F.pad(picture, (0, -width % self.alignment, 0, -height % self.alignment))

    def matched(self, own: list[Tensor], reference: list[Tensor], owner: Tensor) -> tuple[Matches, Tensor, Tensor]:
        """Of features: the matches, and the patches of both that were compared."""
        coarsest, other = own[-1], reference[-1]
        patches, places = picture_patches(coarsest), reference_patches(other)
        with torch.no_grad():
            _, coarse = coarse_matches(coarsest, other, owner, self.matching)
        return fine_matches(coarsest, other, patches, places, owner, coarse, self.matching), patches, places

    def restored(self, padded: Tensor, borrowed: list[Tensor]) -> Tensor:
        """From padded pictures and what they borrow at each level."""
        x, skips = self.intro(padded), []
        for level, (fuse, blocks, down) in enumerate(zip(self.masa_blk_enc, self.encoders, self.downs)):
            x = run(blocks, fuse(x, borrowed[level]))
            skips.append(x)
            x = down(x)
        x = run(self.middle_blks, self.masa_blk_middle[0](x, borrowed[-1]))
        for up, blocks in zip(self.ups, self.decoders):
            x = run(blocks, up(x) + skips.pop())
        return self.ending(x) + padded

    def forward(
        self, picture: Tensor, reference: Tensor, owner: Tensor | None = None,
        observe: Callable[[Matches, Tensor, Tensor], None] | None = None,
    ) -> Tensor:
        """`owner` says which reference is each picture's, in order where it is not given; `observe` is told the matches and the patches
        that they are of."""
        height, width = picture.shape[-2:]
        owner = torch.arange(len(picture)) if owner is None else owner
        padded = self.padded(picture)
        own, levels = self.masa_enc(padded), self.masa_enc(self.padded(reference))
        matches, patches, places = self.matched(own, levels, owner)
        if observe:
            observe(matches, patches, places)
        borrowed = transferred(levels, matches, owner, self.matching.block)
        return self.restored(padded, borrowed)[..., :height, :width]


def run(blocks: nn.Sequential, x: Tensor) -> Tensor:
    for block in blocks:
        x = block(x, None, None)
    return x


# What blocks add at first, so that all of them learn from the start; the last convolution, which is nothing, keeps it from the picture.
FIRST_SHARE = 0.5


@torch.no_grad()
def start_as_identity(network: GuidedNAFNet) -> None:
    """Before any training the network returns the picture as it is, whatever the reference."""
    nn.init.zeros_(network.ending.weight)
    nn.init.zeros_(network.ending.bias)
    for module in network.modules():
        if isinstance(module, Block):
            module.beta.fill_(FIRST_SHARE)
            module.gamma.fill_(FIRST_SHARE)
            # Attention over channels begins as none: about nothing it would be what it multiplies.
            nn.init.ones_(module.sca[1].bias)


FEATURE_SIZE = 0.3  # root mean square: about that of the backbone's first state


@torch.no_grad()
def level_features(encoder: FeatureEncoder, pictures: Tensor) -> None:
    """Scales features of each level to a size that states stand beside: a norm over both would else see one alone. Cosines, and so matches,
    stay as they are."""
    for number, level in enumerate(encoder(pictures), 1):
        factor = FEATURE_SIZE / float(level.square().mean().sqrt())
        enter, blocks = getattr(encoder, f"conv_L{number}"), getattr(encoder, f"blk_L{number}")
        for layer in (enter, *(block.conv2 for block in blocks)):
            layer.weight.mul_(factor)
            layer.bias.mul_(factor)
        for block in blocks:
            block.conv1.weight.div_(factor)
        if number < encoder.levels:
            getattr(encoder, f"conv_L{number + 1}").weight.div_(factor)
