"""Things on a plain ground, as shops, catalogues and cut-outs show them."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ..effects import box_blurred, drawn, smooth_field
from .drawings import art, blob, clip_art
from .text import accent

CUT_OUT_SHARE = 0.12


def thing(rng: np.random.Generator, height: int, width: int, photograph: np.ndarray) -> np.ndarray:
    """One to four things on white, black, grey, coloured or softly graded ground, with or without a shadow of their own."""
    picture = ground_of(rng, height, width)
    is_cut_out = rng.random() < CUT_OUT_SHARE
    covered = np.zeros((height, width), np.float32)
    count = 1 if rng.random() < 0.7 else int(rng.integers(2, 5))
    for _ in range(count):
        radius = min(height, width) * rng.uniform(0.15, 0.42) / count**0.5
        centre = (width * rng.uniform(0.35, 0.65), height * rng.uniform(0.35, 0.65)) if count == 1 else tuple(
            rng.uniform(0.15, 0.85, 2) * (width, height))
        cover = outline(rng, height, width, centre, radius)
        if rng.random() < 0.4:
            picture = with_shadow(rng, picture, cover, radius)
        covered = np.maximum(covered, cover)
        surface = surface_of(rng, height, width, photograph)
        cover = cover[..., None]
        picture = picture * (1 - cover) + surface * cover
    if is_cut_out:
        # Without the rim, where the ground shines through.
        picture = with_filled_ground(picture, np.clip(3 * covered - 2, 0, 1))
    elif clip_art() and rng.random() < 0.15:
        piece = art(rng, int(min(height, width) * 0.6))
        image = Image.fromarray(picture.clip(0, 255).astype(np.uint8))
        image.paste(piece, ((width - piece.width) // 2, (height - piece.height) // 2), piece)
        return np.asarray(image)
    return picture.clip(0, 255).astype(np.uint8)


def with_filled_ground(picture: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """As the service sees a cut-out: what is transparent takes smoothly after what is beside it. `cover` is 0...1."""
    height, width = cover.shape
    levels = [(picture * cover[..., None], cover)]
    while min(levels[-1][1].shape) > 1:
        levels.append(tuple(halved(values) for values in levels[-1]))
    filled = levels[-1][0] / max(float(levels[-1][1].max()), 1e-6)
    for colours, weight in reversed(levels[:-1]):
        grown = filled.repeat(2, axis=0).repeat(2, axis=1)[:weight.shape[0], :weight.shape[1]]
        # Where little is known, more of what is known further off.
        filled = colours + (1 - weight[..., None]) * box_blurred(grown, 1)
    return filled[:height, :width]


def halved(values: np.ndarray) -> np.ndarray:
    """The means of two by two, of edges repeated; weights count up to one."""
    values = np.pad(values, [(0, side % 2) for side in values.shape[:2]] + [(0, 0)] * (values.ndim - 2), mode="edge")
    return (values[::2, ::2] + values[1::2, ::2] + values[::2, 1::2] + values[1::2, 1::2]) / 4


def ground_of(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    draw = rng.random()
    if draw < 0.5:
        colour = np.full(3, 255.0)
    elif draw < 0.62:
        colour = np.full(3, float(rng.integers(0, 12)))
    elif draw < 0.8:
        colour = np.full(3, float(rng.integers(40, 253)))
    else:
        colour = np.array(accent(rng), np.float64)
    ground = np.broadcast_to(colour, (height, width, 3)).astype(np.float32).copy()
    if draw > 0.62 and rng.random() < 0.5:
        down = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
        ground *= 1 - rng.uniform(0, 0.4) * (down if rng.random() < 0.5 else 1 - down)
        ground *= 1 - rng.uniform(0, 0.3) * smooth_field(rng, height, width, 1)[..., None]
    return ground


def outline(rng: np.random.Generator, height: int, width: int, centre: tuple[float, float], radius: float) -> np.ndarray:
    """What a thing covers, 0...1, soft at its edge by a pixel: a blob, a bottle, a box, a ring, or several joined."""
    def paint(pen) -> None:
        x, y = centre
        kind = int(rng.integers(5))
        if kind <= 1:
            for _ in range(int(rng.integers(1, 4))):
                middle = (x + rng.normal(0, radius / 3), y + rng.normal(0, radius / 3))
                pen.polygon(blob(rng, middle, radius, rng.choice([0.05, 0.15, 0.3])), fill=255)
        elif kind == 2:
            wide = radius * rng.uniform(0.3, 0.8)
            pen.rounded_rectangle((x - wide, y - radius * 0.5, x + wide, y + radius), wide * rng.uniform(0.05, 0.5), fill=255)
            neck = wide * rng.uniform(0.2, 0.7)
            pen.rectangle((x - neck, y - radius, x + neck, y - radius * 0.3), fill=255)
        elif kind == 3:
            turn = rng.uniform(0, 1.5)
            corners = [(np.cos(turn + a), np.sin(turn + a)) for a in (0, rng.uniform(1, 2), np.pi, np.pi + rng.uniform(1, 2))]
            pen.polygon([(x + a * radius, y + b * radius) for a, b in corners], fill=255)
        else:
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
            hole = radius * rng.uniform(0.3, 0.75)
            pen.ellipse((x - hole, y - hole, x + hole, y + hole), fill=0)
    return box_blurred(drawn(height, width, paint), rng.uniform(0.3, 1))


def with_shadow(rng: np.random.Generator, picture: np.ndarray, cover: np.ndarray, radius: float) -> np.ndarray:
    """The soft shadow that a thing throws on its ground."""
    shift = int(radius * rng.uniform(0.03, 0.25))
    shade = np.roll(box_blurred(cover, radius * rng.uniform(0.04, 0.25)), (shift, int(rng.integers(-shift, shift + 1))), axis=(0, 1))
    return picture * (1 - rng.uniform(0.1, 0.5) * shade[..., None])


def surface_of(rng: np.random.Generator, height: int, width: int, photograph: np.ndarray) -> np.ndarray:
    """A part of a photograph, or a colour under a light from one side, with a gloss."""
    if rng.random() < 0.6:
        scale = max(height / photograph.shape[0], width / photograph.shape[1], 0.5)
        size = (int(np.ceil(photograph.shape[1] * scale)), int(np.ceil(photograph.shape[0] * scale)))
        part = np.asarray(Image.fromarray(photograph).resize(size, Image.LANCZOS))[:height, :width]
        return part.astype(np.float32)
    down, right = np.mgrid[:1:height * 1j, :1:width * 1j].astype(np.float32)
    turn = rng.uniform(0, 6)
    light = 0.5 + 0.5 * np.sin(((down - 0.5) * np.cos(turn) + (right - 0.5) * np.sin(turn)) * rng.uniform(2, 9) + rng.uniform(0, 6))
    surface = np.array(accent(rng), np.float32) * (0.35 + 0.65 * light[..., None])
    if rng.random() < 0.4:
        surface *= (0.8 + 0.2 * smooth_field(rng, height, width, rng.uniform(10, 60), 3))[..., None]
    gloss = np.exp(-((down - rng.random()) ** 2 + (right - rng.random()) ** 2) * rng.uniform(30, 300))[..., None]
    return surface + (255 - surface) * gloss * rng.uniform(0, 0.9)
