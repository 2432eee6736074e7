"""Drawings and logos: flat shapes, outlines, cartoons, comics, pixels, ornaments; and flat and extreme pictures."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ..effects import smooth_field
from ..photographs import lot
from .text import Colour, Hand, accent, canvas, drawing_kit, ground_and_ink, mixed

CLIP_ART = Path("/usr/share/openclipart/png")  # of Debian's package openclipart-png: dedicated to the public domain
LARGEST_ART = 16_000_000  # pixels
HELD_OUT_CLIP_ART = 0.3  # of its files, chosen by their names


def blob(rng: np.random.Generator, centre: tuple[float, float], radius: float, rough: float) -> list[tuple[float, float]]:
    """A closed smooth outline around a centre."""
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    waves = sum(rng.normal(0, rough / order) * np.cos(order * angles + rng.uniform(0, 6)) for order in range(2, 7))
    stretch, turn = rng.uniform(0.5, 1.6), rng.uniform(0, np.pi)
    x, y = radius * (1 + waves) * np.cos(angles) * stretch, radius * (1 + waves) * np.sin(angles)
    return [(centre[0] + a * np.cos(turn) - b * np.sin(turn), centre[1] + a * np.sin(turn) + b * np.cos(turn)) for a, b in zip(x, y)]


def shape(rng: np.random.Generator, width: int, height: int) -> list[tuple[float, float]]:
    """A blob, a polygon, a star, a box or a round somewhere."""
    centre, radius = tuple(rng.uniform(0, 1, 2) * (width, height)), min(width, height) * rng.uniform(0.03, 0.35)
    if rng.random() < 0.5:
        return blob(rng, centre, radius, rng.choice([0, 0.1, 0.25]))
    count, turn = int(rng.integers(3, 9)), rng.uniform(0, 6)
    reach = np.tile([1, rng.choice([1, 0.45])], count)
    angles = turn + np.linspace(0, 2 * np.pi, 2 * count, endpoint=False)
    return [(centre[0] + radius * r * np.cos(a), centre[1] + radius * r * np.sin(a)) for r, a in zip(reach, angles)]


def illustration(rng: np.random.Generator, pen: ImageDraw.ImageDraw, width: int, height: int, ground: Colour, ink: Colour) -> None:
    """Flat shapes of one palette, with outlines or without."""
    palette = [accent(rng) for _ in range(int(rng.integers(2, 7)))]
    outline = ink if rng.random() < 0.5 else None
    thick = int(rng.integers(1, 7))
    for _ in range(int(rng.integers(3, 45))):
        points = shape(rng, width, height)
        pen.polygon(points, fill=palette[int(rng.integers(len(palette)))])
        if outline:
            pen.line([*points, points[0]], fill=outline, width=thick, joint="curve")


def line_art(rng: np.random.Generator, pen: ImageDraw.ImageDraw, width: int, height: int, ground: Colour, ink: Colour) -> None:
    """Strokes alone: outlines, hatching, spirals, scribbles."""
    thick = int(rng.integers(1, 6))
    for _ in range(int(rng.integers(4, 40))):
        draw = rng.random()
        if draw < 0.4:
            points = shape(rng, width, height)
            pen.line([*points, points[0]], fill=ink, width=thick, joint="curve")
        elif draw < 0.6:
            start, step, across = rng.uniform(0, 1, 2) * (width, height), rng.uniform(3, 12), rng.uniform(-30, 30)
            for number in range(int(rng.integers(4, 30))):
                x, y = start[0] + number * step, start[1]
                pen.line((x, y, x + across, y + rng.uniform(20, 60)), fill=ink, width=1)
        else:
            turns = np.cumsum(rng.normal(0, 0.5, 60)) + rng.uniform(0, 6)
            steps = np.stack([np.cos(turns), np.sin(turns)], 1) * rng.uniform(2, 10)
            path = np.cumsum(steps, axis=0) + rng.uniform(0, 1, 2) * (width, height)
            pen.line([tuple(point) for point in path], fill=ink, width=thick, joint="curve")


def ornament(rng: np.random.Generator, pen: ImageDraw.ImageDraw, width: int, height: int, ground: Colour, ink: Colour) -> None:
    """The same few shapes over and over, in rows or in a ring."""
    palette = [accent(rng), ink, accent(rng)]
    motif = np.array(shape(rng, 1, 1))
    motif = (motif - motif.mean(axis=0)) / max(np.ptp(motif), 1e-6)
    if rng.random() < 0.5:
        step = rng.uniform(20, 90)
        for row, y in enumerate(np.arange(step / 2, height + step, step)):
            for column, x in enumerate(np.arange(step / 2, width + step, step)):
                pen.polygon([tuple(point) for point in motif * step * 0.8 + (x, y)], fill=palette[(row + column) % 3])
    else:
        count = int(rng.integers(5, 24))
        for ring in range(int(rng.integers(1, 6))):
            for angle in np.linspace(0, 2 * np.pi, count, endpoint=False):
                turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
                reach = min(width, height) * (0.1 + 0.09 * ring)
                points = (motif * reach * 0.6 + (reach, 0)) @ turn.T + (width / 2, height / 2)
                pen.polygon([tuple(point) for point in points], fill=palette[ring % 3], outline=ink)


def logo(rng: np.random.Generator, pen: ImageDraw.ImageDraw, width: int, height: int, ground: Colour, ink: Colour) -> None:
    """A sign and a name on a plain ground."""
    mark, colour = min(width, height) * rng.uniform(0.15, 0.35), accent(rng)
    place = (width * rng.uniform(0.3, 0.7), height * rng.uniform(0.3, 0.55))
    for scale in (1, rng.uniform(0.4, 0.8)):
        pen.polygon(blob(rng, place, mark * scale, rng.choice([0, 0.15])), fill=colour)
        colour = ground if rng.random() < 0.6 else accent(rng)
    hand = Hand(rng)
    font = hand.font(min(width, height) * rng.uniform(0.06, 0.2))
    pen.text((width * rng.uniform(0.03, 0.3), height * rng.uniform(0.6, 0.85)), hand.words(int(rng.integers(1, 3))), fill=ink, font=font)


def comic(rng: np.random.Generator, pen: ImageDraw.ImageDraw, width: int, height: int, ground: Colour, ink: Colour) -> None:
    """Panels with flat scenes and balloons of words."""
    rows, columns = (int(count) for count in rng.integers(1, 4, 2))
    hand, gap = Hand(rng), int(rng.integers(3, 12))
    for row in range(rows):
        for column in range(columns):
            left, top = column * width // columns + gap, row * height // rows + gap
            right, bottom = (column + 1) * width // columns - gap, (row + 1) * height // rows - gap
            if right - left < 40 or bottom - top < 40:
                continue
            pen.rectangle((left, top, right, bottom), fill=mixed((255, 255, 255), accent(rng), 0.5), outline=ink, width=2)
            for _ in range(int(rng.integers(1, 6))):
                centre = (rng.uniform(left + 15, right - 15), rng.uniform(top + 15, bottom - 15))
                points = blob(rng, centre, min(right - left, bottom - top) * rng.uniform(0.05, 0.2), 0.1)
                pen.polygon(points, fill=accent(rng), outline=ink)
            balloon = (left + 6, top + 6, left + 6 + (right - left) * 0.6, top + 6 + (bottom - top) * 0.25)
            pen.ellipse(balloon, fill=(255, 255, 255), outline=ink)
            font = hand.font(rng.integers(8, 14))
            words = hand.line(font, (balloon[2] - balloon[0]) * 0.7)
            pen.text((balloon[0] + 12, (balloon[1] + balloon[3]) / 2 - 6), words, fill=ink, font=font)


STYLES = [illustration, illustration, line_art, line_art, ornament, logo, logo, comic]


def drawing(rng: np.random.Generator, height: int, width: int, photograph: np.ndarray) -> np.ndarray:
    draw = rng.random()
    if draw < 0.35 and clip_art():
        return pasted_art(rng, height, width)
    if draw < 0.42:
        return pixel_art(rng, height, width)
    ground, ink = ground_and_ink(rng)
    # Drawn larger and shrunk, edges are smooth.
    scale = int(rng.choice([1, 2, 3]))
    image, pen = canvas(height * scale, width * scale, ground)
    STYLES[int(rng.integers(len(STYLES)))](rng, pen, width * scale, height * scale, ground, ink)
    picture = np.asarray(image.resize((width, height), Image.LANCZOS) if scale > 1 else image)
    if rng.random() < 0.15:
        shade = smooth_field(rng, height, width, rng.uniform(1, 4))[..., None]
        picture = (picture * (0.75 + 0.25 * shade)).astype(np.uint8)
    return picture


def pixel_art(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A few colours in a coarse grid."""
    side = int(rng.integers(4, 24))
    rows, columns = -(-height // side), -(-width // side)
    colours = np.array([accent(rng) for _ in range(int(rng.integers(3, 9)))], np.uint8)
    levels = (smooth_field(rng, max(rows, 4), max(columns, 4), rng.uniform(2, 6), 3)[:rows, :columns] * (len(colours) - 1e-3)).astype(int)
    return colours[levels].repeat(side, axis=0).repeat(side, axis=1)[:height, :width]


@functools.cache
def clip_art() -> list[Path]:
    """Files of clip art that may be trained on; none where the package is missing."""
    if kit := drawing_kit():
        return sorted((kit / "art").glob("*.webp"))
    return sorted(path for path in CLIP_ART.rglob("*.png") if lot(path.name) >= HELD_OUT_CLIP_ART)


def read_art(path: Path) -> Image.Image | None:
    """Nothing where it is larger than any use of it."""
    try:
        with Image.open(path) as file:
            return file.convert("RGBA") if file.width * file.height <= LARGEST_ART else None
    except Image.DecompressionBombError:
        return None


def art(rng: np.random.Generator, longest: int) -> Image.Image:
    """One piece of it with its transparent ground, at most so large."""
    while True:
        piece = read_art(clip_art()[int(rng.integers(len(clip_art())))])
        if piece is None:
            continue
        scale = min(1.6, longest / max(piece.size))
        if min(piece.size) * scale >= 24:
            return piece.resize(tuple(max(1, int(side * scale)) for side in piece.size), Image.LANCZOS)


def pasted_art(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """One piece on a plain ground, or several."""
    ground, _ = ground_and_ink(rng)
    image, _ = canvas(height, width, ground)
    count = 1 if rng.random() < 0.6 else int(rng.integers(2, 9))
    for _ in range(count):
        piece = art(rng, int(min(height, width) * (rng.uniform(0.5, 1) if count == 1 else rng.uniform(0.2, 0.5))))
        place = [int(room * (0.5 if count == 1 else rng.random())) for room in (width - piece.width, height - piece.height)]
        image.paste(piece, tuple(place), piece)
    return np.asarray(image)


def extreme(rng: np.random.Generator, height: int, width: int, photograph: np.ndarray) -> np.ndarray:
    """Flat, graded, chequered and striped pictures, and photographs in two or three tones."""
    kind = int(rng.integers(7))
    one, other = (np.array(accent(rng), np.float32) for _ in range(2))
    if rng.random() < 0.4:
        one, other = (np.full(3, float(value), np.float32) for value in rng.choice([0, 0, 255, 255, rng.integers(256)], 2))
    down, right = np.mgrid[:1:height * 1j, :1:width * 1j].astype(np.float32)
    if kind <= 1:
        share = np.zeros((height, width))
    elif kind == 2:
        turn = rng.uniform(0, 6)
        share = (down - 0.5) * np.cos(turn) + (right - 0.5) * np.sin(turn) + 0.5
    elif kind == 3:
        share = np.hypot(down - rng.random(), right - rng.random())
    elif kind == 4:
        share = (np.floor(down * rng.integers(2, 40)) + np.floor(right * rng.integers(2, 40))) % 2
    elif kind == 5:
        share = smooth_field(rng, height, width, rng.uniform(1, 3))
    else:
        levels = int(rng.integers(2, 5))
        grey = photograph[:height, :width].mean(axis=2)
        share = np.zeros((height, width))
        share[:grey.shape[0], :grey.shape[1]] = np.floor(grey / 256 * levels) / (levels - 1)
    return (one + (other - one) * np.clip(share, 0, 1)[..., None]).clip(0, 255).astype(np.uint8)
