"""Trains the mapper, then the clean mapper, by the loss of the diffusion that draws from their words (Lin et al., CVPR 2024): the noise
in a latent is predicted from words of the same picture, then in a clean picture's latent from cleaned words of the degraded one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from ..curves import draw_curves
from ..daclip import IMAGE_DEVIATION, IMAGE_MEAN
from ..hyperparameters import InFile
from ..pool import Pool
from ..restoration import as_batch
from .frozen import LatentEncoder, NoiseNetwork, PictureTower, TextTower, Weights
from .mappers import CleanMapper, Mapper

TOWER_SIDE = 224
# "a photo of a S" as the text tower's numbers; the rest of the 77 are 0.
OFFICIAL_PROMPT = [49406, 320, 1125, 539, 320, 338, 49407]
OFFICIAL_PLACE = 5


@dataclass
class WordHyperparameters(InFile):
    """As published, but for steps and batch, which were 200,000 of 64."""

    seed: int = 1
    words: int = 20
    hidden: int = 1280
    head_width: int = 64  # of the U-Net
    text_head_width: int = 64
    vision_head_width: int = 80
    prompt: list[int] | None = None
    place: int = OFFICIAL_PLACE
    steps: int = 1000
    batch: int = 4
    side: int = 512
    # Of a pixel of a latent.
    zoom: int = 8
    rate: float = 6.4e-5
    decay: float = 0.01
    gradient_norm: float = 1.0


class Towers:
    """What stays as it is."""

    def __init__(self, diffusion: Weights, vision: Weights, choice: WordHyperparameters):
        self.picture = PictureTower(vision, choice.vision_head_width)
        self.text = TextTower(diffusion, choice.text_head_width)
        self.network = NoiseNetwork(diffusion, choice.head_width)
        self.encoder = LatentEncoder(diffusion)
        prompt = choice.prompt or OFFICIAL_PROMPT
        length = self.text.w["positional_embedding"].shape[0]
        self.prompt, self.place = torch.tensor(prompt + [0] * (length - len(prompt))), choice.place
        # Scaled-linear betas, as Stable Diffusion has them.
        self.kept = torch.cumprod(1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2, dim=0)

    @torch.no_grad()
    def tokens(self, pictures: list[np.ndarray]) -> Tensor:
        """Of bytes, squares: seen at 224 pixels."""
        small = [np.asarray(Image.fromarray(picture).resize((TOWER_SIDE, TOWER_SIDE), Image.BICUBIC)) for picture in pictures]
        mean, deviation = (torch.tensor(values)[:, None, None] for values in (IMAGE_MEAN, IMAGE_DEVIATION))
        return self.picture((as_batch(small) - mean) / deviation)

    @torch.no_grad()
    def latents(self, pictures: list[np.ndarray], zoom: int) -> Tensor:
        return self.encoder(2 * as_batch(pictures) - 1, zoom)

    def loss(self, latents: Tensor, words: Tensor, mapper: Mapper, noise: torch.Generator) -> Tensor:
        """How far off the noise is that is predicted in latents from words, at random times."""
        times = torch.randint(0, 1000, (len(latents),), generator=noise)
        added = torch.randn(latents.shape, generator=noise)
        kept = self.kept[times][:, None, None, None]
        noisy = kept.sqrt() * latents + (1 - kept).sqrt() * added
        context = self.text(self.text.injected(self.prompt, self.place, words))
        return F.mse_loss(self.network(noisy, times.float(), context, mapper.project), added)


def new_mapper(towers: Towers, choice: WordHyperparameters) -> Mapper:
    """Its projections begin as the network's own."""
    width = towers.text.w["token_embedding.weight"].shape[1]
    return Mapper(choice.words, towers.picture.w["class_embedding"].shape[0], choice.hidden, width, towers.network.own_projections())


def new_clean_mapper(towers: Towers, choice: WordHyperparameters) -> CleanMapper:
    return CleanMapper(choice.words, towers.text.w["token_embedding.weight"].shape[1], choice.hidden)


