"""Matches between a picture's features and a reference's, and what is borrowed by them (Sources/Networks/GuidedRestoration/README.md).

Several pictures may share a reference: `owner` says for each picture (N,) which of the references (M) is its own. Places of a
reference are numbered row by row by the first row and column of their 3x3 patch, and go round at its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class MatchingShape:
    block: int = 8
    window_share: float = 1.5
    dilations: tuple[int, ...] = (1, 2, 3)


@dataclass
class Matches:
    """For each pixel of the coarsest features, (N, H, W): the cosine of its best place, and that place's first row and column."""

    scores: Tensor
    rows: Tensor
    columns: Tensor


def normalised(patches: Tensor, dim: int) -> Tensor:
    return patches / patches.norm(dim=dim, keepdim=True).clamp_min(1e-12)


def picture_patches(features: Tensor) -> Tensor:
    """(N, H W, 9 C) of length one: around each pixel, the picture's edge repeated."""
    padded = F.pad(features, (1, 1, 1, 1), mode="replicate")
    return normalised(F.unfold(padded, 3).transpose(1, 2), 2)


def reference_patches(features: Tensor) -> Tensor:
    """(M, Hr Wr, 9 C) of length one: at each place."""
    padded = F.pad(features, (0, 2, 0, 2), mode="circular")
    return normalised(F.unfold(padded, 3).transpose(1, 2), 2)


