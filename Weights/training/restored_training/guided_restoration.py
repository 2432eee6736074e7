"""The network that borrows from a reference: its features learn to find what a reference shows of a picture; then the network learns to
give the clean picture with what was found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from .degradations import CLEAN
from .guided_nafnet import GuidedNAFNet, level_features, start_as_identity
from .hyperparameters import GuidedHyperparameters
from .matching import Matches, picture_patches, reference_patches
from .pool import MIXTURE, Pool
from .precision import half_precision
from .reference_views import View, draw_view, reflected
from .restoration import CropDrawing, as_batch, decibel_loss
from .session import Budget, Session


def new_guided_network(choice: GuidedHyperparameters) -> GuidedNAFNet:
    """A network that returns the degraded picture as it is."""
    network = GuidedNAFNet(
        choice.width, choice.enc_blk_nums, choice.middle_blk_num, choice.dec_blk_nums, choice.ext_n_blocks,
        choice.reffusion_n_blocks, choice.lr_block_size, choice.ref_down_block_size, choice.dilations)
    start_as_identity(network)
    return network.to(memory_format=torch.channels_last)


@dataclass
class TruePlaces:
    """Where some cells of crops lie in their references, all numbered row by row: (K,) and for each the four places around it, with
    their weights (K, 4); a place is a 3x3 patch's first row and column."""

    crop: Tensor
    cell: Tensor
    place: Tensor
    weight: Tensor


@dataclass
class GuidedBatch:
    clean: Tensor
    degraded: Tensor
    references: Tensor
    owner: Tensor
    true: TruePlaces


