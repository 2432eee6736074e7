"""Another view of a picture, as a reference: shifted, scaled, turned a little, of other colours and exposure, partly covered, noisy,
compressed. No pixel of it is one of the picture's."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

COVERED_SHARE = 0.3  # of the views, by one to three patches
SHARP_TURN_SHARE = 0.25  # turned by up to 12 degrees; others by about two
MIRRORED_SHARE = 0.03
GREY_SHARE = 0.05


@dataclass
class View:
    picture: np.ndarray  # bytes (height, width, 3)
    to_view: np.ndarray  # (2, 3): from places (x, y, 1) of the picture that it is a view of; the first pixel's middle is at 0.5
    is_seen: np.ndarray  # (height, width): not covered
    is_mirrored: bool


def reflected(places: np.ndarray, size: int) -> np.ndarray:
    """Places of a picture for any places, those beyond it mirrored at its edges."""
    turn = np.abs(places) % max(1, 2 * size - 2)
    return np.where(turn < size, turn, 2 * size - 2 - turn)


def draw_view(
    picture: np.ndarray, size: tuple[int, int], centre: tuple[float, float], rng: np.random.Generator, cover: np.ndarray,
    scales: tuple[float, float] = (0.75, 1.33),
) -> View:
    """A view of `size` (height, width) whose middle shows the place `centre` (x, y) of the picture; parts of `cover` lie before it."""
    height, width = size
    turn = np.radians(rng.uniform(-12, 12) if rng.random() < SHARP_TURN_SHARE else rng.normal(0, 2))
    scale = np.exp(rng.uniform(*np.log(scales)))
    is_mirrored = bool(rng.random() < MIRRORED_SHARE)
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ np.diag([-1.0 if is_mirrored else 1.0, 1.0])
    from_view = np.column_stack([linear, np.array(centre) - linear @ [width / 2, height / 2]])
    seen = warped(picture, from_view, size)
    seen = recoloured(seen.astype(np.float32) / 255, rng)
    is_seen = np.ones(size, bool)
    if rng.random() < COVERED_SHARE:
        seen = covered(seen, is_seen, cover, rng)
    inverse = np.linalg.inv(linear)
    return View(taken(seen, rng), np.column_stack([inverse, -inverse @ from_view[:, 2]]), is_seen, is_mirrored)


def warped(picture: np.ndarray, from_view: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """What is seen through an affine map, beyond the picture mirrored."""
    height, width = size
    corners = from_view @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]])
    low, high = np.floor(corners.min(axis=1)).astype(int) - 3, np.ceil(corners.max(axis=1)).astype(int) + 3
    rows, columns = (reflected(np.arange(low[axis], high[axis]), picture.shape[1 - axis]) for axis in (1, 0))
    part = Image.fromarray(np.ascontiguousarray(picture[rows][:, columns]))
    data = (*from_view[0, :2], from_view[0, 2] - low[0], *from_view[1, :2], from_view[1, 2] - low[1])
    return np.asarray(part.transform((width, height), Image.AFFINE, data, Image.BICUBIC))


def recoloured(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Of another exposure, white balance, contrast and saturation."""
    gains = np.exp(rng.uniform(-0.35, 0.35) + rng.normal(0, 0.06, 3)).astype(np.float32)
    seen = np.clip(picture * gains, 0, 1) ** np.float32(np.exp(rng.uniform(-0.25, 0.25)))
    grey = seen.mean(axis=2, keepdims=True)
    saturation = 0 if rng.random() < GREY_SHARE else rng.uniform(0.6, 1.3)
    return np.clip(grey + (seen - grey) * np.float32(saturation), 0, 1)


def covered(picture: np.ndarray, is_seen: np.ndarray, cover: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rectangles and ellipses of one colour, or of another picture, before it; marks them in `is_seen`."""
    height, width = is_seen.shape
    for _ in range(int(rng.integers(1, 4))):
        tall, wide = (int(size * rng.uniform(0.1, 0.4)) for size in (height, width))
        top, left = (int(rng.integers(0, size - side + 1)) for size, side in ((height, tall), (width, wide)))
        place = np.zeros((height, width), bool)
        if rng.random() < 0.5:
            place[top:top + tall, left:left + wide] = True
        else:
            down, across = np.mgrid[:height, :width]
            place = ((down - top - tall / 2) / (tall / 2)) ** 2 + ((across - left - wide / 2) / (wide / 2)) ** 2 < 1
        if rng.random() < 0.5:
            other = rng.random(3).astype(np.float32)
        else:
            rows, columns = (reflected(np.arange(size) + int(rng.integers(0, 200)), whole)
                             for size, whole in ((height, cover.shape[0]), (width, cover.shape[1])))
            other = cover[rows][:, columns].astype(np.float32) / 255
        picture = np.where(place[..., None], other, picture)
        is_seen[place] = False
    return picture


def taken(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As a camera would keep it: some noise, perhaps a little soft, mostly a JPEG."""
    if rng.random() < 0.5:
        picture = picture + rng.normal(0, rng.uniform(0.5, 6) / 255, picture.shape).astype(np.float32)
    seen = (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)
    if rng.random() < 0.15:
        height, width = seen.shape[:2]
        smaller = Image.fromarray(seen).resize((max(1, int(width * 0.7)), max(1, int(height * 0.7))), Image.BOX)
        seen = np.asarray(smaller.resize((width, height), Image.BICUBIC))
    if rng.random() < 0.7:
        kept = io.BytesIO()
        Image.fromarray(seen).save(kept, "JPEG", quality=int(rng.integers(60, 96)))
        seen = np.asarray(Image.open(kept))
    return seen
