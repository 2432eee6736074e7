"""Stage 1: the controlled image encoder learns to name degradations, and to describe the picture as if it were clean."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import torch
import torch.distributed as distributed
import torch.nn.functional as F
from torch import Tensor

from .batches import TRAINING_WINDOWS, Batches
from .daclip import DegradationAwareCLIP
from .degradations import CLEAN
from .pool import LABELS, Pool
from .session import Budget, Session, agreed, process_count, process_number
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


class ControllerTraining:
    """Learns labels, and embeddings of clean pictures; with an anchor, the content embeddings stay near the anchor's instead,
    so that a restoration network that was trained with those has little to learn anew.
    """

    def __init__(self, model: DegradationAwareCLIP, pool: Pool, held_out: Pool, batch: int, seed: int,
                 anchor: DegradationAwareCLIP | None = None):
        self.model, self.held_out, self.anchor = model, held_out, anchor
        self.device = next(model.parameters()).device
        self.batches = Batches(pool, batch, seed)

    def loss(self, step: int, progress: float) -> Tensor:
        degraded_views, clean_pictures, labels = self.batches.views()
        looked_at = 1 + TRAINING_WINDOWS
        pixels = prepared(degraded_views).to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16):
            degradation, control = self.model.degradation(pixels)
        show_something = pixels.std(dim=(1, 2, 3)).unflatten(0, (-1, looked_at)) > PLAIN_DEVIATION
        loss = self.naming_loss(degradation.float().unflatten(0, (-1, looked_at)), labels, show_something[:, 1:])
        wholes = pixels[::looked_at], [values[::looked_at] for values in control]
        if step % CONTENT_EVERY == 0:
            loss = loss + (ANCHOR_WEIGHT * self.anchor_loss(*wholes) if self.anchor is not None
                           else CONTENT_WEIGHT * self.content_loss(*wholes, clean_pictures))
        return loss

    def naming_loss(self, embeddings: Tensor, labels: list[list[str]], show_something: Tensor) -> Tensor:
        """Cross-entropy of the labels over the mean embedding of each picture's views, its windows standing for all that are
        looked at in use, and, where what a picture shows is everywhere, over the windows that show something.
        (pictures, views, embed_dim), the whole view first; (pictures, windows).
        """
        def surprise(said: Tensor, wanted: Tensor) -> Tensor:
            logits = LOGIT_SCALE * F.normalize(said, dim=-1) @ self.model.label_features.T
            return -(wanted * logits.log_softmax(dim=-1)).sum(dim=-1)

        wanted = wanted_probabilities(labels).to(self.device)
        mean = (embeddings[:, 0] + NATIVE_WINDOWS * embeddings[:, 1:].mean(dim=1)) / (1 + NATIVE_WINDOWS)
        loss = surprise(mean, wanted)
        of_windows = (surprise(embeddings[:, 1:], wanted[:, None]) * show_something).mean(dim=1)
        are_alike = torch.tensor([EVERYWHERE >= set(names) for names in labels], device=self.device)
        return (loss + WINDOW_WEIGHT * are_alike * of_windows).mean()

    def anchor_loss(self, pixels: Tensor, control: list[Tensor]) -> Tensor:
        """How far the content embeddings of the whole views are from the anchor's."""
        with torch.autocast(self.device.type, torch.bfloat16):
            with torch.no_grad():
                known = self.anchor(pixels)[1].float()
            content = self.model.content(pixels, control).float()
        return drift(content, known)

    def content_loss(self, pixels: Tensor, control: list[Tensor], clean_pictures: list[np.ndarray]) -> Tensor:
        """Each picture's controlled embedding should be nearest to that of its own clean picture, and the other way round."""
        clean_pixels = prepared([whole_view(picture) for picture in clean_pictures]).to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16):
            content, target = self.model.content(pixels, control).float(), self.model.content(clean_pixels).float()
        similarity = CONTENT_SCALE * F.normalize(content, dim=-1) @ F.normalize(target, dim=-1).T
        twins = torch.tensor([[one is other for one in clean_pictures] for other in clean_pictures]).fill_diagonal_(False)
        similarity = similarity.masked_fill(twins.to(self.device), -torch.inf)
        own = torch.arange(len(clean_pictures), device=self.device)
        return (F.cross_entropy(similarity, own) + F.cross_entropy(similarity.T, own)) / 2

    def quality(self) -> dict[str, float]:
        """Shares of held-out pictures named right, by the whole view and two windows, which count alike here, and by
        the whole view alone; mixtures and clean apart.

        A mixture is named right by either of its labels. `called_clean` are the degraded ones that would be left as they are.
        """
        right: dict[str, list[bool]] = {}

        def note(what: str, value: bool) -> None:
            right.setdefault(what, []).append(value)

        for index in range(min(len(self.held_out), MEASURED)):
            labels = self.held_out.examples[index].labels
            embeddings = degradation_embeddings(self.model, views(self.held_out.pictures(index)[1], MEASURED_WINDOWS))
            found = self.name(embeddings.mean(dim=0))
            if labels == [CLEAN]:
                note("clean", found == CLEAN)
                continue
            note("accuracy" if len(labels) == 1 else "mixtures", found in labels)
            note("called_clean", found == CLEAN)
            if len(labels) == 1:
                note("whole_alone", self.name(embeddings[0]) in labels)
        return {name: float(np.mean(values)) for name, values in sorted(right.items())}

    def name(self, embedding: Tensor) -> str:
        return LABELS[int((self.model.label_features @ embedding).argmax())]


@torch.no_grad()
def degradation_embeddings(model: DegradationAwareCLIP, pictures: list[np.ndarray]) -> Tensor:
    """One row a view, (views, embed_dim)."""
    pixels = prepared(pictures).to(model.label_features.device)
    with torch.autocast(pixels.device.type, torch.bfloat16):
        return model.degradation(pixels)[0].float()


@torch.no_grad()
def describe(model: DegradationAwareCLIP, pictures: list[np.ndarray], native_windows: int) -> Tensor:
    """Of each picture the degradation embedding, a mean over its views, and the content embedding of the whole view.

    (pictures, 2, embed_dim)
    """
    seen = [views(picture, native_windows) for picture in pictures]
    with torch.autocast(model.label_features.device.type, torch.bfloat16):
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
    shares = [own] * process_count()
    if process_count() > 1:
        distributed.all_gather_object(shares, own)
    # Where processes are more than pictures, the last ones have none.
    shares = [torch.cat(share) for share in shares if share]
    described = torch.empty(len(pool), *shares[0].shape[1:])
    for number, share in enumerate(shares):
        described[number::process_count()] = share
    if process_number() == 0:
        temporary = path.with_suffix(".part.npy")
        np.save(temporary, described.numpy())
        os.replace(temporary, path)
    return described.numpy()
