"""Real pairs to train on: LABEL/lq/NAME, spoilt, and LABEL/gt/NAME, clean and of the same size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..photographs import ENDINGS, LEAST_SIDE
from ..pool import LABELS


@dataclass(frozen=True)
class Pair:
    label: str
    degraded: Path
    clean: Path

    def region(self, rng: np.random.Generator) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Its label, and the same part of both, of 224 pixels a side or more, mirrored at times: clean, then degraded."""
        clean, degraded = (np.asarray(Image.open(path).convert("RGB")) for path in (self.clean, self.degraded))
        if clean.shape != degraded.shape:
            raise ValueError(f"{self.degraded} is {degraded.shape[1::-1]}, its clean picture {clean.shape[1::-1]}")
        sides = [int(rng.integers(LEAST_SIDE, side + 1)) for side in clean.shape[:2]]
        top, left = (int(rng.integers(0, whole - side + 1)) for whole, side in zip(clean.shape[:2], sides))
        parts = [picture[top:top + sides[0], left:left + sides[1]] for picture in (clean, degraded)]
        if rng.random() < 0.5:
            parts = [part[:, ::-1] for part in parts]
        return [self.label], *(np.ascontiguousarray(part) for part in parts)


def found_pairs(folder: Path) -> list[Pair]:
    """Those whose pictures are large enough. Throws a ValueError where a folder is named for no label, or a clean picture lacks."""
    pairs = []
    for path in sorted(path for path in folder.glob("*/lq/*") if path.suffix.lower() in ENDINGS):
        label, clean = path.parents[1].name, path.parents[1] / "gt" / path.name
        if label not in LABELS or not clean.is_file():
            raise ValueError(f"{path}: {label} is no label, or {clean} is not there")
        with Image.open(path) as picture:
            if min(picture.size) >= LEAST_SIDE:
                pairs.append(Pair(label, path, clean))
    return pairs
