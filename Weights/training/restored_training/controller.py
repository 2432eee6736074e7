"""Stage 1: the controlled image encoder learns to name degradations, and to describe the picture as if it were clean."""

from __future__ import annotations

import hashlib
import os
from itertools import chain
from pathlib import Path
from typing import Callable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .batches import Batches
from .daclip import DegradationAwareCLIP
from .degradations import CLEAN
from .pool import LABELS, Pool
from .precision import half_precision
from .processes import agreed, of_all, process_count, process_number
from .session import Budget, Session
from .views import NATIVE_WINDOWS, prepared, views, whole_view

LOGIT_SCALE = 20.0
CONTENT_SCALE = 20.0
CONTENT_WEIGHT = 0.2
ANCHOR_WEIGHT = 1.0
CONTENT_EVERY = 4  # steps: naming is what takes long to learn
# These can be seen in nearly every window, as can that there is nothing: each window by itself must be named, not the mean
# alone. Haze may be in the distance only.
EVERYWHERE = frozenset({"motion-blurry", "jpeg-compressed", "low-light", "noisy", CLEAN})
WINDOW_WEIGHT = 0.5
PLAIN_DEVIATION = 0.05  # of the encoder's input; below it a window shows plain ground, and nothing can be told from it
MEASURED = 220
MEASURED_WINDOWS = 2
DESCRIBED_AT_ONCE = 16


def label_features(count: int, width: int, known: Tensor | None = None, seed: int = 0) -> Tensor:
    """Orthonormal rows in place of a text tower's features; rows that are known stay as they are."""
    drawn = torch.randn(count, width, generator=torch.Generator().manual_seed(seed))
    if known is not None:
        drawn[:len(known)] = known
    rows = torch.linalg.qr(drawn.T).Q.T
    rows = rows * (rows * drawn).sum(dim=1, keepdim=True).sign()
    if known is not None:
        rows[:len(known)] = known
    return rows


def wanted_probabilities(labels: list[list[str]]) -> Tensor:
    rows = torch.zeros(len(labels), len(LABELS))
    for row, names in zip(rows, labels):
        for name in names:
            row[LABELS.index(name)] = 1 / len(names)
    return rows


def drift(embedding: Tensor, anchor: Tensor) -> Tensor:
    """The square of the distance to what it was, as a share of the square of that."""
    return (embedding - anchor).square().sum() / anchor.square().sum()


def told(labels: list[list[str]]) -> tuple[Tensor, Tensor]:
    """What is asked for of pictures with these labels: probabilities (pictures, labels), and whether each window must be named."""
    return wanted_probabilities(labels), torch.tensor([EVERYWHERE >= set(names) for names in labels])


def show_something(windows: Tensor) -> Tensor:
    """Of prepared windows (..., 3, S, S), whether there is more to see than plain ground."""
    return windows.float().std(dim=(-3, -2, -1)) > PLAIN_DEVIATION


def naming_loss(embeddings: Tensor, features: Tensor, wanted: Tensor, are_alike: Tensor, shows: Tensor) -> Tensor:
    """Cross-entropy of the labels over the mean embedding of each picture's views, its windows standing for all that are
    looked at in use, and, where what a picture shows is everywhere, over the windows that show something.
    (pictures, views, embed_dim), the whole view first; the labels' features; what `told` says; (pictures, windows).
    """
    def surprise(said: Tensor, asked: Tensor) -> Tensor:
        logits = LOGIT_SCALE * F.normalize(said, dim=-1) @ features.T
        return -(asked * logits.log_softmax(dim=-1)).sum(dim=-1)

    mean = (embeddings[:, 0] + NATIVE_WINDOWS * embeddings[:, 1:].mean(dim=1)) / (1 + NATIVE_WINDOWS)
    of_windows = (surprise(embeddings[:, 1:], wanted[:, None]) * shows).mean(dim=1)
    return (surprise(mean, wanted) + WINDOW_WEIGHT * are_alike * of_windows).mean()


