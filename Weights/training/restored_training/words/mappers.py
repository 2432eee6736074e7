"""What is trained of restoration through words (Sources/Networks/Pseudowords/README.md): from a picture's tokens to words, from those of
a degraded picture to those of a clean one, and the projections by which a diffusion's network reads them.

Attribute names are the keys of `mapper.pt` and `clean_mapper.pt`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def multilayer(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in (inputs, hidden, hidden):
        layers += [nn.Linear(width, hidden), nn.LayerNorm(hidden), nn.LeakyReLU()]
    return nn.Sequential(*layers, nn.Linear(hidden, outputs))


class Mapper(nn.Module):
    """Tokens of a picture tower (B, 1 + patches, inputs) to words (B, count, outputs); and the projections of the context."""

    def __init__(self, count: int, inputs: int, hidden: int, outputs: int, projections: dict[str, Tensor]):
        """`projections` are the U-Net's own keys' and values' by their names with dots for underscores: what they begin as."""
        super().__init__()
        self.count = count
        for number in range(count):
            setattr(self, f"mapping_{number}", multilayer(inputs, hidden, outputs))
            setattr(self, f"mapping_patch_{number}", multilayer(inputs, hidden, outputs))
        for name, weight in projections.items():
            layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
            layer.weight.data.copy_(weight)
            setattr(self, name.replace(".", "_"), layer)

    def forward(self, tokens: Tensor) -> Tensor:
        whole, patches = tokens[:, 0], tokens[:, 1:]
        return torch.stack([
            getattr(self, f"mapping_{number}")(whole) + getattr(self, f"mapping_patch_{number}")(patches).mean(dim=1)
            for number in range(self.count)], dim=1)

    def project(self, name: str, context: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of a cross-attention, by its module's name."""
        name = name.replace(".", "_")
        return getattr(self, f"{name}_to_k")(context), getattr(self, f"{name}_to_v")(context)


class CleanMapper(nn.Module):
    """Words to words, each on its own."""

    def __init__(self, count: int, width: int, hidden: int):
        super().__init__()
        self.count = count
        for number in range(count):
            setattr(self, f"mapping_{number}", multilayer(width, hidden, width))

    def forward(self, words: Tensor) -> Tensor:
        return torch.stack([getattr(self, f"mapping_{number}")(words[:, number]) for number in range(self.count)], dim=1)
