"""What the encoder is shown in training: pictures of the pool, altered in ways that leave their labels true, and views of them."""

from __future__ import annotations

from itertools import islice
from typing import Iterator, NamedTuple

import numpy as np
from PIL import Image

from .degradations import CLEAN, as_sent
from .pool import Pool
from .views import SIDE, whole_view, window

TRAINING_WINDOWS = 2
TILED_SHARE = 0.3
# These touch parts of a picture. In a large one many windows show none of it, and must not speak for a clean picture.
PARTIAL = frozenset({"shadowed", "raindrop", "uncompleted", "rainy", "snowy"})
UNTOUCHED_SHARE = 0.25  # of the windows of such pictures are those of the clean one
# These multiply with how often each label is made (`MADE_SHARES`). Clean pictures, which must not be altered, and shadows are
# drawn most; haze takes long to learn as well, and large flakes look like drops; what is named without a fault is drawn less.
SHARES = {CLEAN: 1.2, "shadowed": 2.4, "hazy": 1.6, "snowy": 1.4, "rainy": 1.2, "motion-blurry": 0.9, "jpeg-compressed": 0.8,
          "low-light": 0.6, "noisy": 0.6, "uncompleted": 0.6}
# These look much like clean pictures of something else; what tells them is the same picture without.
TWINNED = frozenset({"shadowed", "hazy"})
TWIN_SHARE = 0.6  # of the clean pictures that are drawn behind such a one
# A few hundred photographs are soon known by heart, and what is not among them is then taken for spoilt. Cut and joined with
# others, turned and upside down there are many more.
JOINED_SHARE = 0.4
TURNED_SHARE = 0.3
# Without its colours a picture has less to tell a shadow or a veil by: of clean ones more are drawn so, of all others some.
GREYED_SHARE = 0.1
GREYED_SHARE_OF_CLEAN = 0.2
DIRECTED = frozenset({"rainy", "snowy"})  # fall downwards: never on their side

Pair = tuple[np.ndarray, np.ndarray]  # a clean picture and the degraded one