def content_loss(content: Tensor, target: Tensor, twins: Tensor) -> Tensor:
    """Each picture's controlled embedding should be nearest to that of its own clean picture, and the other way round. `twins`
    (pictures, pictures) are those of the same clean picture: no wrong answers to each other.
    """
    similarity = CONTENT_SCALE * F.normalize(content, dim=-1) @ F.normalize(target, dim=-1).T
    others = twins & ~torch.eye(len(twins), dtype=torch.bool, device=twins.device)
    similarity = similarity.masked_fill(others, -torch.inf)
    own = torch.arange(len(twins), device=twins.device)
    return (F.cross_entropy(similarity, own) + F.cross_entropy(similarity.T, own)) / 2


class ControllerLoss:
    """Of naming, and every few steps of the content embeddings: these are those of the clean pictures or, with an anchor, stay near
    the anchor's, so that a restoration network that was trained with those has little to learn anew.

    `degradation` and `content` are the model's; compiled ones may stand in their place.
    """

    def __init__(self, model: DegradationAwareCLIP, anchor: DegradationAwareCLIP | None = None):
        self.degradation, self.content, self.anchor = model.degradation, model.content, anchor
        self.features = model.label_features

    def __call__(self, step: int, pixels: Tensor, wanted: Tensor, are_alike: Tensor, clean_wholes: Callable[[], Tensor],
                 twins: Tensor) -> Tensor:
        """Prepared views (pictures * views, 3, S, S), the whole view of each picture first; what `told` says; the whole views of
        the clean pictures, asked for where they are needed; the twins among them.
        """
        looked_at = len(pixels) // len(wanted)
        with half_precision(pixels.device):
            degradation, control = self.degradation(pixels)
        embeddings = degradation.float().unflatten(0, (-1, looked_at))
        shows = show_something(pixels.unflatten(0, (-1, looked_at))[:, 1:])
        loss = naming_loss(embeddings, self.features, wanted, are_alike, shows)
        if step % CONTENT_EVERY == 0:
            wholes = pixels[::looked_at], [values[::looked_at] for values in control]
            loss = loss + (ANCHOR_WEIGHT * self.anchor_loss(*wholes) if self.anchor is not None
                           else CONTENT_WEIGHT * self.likeness_loss(*wholes, clean_wholes(), twins))
        return loss

    def anchor_loss(self, pixels: Tensor, control: list[Tensor]) -> Tensor:
        """How far the content embeddings of the whole views are from the anchor's."""
        with half_precision(pixels.device):
            with torch.no_grad():
                known = self.anchor(pixels)[1].float()
            content = self.content(pixels, control).float()
        return drift(content, known)

    def likeness_loss(self, pixels: Tensor, control: list[Tensor], clean_pixels: Tensor, twins: Tensor) -> Tensor:
        with half_precision(pixels.device):
            content, target = self.content(pixels, control).float(), self.content(clean_pixels).float()
        return content_loss(content, target, twins)


class NamingQuality:
    """Shares of held-out pictures named right, by the whole view and two windows, which count alike here, and by
    the whole view alone; mixtures and clean apart.

    A mixture is named right by either of its labels. `called_clean` are the degraded ones that would be left as they are.
    """

    def __init__(self, held_out: Pool):
        count = min(len(held_out), MEASURED)
        self.labels = [held_out.examples[index].labels for index in range(count)]
        self.seen = [views(held_out.pictures(index)[1], MEASURED_WINDOWS) for index in range(count)]

    def __call__(self, model: DegradationAwareCLIP) -> dict[str, float]:
        right: dict[str, list[bool]] = {}

        def note(what: str, value: bool) -> None:
            right.setdefault(what, []).append(value)

        for labels, embeddings in zip(self.labels, self.embeddings(model)):
            found, by_whole = (LABELS[int((model.label_features @ said).argmax())] for said in (embeddings.mean(dim=0), embeddings[0]))
            if labels == [CLEAN]:
                note("clean", found == CLEAN)
                continue
            note("accuracy" if len(labels) == 1 else "mixtures", found in labels)
            note("called_clean", found == CLEAN)
            if len(labels) == 1:
                note("whole_alone", by_whole in labels)
        return {name: float(np.mean(values)) for name, values in sorted(right.items())}

    def embeddings(self, model: DegradationAwareCLIP) -> Iterator[Tensor]:
        """Of each picture's views."""
        for start in range(0, len(self.seen), DESCRIBED_AT_ONCE):
            some = self.seen[start:start + DESCRIBED_AT_ONCE]
            yield from degradation_embeddings(model, list(chain(*some))).split([len(seen) for seen in some])


