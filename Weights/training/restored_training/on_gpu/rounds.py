"""What a core makes at a time: a round of pictures in arrays of fixed shapes, so that a GPU keeps many of them side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..batches import Batches
from ..pairs import Pair
from ..pool import EXAMPLES_OF_PAIR, LABELS, Example, Pool, make_example, make_pair_example
from ..restoration import AFAR_SHARE, SEEN_FROM_AFAR
from ..restoration import SHARES as RESTORATION_SHARES
from ..views import NATIVE_WINDOWS, SIDE, views, whole_view

Round = dict[str, np.ndarray]
EXAMPLE_BYTES = 900_000  # of a round of the network's, for each example: both pictures; means are 670,000


@dataclass(frozen=True)
class Material:
    """What rounds are made of, and how: `examples` pictures a round; of the controller's each is shown `servings` times, in batches of
    `batch`, cut and sent otherwise each time; `least_side` is that of the network's crops.
    """

    photographs: list[Path]
    pairs: list[Pair]
    pair_share: float
    seed: int
    examples: int
    batch: int = 16
    servings: int = 2
    least_side: int = 160


class ExamplesInMemory(Pool):
    """A pool of few examples that is on no disk."""

    def __init__(self, made: list[tuple[list[str], np.ndarray, np.ndarray]]):
        self.made = [(clean, degraded) for _, clean, degraded in made]
        self.examples = [Example("", labels, *clean.shape[:2], 0) for labels, clean, _ in made]

    def pictures(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self.made[index]


def made_examples(material: Material, number: int) -> list[tuple[list[str], np.ndarray, np.ndarray]]:
    """Labels, clean and degraded pictures of a round: most of them made, some of them parts of real pairs."""
    rng = np.random.default_rng([material.seed, number])
    made = []
    for place in range(material.examples):
        if material.pairs and rng.random() < material.pair_share:
            pair = material.pairs[int(rng.integers(len(material.pairs)))]
            made.append(make_pair_example(pair, int(rng.integers(2**48)), int(rng.integers(EXAMPLES_OF_PAIR))))
        else:
            path = material.photographs[int(rng.integers(len(material.photographs)))]
            made.append(make_example(path, int(rng.integers(2**48))))
    return made


def controller_round(material: Material, number: int) -> Round:
    """Batches as the controller is trained with on a processor, B of N pictures: `views` (B, N, views, S, S, 3), the whole first,
    `cleans` (B, N, S, S, 3), `labels` (B, N, labels) and `originals` (B, N), the place in the batch of the first picture that is
    the same clean one.
    """
    pool = ExamplesInMemory(made_examples(material, number))
    batches = Batches(pool, material.batch, material.seed * 1_000_003 + number)
    shown = [batches.views() for _ in range(max(1, material.examples * material.servings // material.batch))]
    return {
        "views": np.stack([np.stack(seen).reshape(material.batch, -1, SIDE, SIDE, 3) for seen, _, _ in shown]),
        "cleans": np.stack([np.stack([whole_view(picture) for picture in cleans]) for _, cleans, _ in shown]),
        "labels": np.stack([[[name in names for name in LABELS] for names in labels] for _, _, labels in shown]),
        "originals": np.array([[next(place for place, other in enumerate(cleans) if other is picture) for picture in cleans]
                               for _, cleans, _ in shown])}


def network_round(material: Material, number: int) -> Round:
    """N examples: `pixels` (bytes), in them from `offsets` (N) on the clean picture of `heights` by `widths`, the degraded one behind
    it; how often each is drawn (`weights`, 0 where there was no room), `labels` (N, labels), and what the encoder is shown of it,
    `views` (N, views, S, S, 3).
    """
    rng = np.random.default_rng([material.seed, number, 1])
    pixels = np.zeros(material.examples * EXAMPLE_BYTES, np.uint8)
    round_ = {name: np.zeros(material.examples, kind) for name, kind in
              (("offsets", np.int64), ("heights", np.int64), ("widths", np.int64), ("weights", np.float32))}
    seen, labels, offset = [], [], 0
    for place, (names, clean, degraded) in enumerate(made_examples(material, number)):
        seen.append(np.stack(views(degraded, NATIVE_WINDOWS)))
        labels.append([name in names for name in LABELS])
        clean, degraded = as_seen(clean, degraded, names, material.least_side, rng)
        round_["offsets"][place], round_["heights"][place], round_["widths"][place] = offset, *clean.shape[:2]
        if offset + 2 * clean.size > len(pixels):
            round_["offsets"][place] = 0
            continue
        for picture in (clean, degraded):
            pixels[offset:offset + picture.size] = picture.ravel()
            offset += picture.size
        round_["weights"][place] = RESTORATION_SHARES.get(names[0], 1.0) if len(names) == 1 else RESTORATION_SHARES.get("mixture", 1.0)
    return {"pixels": pixels, **round_, "labels": np.array(labels), "views": np.stack(seen)}


def as_seen(clean: np.ndarray, degraded: np.ndarray, names: list[str], side: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """An example as it is or, of what is seen from afar, at times shrunk; never to less than a crop's side."""
    if not SEEN_FROM_AFAR & set(names) or rng.random() >= AFAR_SHARE:
        return clean, degraded
    height, width = clean.shape[:2]
    scale = rng.uniform(min(1, side / min(height, width)), 1)
    size = max(side, round(width * scale)), max(side, round(height * scale))
    return tuple(np.asarray(Image.fromarray(picture).resize(size, Image.BOX)) for picture in (clean, degraded))
