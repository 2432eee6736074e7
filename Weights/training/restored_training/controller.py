"""Stage 1: the controlled image encoder learns to name degradations, and to describe the picture as if it were clean."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
import torch.distributed as distributed
import torch.nn.functional as F
from torch import Tensor

from .daclip import DegradationAwareCLIP
from .pool import LABELS, Pool
from .session import Budget, Session, process_count, process_number
from .views import prepared, views, whole_view, window

LOGIT_SCALE = 20.0
CONTENT_SCALE = 20.0
CONTENT_WEIGHT = 0.2
CONTENT_EVERY = 4  # steps: naming is what takes long to learn
TRAINING_WINDOWS = 2
TILED_SHARE = 0.3
MEASURED = 220
MEASURED_WINDOWS = 2


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


def mirrored_tiling(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The picture continued by its mirror images, as part of a larger one: what remains of it when that is shrunk."""
    down, right = rng.integers(1, 6, 2)
    rows = np.concatenate([picture if index % 2 == 0 else picture[::-1] for index in range(down)])
    return np.concatenate([rows if index % 2 == 0 else rows[:, ::-1] for index in range(right)], axis=1)


def wanted_probabilities(labels: list[list[str]]) -> Tensor:
    rows = torch.zeros(len(labels), len(LABELS))
    for row, names in zip(rows, labels):
        for name in names:
            row[LABELS.index(name)] = 1 / len(names)
    return rows


class ControllerTraining:
    def __init__(self, model: DegradationAwareCLIP, pool: Pool, held_out: Pool, batch: int, seed: int):
        self.model, self.pool, self.held_out, self.batch = model, pool, held_out, batch
        self.device = next(model.parameters()).device
        self.rng = np.random.default_rng(seed)

    def drawn_views(self) -> tuple[list[np.ndarray], list[np.ndarray], list[list[str]]]:
        """Views of degraded pictures, picture by picture, the whole view of each clean one, and the labels."""
        degraded_views, clean_views, labels = [], [], []
        for index in self.rng.integers(0, len(self.pool), self.batch):
            clean, degraded = self.pool.pictures(index)
            if self.rng.random() < 0.5:
                clean, degraded = clean[:, ::-1], degraded[:, ::-1]
            whole = mirrored_tiling(degraded, self.rng) if self.rng.random() < TILED_SHARE else degraded
            degraded_views.append(whole_view(whole))
            degraded_views += [window(degraded, *self.rng.random(2)) for _ in range(TRAINING_WINDOWS)]
            clean_views.append(whole_view(clean))
            labels.append(self.pool.examples[index].labels)
        return degraded_views, clean_views, labels

    def loss(self, step: int, progress: float) -> Tensor:
        degraded_views, clean_views, labels = self.drawn_views()
        control, looked_at = self.model.visual_control, 1 + TRAINING_WINDOWS
        pixels = prepared(degraded_views).to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16):
            tokens, recorded = control.transformer(control.tokens(pixels))
            embedding = control.pool(tokens).float().unflatten(0, (-1, looked_at)).mean(dim=1)
        logits = LOGIT_SCALE * F.normalize(embedding, dim=-1) @ self.model.label_features.T
        loss = F.cross_entropy(logits, wanted_probabilities(labels).to(self.device))
        if step % CONTENT_EVERY == 0:
            wholes = [values[::looked_at] for values in recorded]
            loss = loss + CONTENT_WEIGHT * self.content_loss(pixels[::looked_at], wholes, clean_views)
        return loss

    def content_loss(self, pixels: Tensor, recorded: list[Tensor], clean_views: list[np.ndarray]) -> Tensor:
        """Each picture's controlled embedding should be nearest to that of its own clean picture, and the other way round."""
        visual = self.model.clip.visual
        with torch.autocast(self.device.type, torch.bfloat16):
            content = visual.pool(visual.transformer(visual.tokens(pixels), recorded)).float()
            target = visual.pool(visual.transformer(visual.tokens(prepared(clean_views).to(self.device)))).float()
        similarity = CONTENT_SCALE * F.normalize(content, dim=-1) @ F.normalize(target, dim=-1).T
        own = torch.arange(self.batch, device=self.device)
        return (F.cross_entropy(similarity, own) + F.cross_entropy(similarity.T, own)) / 2

    def quality(self) -> dict[str, float]:
        """Shares of held-out pictures named right, by all views and by the whole view alone; mixtures apart.

        A mixture is named right by either of its labels.
        """
        right: dict[str, list[bool]] = {"accuracy": [], "whole_alone": [], "mixtures": []}
        for index in range(min(len(self.held_out), MEASURED)):
            labels = self.held_out.examples[index].labels
            embeddings = degradation_embeddings(self.model, views(self.held_out.pictures(index)[1], MEASURED_WINDOWS))
            is_right = self.name(embeddings.mean(dim=0)) in labels
            right["accuracy" if len(labels) == 1 else "mixtures"].append(is_right)
            if len(labels) == 1:
                right["whole_alone"].append(self.name(embeddings[0]) in labels)
        return {name: float(np.mean(values)) for name, values in right.items() if values}

    def name(self, embedding: Tensor) -> str:
        return LABELS[int((self.model.label_features @ embedding).argmax())]