class ControllerTraining:
    """The losses of batches that are drawn here."""

    def __init__(self, model: DegradationAwareCLIP, pool: Pool, held_out: Pool, batch: int, seed: int,
                 anchor: DegradationAwareCLIP | None = None):
        self.model = model
        self.device = next(model.parameters()).device
        self.batches = Batches(pool, batch, seed)
        self.loss_of, self.quality_of = ControllerLoss(model, anchor), NamingQuality(held_out)

    def loss(self, step: int, progress: float) -> Tensor:
        degraded_views, clean_pictures, labels = self.batches.views()
        wanted, are_alike = (values.to(self.device) for values in told(labels))
        twins = torch.tensor([[one is other for one in clean_pictures] for other in clean_pictures], device=self.device)
        return self.loss_of(step, prepared(degraded_views).to(self.device), wanted, are_alike,
                            lambda: prepared([whole_view(picture) for picture in clean_pictures]).to(self.device), twins)

    def quality(self) -> dict[str, float]:
        return self.quality_of(self.model)


@torch.no_grad()
def degradation_embeddings(model: DegradationAwareCLIP, pictures: list[np.ndarray]) -> Tensor:
    """One row a view, (views, embed_dim)."""
    pixels = prepared(pictures).to(model.label_features.device)
    with half_precision(pixels.device):
        return model.degradation(pixels)[0].float()


@torch.no_grad()
def describe(model: DegradationAwareCLIP, pictures: list[np.ndarray], native_windows: int) -> Tensor:
    """Of each picture the degradation embedding, a mean over its views, and the content embedding of the whole view.

    (pictures, 2, embed_dim)
    """
    seen = [views(picture, native_windows) for picture in pictures]
    with half_precision(model.label_features.device):
        degradation, content = model(prepared([found[0] for found in seen]).to(model.label_features.device))
    of_windows = [window for found in seen for window in found[1:]]
    embeddings = degradation_embeddings(model, of_windows) if of_windows else degradation[:0].float()
    parts = embeddings.split([len(found) - 1 for found in seen])
    means = [torch.cat([whole[None], part]).mean(dim=0) for whole, part in zip(degradation.float(), parts)]
    return torch.stack([torch.stack(means), content.float()], dim=1)


def train_controller(
    model: DegradationAwareCLIP, pool: Pool, held_out: Pool, folder: Path, budget: Budget, batch: int, rate: float, seed: int,
    anchor: DegradationAwareCLIP | None = None,
) -> None:
    session = Session("controller", folder, model, rate, budget, measure_every=250)
    training = ControllerTraining(model, pool, held_out, batch, session.seeded(seed), anchor)
    session.run(training.loss, training.quality)


def describe_pool(model: DegradationAwareCLIP, pool: Pool, path: Path, native_windows: int) -> np.ndarray:
    """Both embeddings of every degraded picture, (examples, 2, embed_dim); processes share the work.

    Kept in a file that is named for the encoder and the pool, so that another's are never taken for them.
    """
    digest = hashlib.sha256(pool.fingerprint() + native_windows.to_bytes(8, "big"))
    for value in model.state_dict().values():
        digest.update(value.cpu().numpy().tobytes())
    path = path.with_name(f"{path.stem}-{digest.hexdigest()[:12]}.npy")
    # The first process decides for all: another one may look while that is still writing.
    if agreed(path.exists()):
        return np.load(path)
    indices = range(process_number(), len(pool), process_count())
    own = [describe(model, [pool.pictures(index)[1] for index in indices[start:start + DESCRIBED_AT_ONCE]], native_windows).cpu()
           for start in range(0, len(indices), DESCRIBED_AT_ONCE)]
    # Where processes are more than pictures, the last ones have none.
    shares = [torch.cat(share) for share in of_all(own) if share]
    described = torch.empty(len(pool), *shares[0].shape[1:])
    for number, share in enumerate(shares):
        described[number::process_count()] = share
    if process_number() == 0:
        temporary = path.with_suffix(".part.npy")
        np.save(temporary, described.numpy())
        os.replace(temporary, path)
    return described.numpy()