def true_places(
    view: View, crop: tuple[int, int, int], zoom: int, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cells of a crop (top, left, side) of what a view shows, their places in the view, and weights."""
    top, left, side = crop
    rows, columns = (size // zoom for size in view.picture.shape[:2])
    cells = rng.choice((side // zoom) ** 2, count, replace=False)
    down, across = np.divmod(cells, side // zoom)
    points = np.stack([left + zoom * (across + 0.5), top + zoom * (down + 0.5), np.ones(count)])
    x, y = view.to_view @ points
    seen = (x >= 0) & (y >= 0) & (x < view.picture.shape[1]) & (y < view.picture.shape[0])
    seen[seen] = view.is_seen[y[seen].astype(int), x[seen].astype(int)]
    # In cells, and of a patch's first one.
    x, y = x / zoom - 1.5, y / zoom - 1.5
    known = seen & (x >= 0) & (y >= 0) & (x <= columns - 4) & (y <= rows - 4)
    cells, x, y = cells[known], x[known], y[known]
    first_x, first_y = np.floor(x).astype(int), np.floor(y).astype(int)
    places, weights = [], []
    for b in (0, 1):
        for a in (0, 1):
            places.append((first_y + b) * columns + first_x + a)
            weights.append(np.abs(1 - b - (y - first_y)) * np.abs(1 - a - (x - first_x)))
    return cells, np.stack(places, axis=1), np.stack(weights, axis=1)


class GuidedBatches:
    def __init__(self, network: GuidedNAFNet, pool: Pool, choice: GuidedHyperparameters, seed: int):
        self.pool, self.choice = pool, choice
        self.rng = np.random.default_rng(seed)
        self.zoom = 1 << len(choice.enc_blk_nums)
        self.drawing = CropDrawing(pool, choice.shares, choice.pixels, self.rng)
        self.device = next(network.parameters()).device

    def drawn(self, progress: float) -> GuidedBatch:
        _, side, reference_side = (int(value) for value in
                                   [entry for entry in self.choice.crops if progress >= entry[0]][-1])
        clean, degraded, references, kinds, found = [], [], [], [], []
        count = max(2, self.choice.pixels // side**2)
        # The first have references that others can be given.
        borrowing = int(round(self.choice.unrelated_share * count))
        for number in range(count):
            index = next(self.drawing.draws)
            pictures = self.drawing.pictures(index, max(side, reference_side))
            turn, flip = int(self.rng.integers(4)), self.rng.random() < 0.5
            pictures = [picture[:, ::-1] if flip else picture for picture in (np.rot90(picture, turn) for picture in pictures)]
            top, left = (int(self.rng.integers(0, size - side + 1)) for size in pictures[0].shape[:2])
            for picture, crops in zip(pictures, (clean, degraded)):
                crops.append(picture[top:top + side, left:left + side])
            if number >= count - borrowing:
                continue
            # Behind another restoration nobody is their own reference.
            sees_view = self.rng.random() * (1 - self.choice.unrelated_share) < self.choice.view_share
            if sees_view or self.choice.after:
                view = self.view(pictures[0], (top, left, side), reference_side)
                references.append(view.picture)
                if not view.is_mirrored:
                    found.append((number, *true_places(view, (top, left, side), self.zoom, self.choice.matched_places, self.rng)))
            else:
                references.append(self.surroundings(pictures[1], (top, left, side), reference_side))
        owned = len(references)
        owner = np.concatenate([np.arange(owned), self.rng.integers(0, owned, count - owned)])
        true = TruePlaces(
            torch.from_numpy(np.concatenate([np.full(len(cells), number) for number, cells, _, _ in found] or [np.zeros(0, int)])),
            *(torch.from_numpy(np.concatenate([entry[part] for entry in found] or [np.zeros(shape)])).to(kind)
              for part, shape, kind in ((1, 0, torch.long), (2, (0, 4), torch.long), (3, (0, 4), torch.float))))
        return GuidedBatch(as_batch(clean), as_batch(degraded), as_batch(references), torch.from_numpy(owner), true)

    def view(self, clean: np.ndarray, crop: tuple[int, int, int], size: int) -> View:
        top, left, side = crop
        reach = max(0, (size - side) / 2) + 0.25 * side
        centre = (left + side / 2 + self.rng.uniform(-reach, reach), top + side / 2 + self.rng.uniform(-reach, reach))
        cover = self.pool.pictures(int(self.rng.integers(len(self.pool))))[0]
        return draw_view(clean, (size, size), centre, self.rng, cover)

    def surroundings(self, degraded: np.ndarray, crop: tuple[int, int, int], size: int) -> np.ndarray:
        """The degraded picture around a crop: what a tile borrows from where its own picture is the reference."""
        top, left, side = crop
        return around(degraded, top - int(self.rng.integers(0, size - side + 1)), left - int(self.rng.integers(0, size - side + 1)), size)


def around(picture: np.ndarray, top: int, left: int, size: int) -> np.ndarray:
    """A square of a picture, pushed into it; where the picture is smaller it is mirrored."""
    starts = [min(max(0, start), max(0, whole - size)) for start, whole in zip((top, left), picture.shape[:2])]
    rows, columns = (reflected(np.arange(start, start + size), whole) for start, whole in zip(starts, picture.shape[:2]))
    return picture[rows][:, columns]


class Matched:
    """Takes from an evaluation what it was matched by."""

    def __call__(self, matches: Matches, patches: Tensor, places: Tensor) -> None:
        self.matches, self.patches, self.places = matches, patches, places

    def loss(self, batch: GuidedBatch, temperature: float) -> Tensor:
        """The mean cross-entropy of the true places among all of a reference."""
        true, losses = batch.true, []
        if len(true.crop) == 0:
            return self.patches.sum() * 0
        patches = self.patches.flatten(0, 1)[true.crop * self.patches.shape[1] + true.cell].to(self.places.dtype)
        places = self.places.unbind()
        for crop in true.crop.unique():
            own = true.crop == crop
            cosines = patches[own] @ places[batch.owner[crop]].T
            wanted = (cosines.float() / temperature).log_softmax(dim=1).gather(1, true.place[own])
            losses.append(-(wanted * true.weight[own]).sum())
        return torch.stack(losses).sum() / len(true.crop)

    def found(self, true: TruePlaces, columns: int) -> float:
        """The share of the true places that were found, to within one and a half cells."""
        if len(true.crop) == 0:
            return 0.0
        wanted = true.place[torch.arange(len(true.crop)), true.weight.argmax(dim=1)]
        places = self.matches.rows.flatten(1)[true.crop, true.cell], self.matches.columns.flatten(1)[true.crop, true.cell]
        off = torch.maximum((places[0] - wanted // columns).abs(), (places[1] - wanted % columns).abs())
        return float((off <= 1).float().mean())


def evaluated(network: GuidedNAFNet, degraded: Tensor, references: Tensor, owner: Tensor) -> tuple[Tensor, Matched]:
    matched = Matched()
    degraded, references = (values.contiguous(memory_format=torch.channels_last) for values in (degraded, references))
    with half_precision(degraded.device):
        return network(degraded, references, owner, matched).float(), matched


class GuidedQuality:
    """What held-out crops gain, each with another view of what it shows, without a reference, and with an unrelated one."""

    def __init__(self, held_out: Pool, choice: GuidedHyperparameters):
        self.names, clean, degraded, views, selves, found = [], [], [], [], [], []
        # Without a reference nothing is done behind another restoration.
        self.follows = choice.after is not None
        rng = np.random.default_rng(0)
        counts: dict[str, int] = {}
        side, size = choice.measured_side, choice.measured_reference
        zoom = 1 << len(choice.enc_blk_nums)
        for index, example in enumerate(held_out.examples):
            name = example.shown
            if name in (CLEAN, MIXTURE) or counts.get(name, 0) == choice.measured_a_label:
                continue
            counts[name] = counts.get(name, 0) + 1
            number = len(self.names)
            self.names.append(name)
            pictures = held_out.pictures(index)
            top, left = ((whole - side) // 2 for whole in pictures[0].shape[:2])
            clean.append(pictures[0][top:top + side, left:left + side])
            degraded.append(pictures[1][top:top + side, left:left + side])
            centre = (left + side / 2 + rng.uniform(-20, 20), top + side / 2 + rng.uniform(-20, 20))
            view = draw_view(pictures[0], (size, size), centre, rng, held_out.pictures((index + 7) % len(held_out))[0])
            views.append(view.picture)
            if not view.is_mirrored:
                found.append((number, *true_places(view, (top, left, side), zoom, 200, rng)))
            selves.append(around(pictures[1], top - (size - side) // 2, left - (size - side) // 2, size))
        self.clean, self.degraded = as_batch(clean), as_batch(degraded)
        self.views, self.selves = as_batch(views), as_batch(selves)
        self.found = found

    @torch.no_grad()
    def found_share(self, network: GuidedNAFNet) -> dict[str, float]:
        """Of the true places in the right references, how many are found."""
        hits = []
        for number, cells, place, weight in self.found:
            one = slice(number, number + 1)
            _, matched = evaluated(network, self.degraded[one], self.views[one], torch.zeros(1, dtype=torch.long))
            hits.append(self.hits(matched, network, 0, cells, place, weight))
        return {"matched": float(np.mean(hits))}

    @torch.no_grad()
    def __call__(self, network: GuidedNAFNet) -> dict[str, float]:
        count, part = len(self.names), 5
        order = torch.arange(count)
        gains: dict[str, Tensor] = {}
        hits = []
        for kind, references in (("view", self.views), ("alone", self.selves), ("unrelated", self.views.roll(count // 2, 0))):
            if kind == "alone" and self.follows:
                gains[kind] = torch.zeros(count)
                continue
            won = []
            for start in range(0, count, part):
                places = order[start:start + part]
                result, matched = evaluated(network, self.degraded[places], references[places], torch.arange(len(places)))
                before, after = ((picture - self.clean[places]).square().flatten(1).mean(dim=1).clamp_min(255.0**-2)
                                 for picture in (self.degraded[places], result.clamp(0, 1)))
                won.append(10 * (before / after).log10())
                if kind == "view":
                    hits += [self.hits(matched, network, number - start, cells, place, weight)
                             for number, cells, place, weight in self.found if number in places]
            gains[kind] = torch.cat(won)
        by_label = {name: [index for index, other in enumerate(self.names) if other == name] for name in sorted(set(self.names))}
        means = {kind: float(np.mean([float(values[own].mean()) for own in by_label.values()])) for kind, values in gains.items()}
        helped = {name: float((gains["view"] - gains["alone"])[own].mean()) for name, own in by_label.items()}
        return {**means, "helps": means["view"] - means["alone"], "harms": means["alone"] - means["unrelated"],
                "matched": float(np.mean(hits)), **helped}

    def hits(self, matched: Matched, network: GuidedNAFNet, number: int, cells, place, weight) -> float:
        """Of the true places of a batch's picture of that number, how many were found."""
        places = TruePlaces(*(torch.as_tensor(value) for value in (np.full(len(cells), number), cells, place, weight)))
        return matched.found(places, self.views.shape[3] // self.zoom(network))

    @staticmethod
    def zoom(network: GuidedNAFNet) -> int:
        return 1 << len(network.downs)


class FeatureMatching(nn.Module):
    """The feature encoder alone, as it learns to find what a reference shows of a crop."""

    def __init__(self, network: GuidedNAFNet):
        super().__init__()
        self.encoder = network.masa_enc
        self.padded = network.padded

    def forward(self, batch: GuidedBatch, temperature: float) -> Tensor:
        pictures = (values.contiguous(memory_format=torch.channels_last) for values in (batch.degraded, batch.references))
        with half_precision(batch.degraded.device):
            own, other = (self.encoder(self.padded(picture))[-1] for picture in pictures)
            matched = Matched()
            matched(None, picture_patches(own), reference_patches(other))
            return matched.loss(batch, temperature)


def train_guided(
    network: GuidedNAFNet, pool: Pool, held_out: Pool, folder: Path, choice: GuidedHyperparameters, seed: int
) -> None:
    """First the features, by what they find; then all else with these as they are. Each stage goes on where it was interrupted."""
    quality = GuidedQuality(held_out, choice)
    finding = FeatureMatching(network)
    session = Session("guided-features", folder, finding, choice.feature_rate, Budget(choice.minutes * choice.feature_share),
                      measure_every=400, parts=choice.parts, decay=choice.average_decay)
    batches = GuidedBatches(network, pool, choice, session.seeded(seed))
    session.run(lambda _, progress: finding(batches.drawn(progress), choice.matching_temperature), lambda: quality.found_share(network))
    level_features(network.masa_enc, quality.degraded)
    network.masa_enc.requires_grad_(False)

    session = Session("guided", folder, network, choice.rate, Budget(choice.minutes * (1 - choice.feature_share)), measure_every=400,
                      parts=choice.parts, decay=choice.average_decay)
    batches = GuidedBatches(network, pool, choice, session.seeded(seed))

    def loss(_: int, progress: float) -> Tensor:
        batch = batches.drawn(progress)
        result, _ = evaluated(network, batch.degraded, batch.references, batch.owner)
        return decibel_loss(result, batch.clean, choice.gradient_weight, choice.error_floor)

    session.run(loss, lambda: quality(network))
