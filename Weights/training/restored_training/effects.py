"""What degradations are made of: random fields, blurs, shapes, and the ways to lay light over a picture."""

from __future__ import annotations

import io
from typing import Callable

import numpy as np
from PIL import Image, ImageDraw

Picture = np.ndarray
CHROMA_WHOLE, CHROMA_HALVED = 0, 2  # pillow's numbers for 4:4:4 and 4:2:0


def smooth_field(rng: np.random.Generator, height: int, width: int, cells: float, octaves: int = 1) -> np.ndarray:
    """Random values in 0...1 that change smoothly, with about `cells` hills along the shorter side."""
    field = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        cell = max(2.0, min(height, width) / (cells * 2**octave))
        coarse = rng.random((int(height / cell) + 3, int(width / cell) + 3)).astype(np.float32)
        grown = Image.fromarray(coarse, "F").resize((width, height), Image.BICUBIC)
        field += np.asarray(grown) / 2**octave
    field -= field.min()
    return field / max(float(field.max()), 1e-6)


def box_blurred(picture: Picture, radius: float) -> Picture:
    """About a Gaussian of deviation `radius`: three box filters, edges repeated."""
    size = max(1, int(round(radius * 2)) | 1)
    if size == 1:
        return picture
    half = size // 2
    for _ in range(3):
        for axis in (0, 1):
            pad = [(0, 0)] * picture.ndim
            pad[axis] = (half + 1, half)
            sums = np.cumsum(np.pad(picture, pad, mode="edge"), axis=axis, dtype=np.float64)
            high = np.take(sums, range(size, sums.shape[axis]), axis=axis)
            low = np.take(sums, range(0, sums.shape[axis] - size), axis=axis)
            picture = ((high - low) / size).astype(np.float32)
    return picture


def convolved(picture: Picture, kernel: np.ndarray) -> Picture:
    """Convolution through the Fourier transform, edges mirrored."""
    reach = kernel.shape[0] // 2
    mirrored = np.pad(picture, ((reach, reach), (reach, reach)) + ((0, 0),) * (picture.ndim - 2), mode="symmetric")
    shape = mirrored.shape[:2]
    padded = np.zeros(shape, np.float32)
    padded[: kernel.shape[0], : kernel.shape[1]] = kernel
    padded = np.roll(padded, (-reach, -reach), (0, 1))
    response = np.fft.rfft2(padded)
    if picture.ndim == 3:
        response = response[..., None]
    result = np.fft.irfft2(np.fft.rfft2(mirrored, axes=(0, 1)) * response, s=shape, axes=(0, 1))
    return result[reach:-reach or None, reach:-reach or None].astype(np.float32)


def streaked(picture: Picture, length: float, angle: float) -> Picture:
    """Drawn out along a soft line of a length, at an angle from the vertical in radians."""
    size = int(length) + 5 | 1
    steps = np.linspace(-length / 2, length / 2, 4 * size)
    return convolved(picture, splatted(np.stack([steps * np.cos(angle), steps * np.sin(angle)], 1), size))


def splatted(path: np.ndarray, size: int) -> np.ndarray:
    """A path of (row, column) offsets from the centre as a kernel of sum one, each point spread over four cells."""
    kernel = np.zeros((size, size), np.float32)
    place = np.clip(path + size // 2, 0, size - 1.001)
    corner = np.floor(place).astype(int)
    share = place - corner
    for down in (0, 1):
        for right in (0, 1):
            weight = np.abs(1 - down - share[:, 0]) * np.abs(1 - right - share[:, 1])
            np.add.at(kernel, (corner[:, 0] + down, corner[:, 1] + right), weight)
    return kernel / kernel.sum()


def drawn(height: int, width: int, paint: Callable[[ImageDraw.ImageDraw], None]) -> np.ndarray:
    """What a function draws in white on black, 0...1."""
    canvas = Image.new("L", (width, height))
    paint(ImageDraw.Draw(canvas))
    return np.asarray(canvas, np.float32) / 255


def soft_ellipses(
    shape: tuple[int, int], centres: np.ndarray, radii: np.ndarray, stretches: np.ndarray, turns: np.ndarray, values: np.ndarray,
) -> np.ndarray:
    """The brightest of many ellipses at (row, column), each soft at its edge and longer, by its stretch, at an angle from
    the vertical."""
    field = np.zeros(shape, np.float32)
    for (y, x), radius, stretch, turn, value in zip(centres, radii, stretches, turns, values):
        reach = int(1.6 * radius * stretch) + 2
        top, left = max(0, int(y) - reach), max(0, int(x) - reach)
        window = field[top:int(y) + reach + 1, left:int(x) + reach + 1]
        down, right = np.ogrid[top:top + window.shape[0], left:left + window.shape[1]]
        along, across = turned(down - y, right - x, turn)
        cover = 1.5 - np.hypot(along / stretch, across) / max(radius, 0.5)
        np.maximum(window, value * np.clip(cover, 0, 1) * min(1, (2 * radius) ** 2), out=window)
    return field


def turned(down: np.ndarray, right: np.ndarray, turn: float) -> tuple[np.ndarray, np.ndarray]:
    """Offsets along an axis at an angle from the vertical in radians, and across it."""
    return down * np.cos(turn) + right * np.sin(turn), right * np.cos(turn) - down * np.sin(turn)


def as_jpeg(picture: np.ndarray, quality: int, subsampling: int) -> np.ndarray:
    """Bytes as they come back from a JPEG file; subsampling as pillow numbers it."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling=subsampling)
    return np.asarray(Image.open(file).convert("RGB"))


def screened(picture: Picture, light: np.ndarray) -> Picture:
    return 1 - (1 - picture) * (1 - light)


def scale_of(picture: Picture) -> float:
    """Sizes are stated for a picture whose shorter side is 256."""
    return min(picture.shape[:2]) / 256


def to_bytes(picture: Picture) -> np.ndarray:
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