def tiled_whole_view(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The whole view of a larger picture that continues this one by its mirror images: what remains when that is shrunk.

    It is shrunk before it is continued, to whole pixels: far cheaper, and next to the same.
    """
    down, right = (int(count) for count in rng.integers(1, 6, 2))
    height, width = picture.shape[:2]
    shorter = min(height * down, width * right)
    small = Image.fromarray(np.ascontiguousarray(picture)).resize(
        (-(-SIDE * width // shorter), -(-SIDE * height // shorter)), Image.BICUBIC)
    part = np.asarray(small)
    rows = np.concatenate([part if index % 2 == 0 else part[::-1] for index in range(down)])
    whole = np.concatenate([rows if index % 2 == 0 else rows[:, ::-1] for index in range(right)], axis=1)
    return window(whole, 0.5, 0.5)


def joined(pictures: Pair, others: Pair, rng: np.random.Generator) -> Pair:
    """A clean and a degraded picture on one side of a line, two others on the other side, as large as there is room for in both.

    A line may cut off what was spoilt: of shadows, one in a hundred is lost so.
    """
    height, width = (min(sides) for sides in zip(pictures[0].shape[:2], others[0].shape[:2]))
    angle, place = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.7)
    down, right = np.ogrid[:1:height * 1j, :1:width * 1j]
    is_other = (np.sin(angle) * (down - place) + np.cos(angle) * (right - place) > 0)[..., None]
    return tuple(np.where(is_other, other[:height, :width], picture[:height, :width]) for picture, other in zip(pictures, others))


def turned(pictures: Pair, names: list[str], rng: np.random.Generator) -> Pair:
    """Both mirrored half of the time, at times upside down, and at times on their side."""
    if rng.random() < 0.5:
        pictures = tuple(picture[:, ::-1] for picture in pictures)
    if rng.random() < TURNED_SHARE:
        pictures = tuple(picture[::-1] for picture in pictures)
    if rng.random() < TURNED_SHARE and DIRECTED.isdisjoint(names):
        pictures = tuple(picture.swapaxes(0, 1) for picture in pictures)
    return pictures


def greyed(pictures: Pair, rng: np.random.Generator) -> Pair:
    """Both in grey, as one of many films or cameras would see the colours."""
    weights = rng.dirichlet([6, 8, 4]).astype(np.float32)
    return tuple(np.repeat(np.round(picture @ weights).astype(np.uint8)[..., None], 3, axis=2) for picture in pictures)


class Shown(NamedTuple):
    """A picture drawn: bytes (height, width, 3) before and after it was spoilt, its labels, the seed of how it is sent."""

    clean: np.ndarray
    degraded: np.ndarray
    labels: list[str]
    appearance: int


class Batches:
    """Batches without end, of so many pictures each; the same seed, the same batches."""

    def __init__(self, pool: Pool, size: int, seed: int):
        self.pool, self.size = pool, size
        self.rng = np.random.default_rng(seed)
        self.draws = pool.draws(SHARES, self.rng)
        self.with_labels: dict[tuple[str, ...], list[int]] = {}
        for index, example in enumerate(pool.examples):
            self.with_labels.setdefault(tuple(example.labels), []).append(index)

    def views(self) -> tuple[list[np.ndarray], list[np.ndarray], list[list[str]]]:
        """Views of degraded pictures, picture by picture, the clean pictures, and the labels."""
        degraded_views, clean_pictures, labels = [], [], []
        for shown in self.pictures():
            degraded = as_sent(shown.degraded, np.random.default_rng(shown.appearance))
            is_tiled = self.rng.random() < TILED_SHARE
            degraded_views.append(tiled_whole_view(degraded, self.rng) if is_tiled else whole_view(degraded))
            degraded_views += self.windows(shown.clean, degraded, shown.labels, shown.appearance)
            clean_pictures.append(shown.clean)
            labels.append(shown.labels)
        return degraded_views, clean_pictures, labels

    def pictures(self) -> Iterator[Shown]:
        """The pictures of a batch, some joined with one of the same labels, some in grey, and turned. Of the clean ones some are the twin of
        the last one that shows nothing but what is in `TWINNED`: the same picture without that, from the same camera and as
        the same file; what is looked at in it is drawn anew.
        """
        waiting = None
        for index in islice(self.draws, self.size):
            labels = self.pool.examples[index].labels
            if labels == [CLEAN] and waiting is not None and self.rng.random() < TWIN_SHARE:
                yield waiting._replace(degraded=waiting.clean, labels=labels)
                waiting = None
                continue
            pictures = self.pool.pictures(index)
            if self.rng.random() < JOINED_SHARE:
                other = int(self.rng.choice(self.with_labels[tuple(labels)]))
                pictures = joined(pictures, self.pool.pictures(other), self.rng)
            if self.rng.random() < (GREYED_SHARE_OF_CLEAN if labels == [CLEAN] else GREYED_SHARE):
                pictures = greyed(pictures, self.rng)
            shown = Shown(*turned(pictures, labels, self.rng), labels, int(self.rng.integers(2**32)))
            if TWINNED.issuperset(labels):
                waiting = shown
            yield shown

    def windows(
        self, clean: np.ndarray, degraded: np.ndarray, names: list[str], appearance: int,
    ) -> list[np.ndarray]:
        """Windows of the degraded picture as it is sent, at random places; where what it shows touches parts of a picture,
        at times of the clean one instead, which is then sent alike: `appearance` is the seed.
        """
        are_untouched = self.rng.random(TRAINING_WINDOWS) < (UNTOUCHED_SHARE if PARTIAL >= set(names) else 0)
        if are_untouched.any():
            clean = as_sent(clean, np.random.default_rng(appearance))
        return [window(clean if is_untouched else degraded, *self.rng.random(2)) for is_untouched in are_untouched]
