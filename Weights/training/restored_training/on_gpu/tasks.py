"""What is trained on the device: its pictures there, the loss of a step, what is measured, and the bundle that it ends with."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Callable

import torch
from torch import Tensor, nn

from ..bundle import load_daclip, load_unet, new_unet, read_labels, with_new_controller
from ..controller import EVERYWHERE, ControllerLoss, NamingQuality, describe_pool
from ..daclip import IMAGE_DEVIATION, IMAGE_MEAN, DegradationAwareCLIP
from ..diffusion import MeanRevertingSDE
from ..label_prompts import label_prompts, tell_labels
from ..pool import LABELS, Pool
from ..precision import half_precision
from ..restoration import (
    START_SHARE, STRANGER_SHARE, RestorationQuality, decibel_loss, kept_where_it_restores, predicted)
from ..views import NATIVE_WINDOWS
from ..widening import Widening
from .following import described_in, write_encoder, write_whole
from .rounds import Round
from .slots import Slots


FEWEST = 8  # pictures of a step


@functools.cache
def statistics(device: torch.device) -> tuple[Tensor, Tensor]:
    """Kept there: to send them with every step would wait for the device."""
    return tuple(torch.tensor(values, device=device) for values in (IMAGE_MEAN, IMAGE_DEVIATION))


def prepared_on_device(pictures: Tensor) -> Tensor:
    """Bytes (..., S, S, 3) as the encoder takes them: (pictures, 3, S, S), channels last."""
    mean, deviation = statistics(pictures.device)
    return ((pictures.flatten(0, -4).float() / 255 - mean) / deviation).permute(0, 3, 1, 2)


@torch.no_grad()
def described(model: DegradationAwareCLIP, views: Tensor) -> Tensor:
    """Both embeddings, (pictures, 2, C), of pictures by their views as bytes (pictures, views, S, S, 3), the whole first."""
    pixels = prepared_on_device(views)
    with half_precision(pixels.device):
        degradation, control = model.degradation(pixels)
        count = views.shape[1]
        content = model.content(pixels[::count], [values[::count] for values in control])
    return torch.stack([degradation.float().unflatten(0, (-1, count)).mean(dim=1), content.float()], dim=1)


class Task:
    """Shared by both: `module` is what is trained, `slots` its pictures."""

    name: str
    module: nn.Module

    def __init__(self, bundle: Path, described_pool: Pool, held_out: Pool, device: torch.device, capacity: int, seed: int):
        self.bundle, self.pool, self.held_out, self.device = bundle, described_pool, held_out, device
        self.slots = Slots(capacity, device)
        self.random = torch.Generator(device).manual_seed(seed)

    def prepare(self, round_: Round) -> dict[str, Tensor]:
        """A round on the device; called by the thread that feeds it."""
        return {name: torch.from_numpy(values).to(self.device) for name, values in round_.items()}

    def add(self, round_: dict[str, Tensor]) -> None:
        self.slots.add(round_)

    def loss(self, step: int) -> Tensor:
        raise NotImplementedError

    def is_ready(self) -> bool:
        """Whether there are pictures enough for a batch."""
        return self.slots.filled > 0

    def pictures(self) -> int:
        """Of a step."""
        raise NotImplementedError

    def shrink(self) -> bool:
        """Halves a step's pictures; False where they are few already."""
        raise NotImplementedError

    def compile(self, compiler: Callable[[Callable], Callable]) -> None:
        """Puts what `compiler` makes of the networks in their place."""
        raise NotImplementedError

    def quality(self, module: nn.Module) -> dict[str, float]:
        raise NotImplementedError

    def write(self, module: nn.Module, folder: Path, work: Path) -> None:
        """What comes back of the networks; describing pictures leaves files in `work`."""
        raise NotImplementedError

    def uniform(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.random, device=self.device)


