"""A pool of degraded photographs, made once and kept on disk: pixels in one file, what they show in another."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Iterator, Sequence

import numpy as np
from PIL import Image

from .degradations import CLEAN, DEGRADATIONS, degrade, random_mixture
from .effects import box_blurred, drawn, smooth_field, to_bytes
from .ordinary import SPOILABLE, ordinary
from .pairs import Pair
from .photographs import read_picture

LABELS = [*DEGRADATIONS, CLEAN]
MIXTURE = "mixture"
# How often each label is made; what is learned slowly is made more often. Both stages draw from the pool by shares of their own,
# which multiply with these.
MADE_SHARES = {"motion-blurry": 1.4, "hazy": 1.4, "jpeg-compressed": 1.4, "raindrop": 1.3, "rainy": 1.2, "shadowed": 2.0,
               "snowy": 1.2, CLEAN: 4.0}
MIXTURE_SHARE = 0.08
STRATA = 24
# This part of a label's photographs is made a pavement or a wall first: without them, every plain grey picture is taken
# for haze, or for the shadows that fall on the others. More of the shadows than this, and those on photographs are missed.
PLAIN_SHARES = {"shadowed": 0.35, CLEAN: 0.1}
# This part of a label's pictures shows no photograph but a page, a screenshot, a drawing, a thing on a plain ground: pictures that
# nothing is wrong with, and the ways in which those of their kind are most often spoilt.
ORDINARY_SHARES = {CLEAN: 0.5, "jpeg-compressed": 0.3, "noisy": 0.3, "motion-blurry": 0.3, "low-light": 0.08, "shadowed": 0.05}
# Each real pair is in the pool so many times, as another part of it; the last of them shows nothing but its clean picture.
EXAMPLES_OF_PAIR = 6
GREY_SHARE = 0.12  # of all pictures, before and after they were spoilt


@dataclass
class Example:
    """Where an example's bytes stand: the clean picture first, the degraded one behind it."""

    photograph: str
    labels: list[str]
    height: int
    width: int
    offset: int
    is_real: bool = False  # of a pair, not spoilt here

    @property
    def size(self) -> int:
        return self.height * self.width * 3

    @property
    def shown(self) -> str:
        """Its label, or "mixture"."""
        return self.labels[0] if len(self.labels) == 1 else MIXTURE