class Stage:
    """One of the two: steps of AdamW at a constant rate, and a file to go on from."""

    def __init__(self, name: str, folder: Path, module: nn.Module, choice: WordHyperparameters):
        self.name, self.folder, self.module, self.choice = name, folder, module, choice
        self.optimiser = torch.optim.AdamW(module.parameters(), lr=choice.rate, betas=(0.9, 0.999), weight_decay=choice.decay)
        self.history: list[dict] = []
        self.file = folder / f"{name}.state.pt"
        if self.file.exists():
            state = torch.load(self.file, weights_only=True)
            module.load_state_dict(state["module"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.history = state["history"]
            print(f"{name}: goes on from step {len(self.history)}", flush=True)

    def run(self, loss_of: Callable[[int], Tensor]) -> None:
        """Until so many steps were made; then `NAME.pt` holds the bare weights, as published programs save them."""
        for step in range(len(self.history), self.choice.steps):
            loss = loss_of(step)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self.module.parameters(), self.choice.gradient_norm)
            self.optimiser.step()
            self.history.append({"step": step + 1, "minutes": step + 1, "loss": float(loss.detach())})
            if step + 1 == self.choice.steps or (step + 1) % 100 == 0:
                self.save()
        torch.save({key: value.detach().clone() for key, value in self.module.state_dict().items()}, self.folder / f"{self.name}.pt")

    def save(self) -> None:
        recent = [entry["loss"] for entry in self.history[-100:]]
        print(f"{self.name} step {len(self.history)}: loss {np.mean(recent):.4f}", flush=True)
        torch.save({"module": self.module.state_dict(), "optimiser": self.optimiser.state_dict(), "history": self.history}, self.file)
        draw_curves(self.history, self.folder / f"{self.name}.png", self.name)


class Squares:
    """Square parts of a pool's pictures, clean and degraded."""

    def __init__(self, pool: Pool, choice: WordHyperparameters):
        self.pool, self.choice = pool, choice

    def drawn(self, step: int, stage: int) -> tuple[list[np.ndarray], list[np.ndarray], torch.Generator]:
        """Of a step, the same whenever it is made; and what draws its noise."""
        rng = np.random.default_rng([self.choice.seed, stage, step])
        clean, degraded = [], []
        for index in rng.integers(len(self.pool), size=self.choice.batch):
            pictures = self.pool.pictures(int(index))
            side = min(*pictures[0].shape[:2])
            top, left = (int(rng.integers(0, size - side + 1)) for size in pictures[0].shape[:2])
            for picture, parts in zip(pictures, (clean, degraded)):
                square = Image.fromarray(np.ascontiguousarray(picture[top:top + side, left:left + side]))
                parts.append(np.asarray(square.resize((self.choice.side, self.choice.side), Image.BICUBIC)))
        return clean, degraded, torch.Generator().manual_seed(int(rng.integers(2**31)))


def train_words(towers: Towers, pool: Pool, folder: Path, choice: WordHyperparameters) -> tuple[Mapper, CleanMapper]:
    """Both stages; each goes on where it was interrupted. Leaves `mapper.pt` and `clean_mapper.pt`."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(choice.seed)
    mapper, clean_mapper = new_mapper(towers, choice), new_clean_mapper(towers, choice)
    squares = Squares(pool, choice)

    def of_picture(step: int) -> Tensor:
        clean, degraded, noise = squares.drawn(step, 1)
        # Any picture, clean or degraded.
        pictures = [pair[int(torch.randint(2, (), generator=noise))] for pair in zip(clean, degraded)]
        return towers.loss(towers.latents(pictures, choice.zoom), mapper(towers.tokens(pictures)), mapper, noise)

    Stage("mapper", folder, mapper, choice).run(of_picture)
    mapper.requires_grad_(False)

    def of_pair(step: int) -> Tensor:
        clean, degraded, noise = squares.drawn(step, 2)
        words = clean_mapper(mapper(towers.tokens(degraded)))
        return towers.loss(towers.latents(clean, choice.zoom), words, mapper, noise)

    Stage("clean_mapper", folder, clean_mapper, choice).run(of_pair)
    return mapper, clean_mapper
