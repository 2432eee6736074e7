"""The network of one evaluation: it learns to tell degradations apart (DCPT, arXiv 2501.15510), then to give the clean picture."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import numpy as np
import torch
from torch import Tensor, nn

from .controller import wanted_probabilities
from .degradations import CLEAN
from .hyperparameters import Hyperparameters
from .nafnet import ConditionalNAFNet, start_as_identity
from .pool import LABELS, MIXTURE, Pool
from .precision import half_precision
from .restoration import CropDrawing, as_batch, decibel_loss
from .session import Budget, Session

Described = tuple[Pool, np.ndarray]  # examples, and what the encoder says of them: (examples, 2, context_dim)


def new_network(choice: Hyperparameters, context_width: int) -> ConditionalNAFNet:
    """A network that returns the degraded picture as it is."""
    network = ConditionalNAFNet(
        choice.width, choice.enc_blk_nums, choice.middle_blk_num, choice.dec_blk_nums, context_width, choice.use_degradation,
        choice.use_content, norm=choice.norm)
    start_as_identity(network)
    return network.to(memory_format=torch.channels_last)


class DegradationClassifier(nn.Module):
    """Tells degradations by the means and deviations of the decoder's channels. It is told nothing itself: what it is asked for
    would be in the embeddings."""

    def __init__(self, network: ConditionalNAFNet):
        super().__init__()
        self.network = network
        channels = sum(network.shape["width"] << level for level in range(len(network.decoders)))
        self.head = nn.Linear(2 * channels, len(LABELS))

    def forward(self, picture: Tensor) -> Tensor:
        nothing = picture.new_zeros(len(picture), self.network.shape["context_dim"])
        levels = [level.float().flatten(2) for level in self.network.features(picture, nothing, nothing)]
        return self.head(torch.cat([part for level in levels for part in (level.mean(dim=2), level.std(dim=2))], dim=1))


class Batches:
    """What both stages draw."""

    def __init__(self, network: nn.Module, data: Described, choice: Hyperparameters, seed: int):
        self.pool, self.contexts = data
        self.choice = choice
        self.rng = np.random.default_rng(seed)
        self.device = next(network.parameters()).device
        self.drawing = CropDrawing(self.pool, choice.shares, choice.pixels, self.rng)

    def crops(self, progress: float) -> tuple[Tensor, Tensor, np.ndarray]:
        """Clean and degraded crops, and the examples that they are cut from."""
        side = int([side for start, side in self.choice.crops if progress >= start][-1])
        clean, degraded, indices = self.drawing.batch(side)
        return *(as_batch(crops).to(self.device) for crops in (clean, degraded)), indices

    def told(self, indices: np.ndarray) -> Tensor:
        """The examples' embeddings (B, 2, C), of which some are another example's."""
        described = self.contexts[indices]
        strange = self.rng.random(len(indices)) < self.choice.stranger_share
        described[strange] = self.contexts[self.rng.integers(0, len(self.pool), strange.sum())]
        return torch.from_numpy(described).to(self.device).float()


def restored(network: Callable[..., Tensor], degraded: Tensor, contexts: Tensor) -> Tensor:
    with half_precision(degraded.device):
        picture = degraded.contiguous(memory_format=torch.channels_last)
        return network(picture, contexts[:, 0], contexts[:, 1]).float()


def held_out_crops(held_out: Pool, choice: Hyperparameters):
    """The middles of some examples of each label: number, label, clean and degraded pictures (1, 3, side, side)."""
    counts: dict[str, int] = {}
    for index, example in enumerate(held_out.examples):
        name = example.shown
        if counts.get(name, 0) == choice.measured_a_label:
            continue
        counts[name] = counts.get(name, 0) + 1
        top, left = ((size - choice.measured_side) // 2 for size in (example.height, example.width))
        rows, columns = slice(top, top + choice.measured_side), slice(left, left + choice.measured_side)
        yield index, name, *(as_batch([picture[rows, columns]]) for picture in held_out.pictures(index))


@torch.no_grad()
def gains(network: ConditionalNAFNet, held_out: Described, choice: Hyperparameters) -> dict[str, float]:
    """What the network wins in PSNR, by label, and the mean over the degradations."""
    pool, contexts = held_out
    device = next(network.parameters()).device
    won: dict[str, list[float]] = {}
    for index, name, clean, degraded in held_out_crops(pool, choice):
        clean, degraded = clean.to(device), degraded.to(device)
        result = restored(network, degraded, torch.from_numpy(contexts[index:index + 1]).to(device)).clamp(0, 1)
        # A clean picture counts by what it loses against one part in 255.
        before, after = (max(float((picture - clean).square().mean()), 255.0**-2) for picture in (degraded, result))
        won.setdefault(name, []).append(10 * np.log10(before / after))
    means = {name: float(np.mean(values)) for name, values in sorted(won.items())}
    return {"gain": float(np.mean([value for name, value in means.items() if name not in (CLEAN, MIXTURE)])), **means}


@torch.no_grad()
def accuracy(classifier: DegradationClassifier, held_out: Pool, choice: Hyperparameters) -> dict[str, float]:
    device = next(classifier.parameters()).device
    right = [LABELS[int(classifier(degraded.to(device)).argmax())] == name
             for _, name, _, degraded in held_out_crops(held_out, choice) if name != MIXTURE]
    return {"accuracy": float(np.mean(right))}


def train_network(
    network: ConditionalNAFNet, data: Described, held_out: Described, folder: Path, choice: Hyperparameters, seed: int
) -> None:
    """Both stages; each goes on where it was interrupted."""
    share = choice.pretraining_share
    if share > 0:
        classifier = DegradationClassifier(network).to(next(network.parameters()).device)
        session = Session("nafnet-pretraining", folder, classifier, choice.pretraining_rate, Budget(choice.minutes * share),
                          measure_every=100, parts=choice.parts)
        batches = Batches(network, data, choice, session.seeded(seed))

        def naming_loss(_: int, progress: float) -> Tensor:
            _, degraded, indices = batches.crops(progress)
            wanted = wanted_probabilities([batches.pool.examples[index].labels for index in indices]).to(batches.device)
            with half_precision(batches.device):
                logits = classifier(degraded.contiguous(memory_format=torch.channels_last)).float()
            return -(wanted * logits.log_softmax(dim=1)).sum(dim=1).mean()

        session.run(naming_loss, lambda: accuracy(classifier, held_out[0], choice))

    session = Session("nafnet", folder, network, choice.rate, Budget(choice.minutes * (1 - share)), measure_every=100,
                      parts=choice.parts)
    batches = Batches(network, data, choice, session.seeded(seed))

    def restoration_loss(_: int, progress: float) -> Tensor:
        clean, degraded, indices = batches.crops(progress)
        result = restored(network, degraded, batches.told(indices))
        return decibel_loss(result, clean, choice.gradient_weight, choice.error_floor)

    session.run(restoration_loss, lambda: gains(network, held_out, choice))
