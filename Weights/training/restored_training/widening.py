"""A wider restoration network that goes on from a narrower one (Chen et al., 2016, "Net2Net", arXiv 1511.05641).

Channels are repeated, and what reads them divides its weights among the copies: unevenly, so that training tells them apart.
Widths are multiples of the narrower network's, so the statistics that a layer norm takes over channels stay as they are. Where
the content's transformers stand, which have a group norm, the widths are the same.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .unet import ConditionalUNet, ResidualBlock, SpatialTransformer

UNEVEN = 0.3
TIMES = 101  # 0 to T
START_WEIGHT = 100  # of the time that every picture is begun at, against the others
SMALLEST_SINGULAR = 1e-3  # of the largest: exact fits have weights that half precision can't hold

Width = tuple[int, int]  # in the narrower network and in the wider one


def repeated(values: Tensor, count: int, parts: int = 1) -> Tensor:
    """`count` rows for the outputs of a wider layer; each of `parts` groups of them is repeated by itself."""
    if count % len(values) != 0:
        raise ValueError(f"{len(values)} channels can't be repeated to make {count}")
    return values.unflatten(0, (parts, -1)).repeat(1, count // len(values), *[1] * (values.ndim - 1)).flatten(0, 1)


def divided(weight: Tensor, groups: list[Width], random: torch.Generator) -> Tensor:
    """Columns for inputs that come in groups, each of a narrower width before and of a wider one now."""
    columns = []
    for values, (narrow, wide) in zip(weight.split([narrow for narrow, _ in groups], dim=1), groups):
        shares = 1 + UNEVEN * (2 * torch.rand((wide // narrow, *values.shape[:2]), generator=random) - 1)
        shares = (shares / shares.sum(dim=0)).view(*shares.shape, *[1] * (values.ndim - 2))
        columns += list(values * shares)
    return torch.cat(columns, dim=1)


class Widening:
    """Fills `wide` with what makes it compute nearly what `narrow` does."""

    def __init__(self, narrow: ConditionalUNet, wide: ConditionalUNet, seed: int = 0):
        self.narrow, self.wide = narrow, wide
        self.random = torch.Generator().manual_seed(seed)
        self.time = narrow.time_mlp[1].out_features, wide.time_mlp[1].out_features
        self.widths = [tuple(down[0].block1.proj.in_channels for down in pair) for pair in zip(narrow.downs, wide.downs)]
        self.widths.append((narrow.mid_block1.block1.proj.in_channels, wide.mid_block1.block1.proj.in_channels))
        for difference, (old, new) in self.what_must_be_alike().items():
            if old != new:
                raise ValueError(f"a network can't be widened to one of another {difference}: {old}, not {new}")

    def what_must_be_alike(self) -> dict[str, tuple]:
        def of(network: ConditionalUNet) -> tuple:
            transformers = [(name, module.proj_in.in_channels, module.transformer_blocks[0].attn2.to_v.in_features)
                            for name, module in network.named_modules() if isinstance(module, SpatialTransformer)]
            context = None if network.prompt is None else network.text_mlp[0].in_features
            return network.depth, network.downsample is None, context, transformers

        names = "depth", "scale", "degradation context", "width of the content's transformers"
        return dict(zip(names, zip(of(self.narrow), of(self.wide))))

    def layer(self, old: nn.Module, new: nn.Module, groups: list[Width], parts: int = 1) -> None:
        new.weight.copy_(repeated(divided(old.weight, groups, self.random), len(new.weight), parts))
        if new.bias is not None:
            new.bias.copy_(repeated(old.bias, len(new.bias), parts))

    def residual(self, old: ResidualBlock, new: ResidualBlock, groups: list[Width]) -> None:
        self.layer(old.mlp[1], new.mlp[1], [self.time], parts=2)
        self.layer(old.block1.proj, new.block1.proj, groups)
        self.layer(old.block2.proj, new.block2.proj, [(old.block2.proj.in_channels, new.block2.proj.in_channels)])
        if isinstance(new.res_conv, nn.Conv2d):
            self.layer(old.res_conv, new.res_conv, groups)

    def attention(self, old: nn.Module, new: nn.Module, width: Width) -> None:
        if isinstance(new.fn.fn, SpatialTransformer):
            new.load_state_dict(old.state_dict())
            return
        heads = old.fn.fn.to_out[0].in_channels
        self.gains(old.fn.norm, new.fn.norm)
        self.layer(old.fn.fn.to_qkv, new.fn.fn.to_qkv, [width])
        self.layer(old.fn.fn.to_out[0], new.fn.fn.to_out[0], [(heads, heads)])
        self.gains(old.fn.fn.to_out[1], new.fn.fn.to_out[1])

    def gains(self, old: nn.Module, new: nn.Module) -> None:
        new.g.copy_(repeated(old.g[0], new.g.shape[1])[None])

    def time_and_prompt(self) -> None:
        old, new = self.narrow.time_mlp, self.wide.time_mlp
        if torch.equal(old[0].frequencies, new[0].frequencies):
            self.layer(old[1], new[1], [(old[1].in_features,) * 2])
        else:
            self.other_frequencies(old, new)
        self.layer(old[3], new[3], [self.time])
        if self.wide.prompt is None:
            return
        narrow, wide = self.time
        # A softmax over more channels gives each of them less.
        self.wide.prompt.copy_(repeated(self.narrow.prompt[0], wide)[None] * (wide // narrow))
        self.layer(self.narrow.text_mlp[0], self.wide.text_mlp[0], [(self.narrow.text_mlp[0].in_features,) * 2])
        self.layer(self.narrow.text_mlp[2], self.wide.text_mlp[2], [self.time])
        self.layer(self.narrow.prompt_mlp, self.wide.prompt_mlp, [self.time])

    def other_frequencies(self, old: nn.Sequential, new: nn.Sequential) -> None:
        """The first layer's weights are those that fit all the times best."""
        times = torch.arange(TIMES, dtype=torch.float32)
        weights = torch.ones(TIMES, 1, dtype=torch.float64)
        weights[-1] = START_WEIGHT**0.5
        asked = old[0](times).double() @ old[1].weight.double().T
        fitted = torch.linalg.lstsq(weights * new[0](times), weights * asked, rcond=SMALLEST_SINGULAR, driver="gelsd")
        new[1].weight.copy_(repeated(fitted.solution.T.float(), len(new[1].weight)))
        new[1].bias.copy_(repeated(old[1].bias, len(new[1].bias)))

    @torch.no_grad()
    def run(self) -> ConditionalUNet:
        old, new, widths = self.narrow, self.wide, self.widths
        self.layer(old.init_conv, new.init_conv, [(old.init_conv.in_channels,) * 2])
        self.time_and_prompt()
        if new.downsample is not None:
            self.layer(old.downsample, new.downsample, [widths[0]])
            self.layer(old.upsample[1], new.upsample[1], [widths[0]])
        for level, (before, after) in enumerate(zip(old.downs, new.downs)):
            for block in (0, 1):
                self.residual(before[block], after[block], [widths[level]])
            self.attention(before[2], after[2], widths[level])
            self.layer(before[3], after[3], [widths[level]])
        for block in ("mid_block1", "mid_block2"):
            self.residual(getattr(old, block), getattr(new, block), [widths[-1]])
        self.attention(old.mid_attn, new.mid_attn, widths[-1])
        for level, (before, after) in zip(reversed(range(len(new.ups))), zip(old.ups, new.ups)):
            for block in (0, 1):
                self.residual(before[block], after[block], [widths[level + 1], widths[level]])
            self.attention(before[2], after[2], widths[level + 1])
            up = (before[3], after[3]) if level == 0 else (before[3][1], after[3][1])
            self.layer(*up, [widths[level + 1]])
        self.residual(old.final_res_block, new.final_res_block, [widths[0], widths[0]])
        self.layer(old.final_conv, new.final_conv, [widths[0]])
        return new
