"""Photographs that are never trained on: those listed as held out."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image

from restored_training.photographs import held_out_names, is_large_enough

from .source import Source

LEAST_QUALITY = 90


def held_out_photographs(data: Path) -> list[Path]:
    names = held_out_names()
    paths = [path for folder in ("clean", "photos") for path in sorted((data / folder).glob("*")) if path.name in names]
    return [path for path in paths if is_large_enough(path)]


class Photographs:
    """In an order of the seed's: one photograph after the other, and small ones for pages to show."""

    def __init__(self, data: Path, seed: int) -> None:
        paths = held_out_photographs(data)
        self.paths = [paths[index] for index in np.random.default_rng([seed, 7]).permutation(len(paths))]

    def opened(self, index: int) -> Image.Image:
        with Image.open(self.paths[index % len(self.paths)]) as file:
            return file.convert("RGB")

    def small(self, rng: np.random.Generator, width: int, height: int) -> Image.Image:
        """The middle of one that has at least so many pixels, else as many as it has; never made larger."""
        picture = self.opened(int(rng.integers(len(self.paths))))
        scale = min(1.0, max(width / picture.width, height / picture.height))
        picture = picture.resize([max(1, round(side * scale)) for side in picture.size], Image.LANCZOS)
        left, top = max(0, picture.width - width) // 2, max(0, picture.height - height) // 2
        return picture.crop((left, top, min(picture.width, left + width), min(picture.height, top + height)))

    def address(self, rng: np.random.Generator, width: int, height: int) -> str:
        """As a page's `src`."""
        if not self.paths:
            return ""
        data = io.BytesIO()
        self.small(rng, width, height).save(data, "JPEG", quality=92, subsampling=0)
        return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()

    def missing(self) -> str:
        return "" if self.paths else "the held-out photographs of RESTORED_DATA"


def sources(photographs: Photographs) -> list[Source]:
    def as_taken(rng: np.random.Generator, index: int) -> Image.Image:
        return photographs.opened(index)
    return [Source("photograph", 1, as_taken, photographs.missing())]


def grey_sources(photographs: Photographs, first: int) -> list[Source]:
    """Those from the `first` on; half in one channel and half in three that are alike. Some are faded, toned down at their
    edges, or of stronger contrast, as prints are."""
    def grey(rng: np.random.Generator, index: int) -> Image.Image:
        # Films see colours otherwise than an eye.
        weights = np.array([0.299, 0.587, 0.114]) if rng.random() < 0.5 else rng.dirichlet([6, 8, 4])
        light = (np.asarray(photographs.opened(first + index), np.float32) / 255) @ weights.astype(np.float32)
        look = rng.choice(["plain", "faded", "vignette", "contrast"], p=[0.55, 0.15, 0.15, 0.15])
        if look == "faded":
            light = rng.uniform(0.05, 0.14) + light * rng.uniform(0.7, 0.8)
        elif look == "vignette":
            rows, columns = (np.linspace(-1, 1, side) ** 2 for side in light.shape)
            light = light * (1 - rng.uniform(0.12, 0.3) * (rows[:, None] + columns) ** 1.5 / 2)
        elif look == "contrast":
            light = 0.75 * light + 0.25 * (3 * light**2 - 2 * light**3)
        picture = Image.fromarray(np.round(np.clip(light, 0, 1) * 255).astype(np.uint8))
        # One in two JPEGs and one in two PNGs has one channel.
        return picture if index // 2 % 2 else picture.convert("RGB")
    return [Source("grey", 1, grey, photographs.missing())]