class Pool:
    def __init__(self, folder: Path):
        lines = (folder / "index.jsonl").read_text().splitlines()
        self.examples = [Example(**json.loads(line)) for line in lines]
        self.pixels = np.memmap(folder / "pixels.bin", np.uint8, "r")

    def __len__(self) -> int:
        return len(self.examples)

    def draws(self, shares: dict[str, float], rng: np.random.Generator, share_of_real: float = 1) -> Iterator[int]:
        """Examples without end, each drawn as often as its label's share says, real ones so many times as often; a label without
        a share counts once.

        Every `STRATA` draws in a row are spread evenly over the labels: batches of few pictures would else differ most by
        what happened to be in them.
        """
        order = sorted(range(len(self)), key=lambda index: self.examples[index].shown)
        ordered = [self.examples[index] for index in order]
        reach = np.cumsum([shares.get(example.shown, 1.0) * (share_of_real if example.is_real else 1) for example in ordered])
        while True:
            points = (rng.random(STRATA) + np.arange(STRATA)) / STRATA * reach[-1]
            for place in rng.permutation(np.searchsorted(reach, points, side="right")):
                yield order[min(place, len(order) - 1)]

    def pictures(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """The clean and the degraded bytes, (height, width, 3)."""
        example = self.examples[index]
        shape = (example.height, example.width, 3)
        start = example.offset
        return tuple(self.pixels[at:at + example.size].reshape(shape) for at in (start, start + example.size))

    def fingerprint(self) -> bytes:
        """Of the index and a middle row of each degraded picture: other examples in the same files have another."""
        digest = hashlib.sha256()
        for index, example in enumerate(self.examples):
            digest.update(json.dumps(asdict(example)).encode())
            digest.update(self.pictures(index)[1][example.height // 2].tobytes())
        return digest.digest()


def drawn_labels(rng: np.random.Generator) -> list[str]:
    if rng.random() < MIXTURE_SHARE:
        return random_mixture(rng)
    shares = np.array([MADE_SHARES.get(label, 1.0) for label in LABELS])
    return [str(rng.choice(LABELS, p=shares / shares.sum()))]


def drawn_region(photograph: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random part of it, at its own scale or shrunk, mirrored at times; sides of 224 to 400 or, half of the time, 768 where it
    is that large: in a large picture drops and flakes are large as well, and a window shows few of them."""
    height, width = photograph.shape[:2]
    short = min(height, width)
    if short > 300 and rng.random() < 0.5:
        scale = rng.uniform(max(0.45, 240 / short), 1)
        image = Image.fromarray(to_bytes(photograph)).resize((int(width * scale), int(height * scale)), Image.LANCZOS)
        photograph = np.asarray(image, np.float32) / 255
        height, width = photograph.shape[:2]
    longest = 400 if rng.random() < 0.5 else 768
    sides = [min(side, int(rng.integers(224, longest + 1))) for side in (height, width)]
    top, left = int(rng.integers(0, height - sides[0] + 1)), int(rng.integers(0, width - sides[1] + 1))
    region = photograph[top:top + sides[0], left:left + sides[1]]
    return region[:, ::-1] if rng.random() < 0.5 else region


def plain_surface(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A greyish surface under grain, at times with a slab of another tone: half of them stone, half what is left of the
    photograph."""
    height, width = picture.shape[:2]
    base = rng.uniform(0.35, 0.75) + rng.uniform(-0.04, 0.04, 3)
    if rng.random() < 0.5:
        surface = stone(height, width, base, rng)
    else:
        grey = picture.mean(axis=2, keepdims=True)
        contrast = rng.uniform(0.08, 0.45)
        surface = base + contrast * (grey - grey.mean()) + 0.1 * contrast * (picture - grey)
    grain = box_blurred(rng.normal(0, 1, (height, width, 1)).astype(np.float32), rng.uniform(0.3, 1.2))
    surface += rng.uniform(0, 0.07) * grain / max(float(grain.std()), 1e-6)
    if rng.random() < 0.4:
        turn, place = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.8)
        down, right = np.mgrid[:1:height * 1j, :1:width * 1j] - place
        surface *= np.where(down * np.cos(turn) + right * np.sin(turn) > 0, rng.uniform(0.8, 1.25), 1)[..., None]
    return np.clip(surface, 0, 1).astype(np.float32)


def stone(height: int, width: int, base: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Asphalt, concrete, plaster: mottled at every size, with dark pits, and at times a worn line of paint."""
    mottle = smooth_field(rng, height, width, rng.uniform(1.5, 6), octaves=7)
    rough = smooth_field(rng, height, width, rng.uniform(10, 60), octaves=4)
    tone = rng.uniform(0.1, 0.5) * (mottle - mottle.mean()) + rng.uniform(0, 0.4) * (rough - rough.mean())
    stain = smooth_field(rng, height, width, rng.uniform(1, 5))[..., None] - 0.5
    surface = base * np.exp(tone)[..., None] * (1 + stain * rng.uniform(-0.04, 0.04, 3))
    if rng.random() < 0.6:
        pits = smooth_field(rng, height, width, rng.uniform(15, 60), octaves=2) < rng.uniform(0.1, 0.22)
        surface *= 1 - rng.uniform(0.2, 0.6) * box_blurred(pits.astype(np.float32), rng.uniform(0.3, 1))[..., None]
    if rng.random() < 0.4:
        ends = rng.uniform(-0.2, 1.2, (2, 2)) * (width, height)
        thick = max(2, int(min(height, width) * rng.uniform(0.02, 0.12)))
        line = drawn(height, width, lambda pen: pen.line([tuple(end) for end in ends], fill=255, width=thick))
        worn = np.clip(rng.uniform(2, 6) * (rough - rng.uniform(0.1, 0.5)) + 0.5, 0, 1)
        paint = np.array([1, 1, 1] if rng.random() < 0.5 else [0.95, 0.7, 0.3]) * rng.uniform(0.5, 0.9)
        cover = (line * worn * rng.uniform(0.5, 1))[..., None]
        surface = surface * (1 - cover) + paint * np.exp(0.5 * tone)[..., None] * cover
    return surface


def make_example(path: Path, seed: int) -> tuple[list[str], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = drawn_labels(rng)
    clean, label = drawn_region(read_picture(path), rng), labels[0] if len(labels) == 1 else MIXTURE
    draw = rng.random()
    if draw < ORDINARY_SHARES.get(label, 0):
        clean = ordinary(rng, to_bytes(clean), None if label == CLEAN else SPOILABLE).astype(np.float32) / 255
    elif draw < ORDINARY_SHARES.get(label, 0) + PLAIN_SHARES.get(label, 0):
        clean = plain_surface(clean, rng)
    is_grey = rng.random() < GREY_SHARE
    # Noise and haze of a grey picture are grey as well: it was grey when it was spoilt, or it became so afterwards.
    if is_grey and rng.random() < 0.5:
        clean = grey(clean)
    strength = "benchmark" if rng.random() < 0.4 else "varied"
    degraded = degrade(clean, labels, seed, strength)
    if is_grey:
        clean, degraded = grey(clean), grey(degraded)
    return labels, to_bytes(clean), to_bytes(degraded)


def grey(picture: np.ndarray) -> np.ndarray:
    """Its luma (Rec. 601), three times."""
    return np.repeat((picture @ np.array([0.299, 0.587, 0.114], np.float32))[..., None], 3, axis=2)


def make_pair_example(pair: Pair, seed: int, number: int) -> tuple[list[str], np.ndarray, np.ndarray]:
    labels, clean, degraded = pair.region(np.random.default_rng(seed))
    return (labels, clean, degraded) if number < EXAMPLES_OF_PAIR - 1 else ([CLEAN], clean, clean)


def make_pool(
    folder: Path, photographs: list[Path], count: int, seed: int, workers: int, pairs: Sequence[Pair] = (),
) -> None:
    """Writes `count` examples of photographs and behind them those of the pairs, or what is missing of them: an interrupted pool
    goes on where it stopped.

    Throws a ValueError where what is there was made of a photograph that is not among these.
    """
    folder.mkdir(parents=True, exist_ok=True)
    index_path, pixel_path = folder / "index.jsonl", folder / "pixels.bin"
    lines = index_path.read_text().splitlines() if index_path.exists() else []
    done = [Example(**json.loads(line)) for line in lines]
    if strangers := {example.photograph for example in done} - {path.name for path in [*photographs, *(pair.degraded for pair in pairs)]}:
        raise ValueError(f"{folder} holds examples of {min(strangers)}, which is not among its {len(photographs)} photographs "
                         "(any more): give another folder")
    offset = done[-1].offset + 2 * done[-1].size if done else 0
    order = np.random.default_rng(seed).integers(0, len(photographs), count)
    jobs = [(make_example, photographs[place], seed * 1_000_003 + number) for number, place in enumerate(order)]
    jobs += [(make_pair_example, pair, seed * 1_000_003 + count + len(pairs) * number + place, number)
             for number in range(EXAMPLES_OF_PAIR) for place, pair in enumerate(pairs)]
    count, jobs = len(jobs), jobs[len(done):]
    if not jobs:
        return
    started, last_said = time.monotonic(), 0.0
    with pixel_path.open("r+b" if done else "wb") as pixels, index_path.open("a") as index, \
            multiprocessing.Pool(workers) as team:
        pixels.truncate(offset)
        pixels.seek(offset)
        for number, (labels, clean, degraded) in enumerate(team.imap(_make, jobs, chunksize=4), len(done)):
            pixels.write(clean.tobytes())
            pixels.write(degraded.tobytes())
            source = jobs[number - len(done)][1]
            is_real = isinstance(source, Pair)
            name = source.degraded.name if is_real else source.name
            example = Example(name, labels, *clean.shape[:2], offset, is_real)
            offset += 2 * example.size
            pixels.flush()
            index.write(json.dumps(asdict(example)) + "\n")
            index.flush()
            if time.monotonic() - last_said > 20 or number == count - 1:
                last_said = time.monotonic()
                print(f"pool: {number + 1} of {count} examples, {last_said - started:.0f} s", flush=True)


def _make(job: tuple) -> tuple[list[str], np.ndarray, np.ndarray]:
    make, *arguments = job
    return make(*arguments)