@torch.no_grad()
def degradation_embeddings(model: DegradationAwareCLIP, pictures: list[np.ndarray]) -> Tensor:
    """One row a view, (views, embed_dim)."""
    pixels = prepared(pictures).to(model.label_features.device)
    control = model.visual_control
    with torch.autocast(pixels.device.type, torch.bfloat16):
        return control.pool(control.transformer(control.tokens(pixels))[0]).float()


@torch.no_grad()
def describe(model: DegradationAwareCLIP, picture: np.ndarray, native_windows: int) -> tuple[Tensor, Tensor]:
    """The degradation embedding, a mean over views, and the content embedding of the whole view; both (embed_dim)."""
    whole, *windows = views(picture, native_windows)
    with torch.autocast(model.label_features.device.type, torch.bfloat16):
        degradation, content = model(prepared([whole]).to(model.label_features.device))
    embeddings = [degradation.float()]
    if windows:
        embeddings.append(degradation_embeddings(model, windows))
    return torch.cat(embeddings).mean(dim=0), content[0].float()


def train_controller(
    model: DegradationAwareCLIP, pool: Pool, held_out: Pool, folder: Path, budget: Budget, batch: int, rate: float, seed: int,
) -> None:
    training = ControllerTraining(model, pool, held_out, batch, seed)
    session = Session("controller", folder, model, rate, budget, measure_every=250)
    session.run(training.loss, training.quality)


def describe_pool(model: DegradationAwareCLIP, pool: Pool, path: Path, native_windows: int) -> np.ndarray:
    """Both embeddings of every degraded picture, (examples, 2, embed_dim); processes share the work.

    Kept in a file that is named for the encoder and the pool's size, so that another's are never taken for them.
    """
    digest = hashlib.sha256(f"{len(pool)} {native_windows}".encode())
    for value in model.state_dict().values():
        digest.update(value.cpu().numpy().tobytes())
    path = path.with_name(f"{path.stem}-{digest.hexdigest()[:12]}.npy")
    if not path.exists():
        own = [torch.stack(describe(model, pool.pictures(index)[1], native_windows)).cpu()
               for index in range(process_number(), len(pool), process_count())]
        rows = [torch.empty(0)] * process_count()
        if process_count() > 1:
            distributed.all_gather_object(rows, torch.stack(own))
        else:
            rows = [torch.stack(own)]
        described = torch.empty(len(pool), *rows[0].shape[1:])
        for number, part in enumerate(rows):
            described[number::process_count()] = part
        if process_number() == 0:
            np.save(path, described.numpy())
        return described.numpy()
    return np.load(path)