class ControllerTask(Task):
    name = "controller"

    def __init__(self, *where, folder: Path, batch: int, is_anchored: bool):
        super().__init__(*where)
        known = load_daclip(self.bundle).to(self.device)
        self.module = with_new_controller(load_daclip(self.bundle, len(LABELS))).to(self.device)
        self.batch = batch
        self.is_in_places = torch.tensor([name not in EVERYWHERE for name in LABELS], device=self.device)
        self.loss_of = ControllerLoss(self.module, known if is_anchored else None)
        self.quality_of = NamingQuality(self.held_out)
        self.known = describe_pool(known, self.pool, folder / "contexts.npy", NATIVE_WINDOWS)
        self.known_features = known.label_features

    def loss(self, step: int) -> Tensor:
        there = {name: values[:self.slots.filled].flatten(0, 1) for name, values in self.slots.values.items()}
        size = there["originals"].shape[1]
        count = min(max(1, self.batch // size), len(there["originals"]))
        # Whole batches as they were made, none of them twice: twins stay side by side.
        chosen = torch.randperm(len(there["originals"]), generator=self.random, device=self.device)[:count]
        views, cleans, labels, originals = (there[name][chosen] for name in ("views", "cleans", "labels", "originals"))
        is_mirrored = self.uniform(count * size) < 0.5
        pixels = prepared_on_device(views)
        pixels = mirrored(pixels, is_mirrored.repeat_interleave(views.shape[2]))
        wanted, are_alike = self.told(labels.flatten(0, 1))
        originals = (originals + size * torch.arange(count, device=self.device)[:, None]).flatten()
        return self.loss_of(step, pixels, wanted, are_alike, lambda: mirrored(prepared_on_device(cleans), is_mirrored),
                            originals[:, None] == originals)

    def told(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        """What `controller.told` says, of rows of labels."""
        return labels / labels.sum(dim=1, keepdim=True), ~(labels & self.is_in_places).any(dim=1)

    def is_ready(self) -> bool:
        there = self.slots.values.get("originals")
        return there is not None and self.slots.filled * there.shape[1] * there.shape[2] >= self.batch

    def pictures(self) -> int:
        return self.batch

    def shrink(self) -> bool:
        self.batch //= 2
        return self.batch >= FEWEST

    def compile(self, compiler: Callable[[Callable], Callable]) -> None:
        self.loss_of.degradation, self.loss_of.content = compiler(self.module.degradation), compiler(self.module.content)

    def quality(self, module: nn.Module) -> dict[str, float]:
        return self.quality_of(module)

    def write(self, module: nn.Module, folder: Path, work: Path) -> None:
        said = describe_pool(module, self.pool, work / "contexts.npy", NATIVE_WINDOWS)
        write_encoder(folder, module, described_in(self.bundle), self.pool, self.known, self.known_features, said)


class NetworkTask(Task):
    name = "network"

    def __init__(self, *where, folder: Path, pixels: int, side: int, keep: frozenset[str]):
        super().__init__(*where)
        self.labels = read_labels(self.bundle)
        self.daclip = load_daclip(self.bundle).to(self.device)
        self.module = Widening(load_unet(self.bundle), new_unet()).run().to(self.device)
        self.side, self.count = side, max(1, pixels // side**2)
        said = describe_pool(self.daclip, self.pool, folder / "contexts.npy", NATIVE_WINDOWS)
        features, shown = self.daclip.label_features, [example.shown for example in self.pool.examples]
        told = torch.from_numpy(said[:, 0]).to(self.device)
        tell_labels(self.module, features, label_prompts(self.module, told, features, shown, self.labels))
        self.network: Callable[..., Tensor] = self.module
        self.teacher = load_unet(self.bundle).to(self.device) if keep else None
        self.kept = torch.tensor([name in keep for name in LABELS], device=self.device)
        self.process = MeanRevertingSDE()
        self.process.mean_weight, self.process.sigma_bar = (
            table.float().to(self.device) for table in (self.process.mean_weight, self.process.sigma_bar))
        held_out_said = describe_pool(self.daclip, self.held_out, folder / "held-out-contexts.npy", NATIVE_WINDOWS)
        self.quality_of = RestorationQuality(self.held_out, held_out_said)
        self.order = self.reach = None

    def prepare(self, round_: Round) -> dict[str, Tensor]:
        there = super().prepare(round_)
        there["contexts"] = described(self.daclip, there.pop("views"))
        return there

    def add(self, round_: dict[str, Tensor]) -> None:
        super().add(round_)
        # Sorted by what is shown, so that a batch is spread evenly over the labels.
        weights, labels = (self.slots.values[name][:self.slots.filled].flatten(0, 1) for name in ("weights", "labels"))
        shown = torch.where(labels.sum(dim=1) == 1, labels.float().argmax(dim=1), len(LABELS))
        self.order = torch.argsort(shown, stable=True)
        self.reach = weights[self.order].double().cumsum(0)

    def pictures(self) -> int:
        return self.count

    def shrink(self) -> bool:
        self.count //= 2
        return self.count >= FEWEST

    def draws(self) -> Tensor:
        """Places of examples, each drawn as often as its weight says."""
        points = (self.uniform(self.count) + torch.arange(self.count, device=self.device)) / self.count * self.reach[-1]
        return self.order[torch.searchsorted(self.reach, points.double(), right=True).clamp(max=len(self.order) - 1)]

    def crops(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Clean and degraded crops (B, 3, side, side), turned and mirrored."""
        there = {name: self.slots.values[name].flatten(0, 1)[places] for name in ("offsets", "heights", "widths")}
        heights, widths, side = there["heights"], there["widths"], self.side
        per_round, slot_bytes = self.slots.values["offsets"].shape[1], self.slots.values["pixels"].shape[1]
        starts = places // per_round * slot_bytes + there["offsets"]
        top, left = ((self.uniform(len(places)) * (lengths - side + 1)).long() for lengths in (heights, widths))
        along = torch.arange(side, device=self.device)
        rows, columns = (torch.where((self.uniform(len(places)) < 0.5)[:, None], along, side - 1 - along) for _ in range(2))
        is_turned = (self.uniform(len(places)) < 0.5)[:, None, None]
        rows, columns = rows[:, :, None].expand(-1, -1, side), columns[:, None, :].expand(-1, side, -1)
        rows, columns = torch.where(is_turned, rows.mT, rows), torch.where(is_turned, columns.mT, columns)
        at = starts[:, None, None] + ((top[:, None, None] + rows) * widths[:, None, None] + left[:, None, None] + columns) * 3
        at = at[..., None] + torch.arange(3, device=self.device)
        behind = (heights * widths * 3)[:, None, None, None]
        pixels = self.slots.values["pixels"].view(-1)
        return tuple(pixels[places_].permute(0, 3, 1, 2).float() / 255 for places_ in (at, at + behind))

    def loss(self, step: int) -> Tensor:
        places = self.draws()
        clean, mu = self.crops(places)
        count = len(places)
        steps = self.process.steps
        time = 1 + (self.uniform(count) * steps).long().clamp(max=steps - 1)
        time = torch.where(self.uniform(count) < START_SHARE, steps, time)
        noise = torch.randn(mu.shape, generator=self.random, device=self.device)
        state = self.process.noised(clean, mu, time, noise)
        said = self.slots.values["contexts"].flatten(0, 1)
        contexts = said[places]
        strangers = said[self.order[(self.uniform(count) * len(self.order)).long()], 0]
        told = torch.where((self.uniform(count) < STRANGER_SHARE)[:, None], strangers, contexts[:, 0])
        result = predicted(self.network, state, mu, time, torch.stack([told, contexts[:, 1]], dim=1))
        return decibel_loss(result, self.wanted(clean, mu, state, time, contexts, places))

    @torch.no_grad()
    def wanted(self, clean: Tensor, mu: Tensor, state: Tensor, time: Tensor, contexts: Tensor, places: Tensor) -> Tensor:
        if self.teacher is None:
            return clean
        is_asked = (self.slots.values["labels"].flatten(0, 1)[places] & self.kept).any(dim=1)[:, None, None, None]
        answer = predicted(self.teacher, state, mu, time, contexts)
        return torch.where(is_asked, kept_where_it_restores(answer, clean, mu), clean)

    def compile(self, compiler: Callable[[Callable], Callable]) -> None:
        self.network = compiler(self.module)

    def quality(self, module: nn.Module) -> dict[str, float]:
        return self.quality_of(module)

    def write(self, module: nn.Module, folder: Path, work: Path) -> None:
        write_whole(folder, self.daclip, module, self.labels, described_in(self.bundle))


def mirrored(pixels: Tensor, are_mirrored: Tensor) -> Tensor:
    return torch.where(are_mirrored[:, None, None, None], pixels.flip(-1), pixels)