def in_blocks(values: Tensor, height: int, width: int, side: int) -> Tensor:
    """(N, H W, ...) to (N, blocks, side side, ...), both row by row."""
    rest = values.shape[2:]
    cut = values.reshape(-1, height // side, side, width // side, side, *rest)
    return cut.transpose(2, 3).reshape(len(values), -1, side * side, *rest)


def in_rows(values: Tensor, height: int, width: int, side: int) -> Tensor:
    """The way back, to (N, H, W, ...)."""
    rest = values.shape[3:]
    cut = values.reshape(-1, height // side, width // side, side, side, *rest)
    return cut.transpose(2, 3).reshape(len(values), height, width, *rest)


def coarse_matches(features: Tensor, reference: Tensor, owner: Tensor, shape: MatchingShape) -> tuple[Tensor, Tensor]:
    """For each block (N, blocks) its sum of cosines, and the place in the reference, counted by its middle."""
    height, width = features.shape[-2:]
    padded = F.pad(features, (1, 1, 1, 1), mode="replicate")
    centre, total = (shape.block + 2) // 2, None
    for dilation in shape.dilations:
        steps = torch.arange(-1, 2) * dilation + centre
        rows, columns = ((torch.arange(0, size, shape.block)[:, None] + steps).flatten() for size in (height, width))
        samples = padded[:, :, rows][..., columns].unflatten(3, (-1, 3)).unflatten(2, (-1, 3))
        blocks = normalised(samples.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2), 2)
        places = normalised(F.unfold(reference, 3, dilation=dilation, padding=dilation), 1)
        cosines = blocks @ places[owner]
        total = cosines if total is None else total + cosines
    return total.max(dim=2)


def window_places(size: int, blocks: int, share: float) -> int:
    return 2 * int(size // (2 * blocks) * share) + 1


def window_start(best: Tensor, size: int, places: int) -> Tensor:
    """The first row, or column, of the window around a block's place: negative where it is larger than the reference."""
    half = places // 2
    first, last = best - half - 1, best + half + 1
    last = torch.where(first < 0, places + 1, last)
    first = first.clamp_min(0)
    return torch.where(last > size - 1, size - 1 - (places + 1), first)


def fine_matches(
    features: Tensor, reference: Tensor, own: Tensor, places: Tensor, owner: Tensor, coarse: Tensor, shape: MatchingShape,
) -> Matches:
    """Of patches `own` and `places` of the features of pictures and references, within the windows around `coarse`."""
    (height, width), (rows, columns) = features.shape[-2:], reference.shape[-2:]
    side = shape.block
    down, across = (window_places(size, blocks, shape.window_share)
                    for size, blocks in ((rows, height // side), (columns, width // side)))
    top, left = window_start(coarse // columns, rows, down), window_start(coarse % columns, columns, across)
    with torch.no_grad():
        window = ((top[..., None] + torch.arange(down)) % rows)[..., :, None] * columns \
            + ((left[..., None] + torch.arange(across)) % columns)[..., None, :]
        numbers = window.flatten(2) + (owner * rows * columns)[:, None, None]
        table = places.detach().flatten(0, 1)
        candidates = table[numbers.flatten()].view(-1, down * across, table.shape[1])
        best = (in_blocks(own.detach(), height, width, side).flatten(0, 1) @ candidates.transpose(1, 2)).argmax(dim=2)
        best = best.view(len(features), -1, side * side)
        found_rows, found_columns = top[..., None] + best // across, left[..., None] + best % across
        found_rows, found_columns = (in_rows(found, height, width, side) for found in (found_rows, found_columns))
        numbers = owner[:, None, None] * rows * columns + found_rows % rows * columns + found_columns % columns
    scores = (own.flatten(0, 1) * places.flatten(0, 1)[numbers.flatten()]).sum(dim=1)
    return Matches(scores.view(len(features), height, width), found_rows, found_columns)


def cells(features: Tensor, zoom: int) -> Tensor:
    """(M, C, H, W) to (M, H / zoom, W / zoom, zoom zoom C)."""
    cut = features.unflatten(3, (-1, zoom)).unflatten(2, (-1, zoom))
    return cut.permute(0, 2, 4, 3, 5, 1).flatten(3)


def from_cells(values: Tensor, zoom: int, channels: int) -> Tensor:
    """The way back."""
    cut = values.unflatten(3, (zoom, zoom, channels))
    return cut.permute(0, 5, 1, 3, 2, 4).flatten(4).flatten(2, 3)


def neighbours(matches: Matches, owner: Tensor, rows: int, columns: int, side: int) -> tuple[Tensor, Tensor]:
    """Where each cell's nine neighbours say that its own lies (N, H, W, 9), numbered through all references, and -1 for neighbours of
    another block."""
    count, height, width = matches.rows.shape
    down, across = torch.arange(height), torch.arange(width)
    numbers, known = [], []
    for a in (-1, 0, 1):
        for b in (-1, 0, 1):
            inside = (((down % side + a) // side == 0)[:, None] & ((across % side + b) // side == 0)[None])
            shifted = [F.pad(found, (1, 1, 1, 1))[:, 1 + a:1 + a + height, 1 + b:1 + b + width]
                       for found in (matches.rows, matches.columns)]
            number = (shifted[0] + 1 - a) % rows * columns + (shifted[1] + 1 - b) % columns
            numbers.append(number + owner[:, None, None] * rows * columns)
            known.append(inside.expand(count, height, width))
    return torch.stack(numbers, dim=3), torch.stack(known, dim=3)


def transferred(levels: Sequence[Tensor], matches: Matches, owner: Tensor, side: int) -> list[Tensor]:
    """What pictures borrow of the references' features, the finest level first: of the pictures' own sizes."""
    zooms = [1 << number for number in reversed(range(len(levels)))]
    table = torch.cat([cells(level.float(), zoom) for level, zoom in zip(levels, zooms)], dim=3)
    rows, columns = table.shape[1:3]
    numbers, known = neighbours(matches, owner, rows, columns, side)
    nothing = len(table) * rows * columns
    table = torch.cat([table.flatten(0, 2), table.new_zeros(1, table.shape[3])])
    sums = F.embedding_bag(torch.where(known, numbers, nothing).flatten(0, 2), table, mode="sum", padding_idx=nothing)
    means = (sums / known.sum(dim=3).flatten()[:, None]).view(*matches.rows.shape, -1)
    height, width = matches.rows.shape[1:]
    scores = in_blocks(matches.scores.flatten(1), height, width, side).reshape(-1, 1, side, side)
    result, start = [], 0
    for level, zoom in zip(levels, zooms):
        channels = level.shape[1]
        part = means[..., start:start + zoom * zoom * channels]
        start += zoom * zoom * channels
        zoomed = scores if zoom == 1 else F.interpolate(scores, scale_factor=zoom, mode="bilinear", align_corners=False)
        zoomed = zoomed.reshape(len(part), -1, (side * zoom) ** 2)
        result.append(from_cells(part, zoom, channels) * in_rows(zoomed, height * zoom, width * zoom, side * zoom)[:, None])
    return result
