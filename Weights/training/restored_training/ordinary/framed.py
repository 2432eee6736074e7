"""Photographs as people pass them on: with a frame, a caption, a watermark, a date, side by side, or on a card."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .drawings import blob
from .text import Hand, accent, canvas, ground_and_ink, paste_picture


def framed(rng: np.random.Generator, height: int, width: int, photograph: np.ndarray) -> np.ndarray:
    ground, ink = ground_and_ink(rng)
    image, pen = canvas(height, width, ground)
    draw = rng.random()
    if draw < 0.3:
        collage(rng, image, photograph)
    elif draw < 0.4:
        rounded(rng, image, photograph)
    else:
        inset = [int(min(height, width) * share) for share in rng.uniform(0, 0.15, 4) * (rng.random(4) < 0.6)]
        paste_picture(image, photograph, (inset[0], inset[1], width - inset[2], height - inset[3]))
    for _ in range(int(rng.integers(0, 3))):
        caption(rng, image)
    return np.asarray(image)


def collage(rng: np.random.Generator, image: Image.Image, photograph: np.ndarray) -> None:
    """Parts of a photograph in rows, with gaps."""
    rows, columns = (int(count) for count in rng.integers(1, 4, 2))
    gap = int(rng.integers(0, 20))
    high, wide = (image.height - gap) // rows - gap, (image.width - gap) // columns - gap
    for row in range(rows):
        for column in range(columns):
            top, left = (int(room * rng.random()) for room in (photograph.shape[0] // 2, photograph.shape[1] // 2))
            part = np.ascontiguousarray(photograph[top:top + photograph.shape[0] // 2, left:left + photograph.shape[1] // 2])
            corner = (gap + column * (wide + gap), gap + row * (high + gap))
            paste_picture(image, part, (*corner, corner[0] + wide, corner[1] + high))


def rounded(rng: np.random.Generator, image: Image.Image, photograph: np.ndarray) -> None:
    """Cut to a round, a box with round corners or a blob, as portraits and cut-outs of whole scenes are."""
    width, height = image.size
    mask = Image.new("L", image.size)
    pen, inset = ImageDraw.Draw(mask), min(width, height) * rng.uniform(0.02, 0.2)
    kind = int(rng.integers(3))
    if kind == 0:
        pen.ellipse((inset, inset, width - inset, height - inset), fill=255)
    elif kind == 1:
        pen.rounded_rectangle((inset, inset, width - inset, height - inset), min(width, height) * rng.uniform(0.02, 0.3), fill=255)
    else:
        pen.polygon(blob(rng, (width / 2, height / 2), min(width, height) * 0.4, 0.15), fill=255)
    image.paste(Image.fromarray(photograph).resize(image.size, Image.LANCZOS), (0, 0), mask)


def caption(rng: np.random.Generator, image: Image.Image) -> None:
    """Words over it, plain, outlined, or half transparent as a watermark."""
    hand, width, height = Hand(rng), *image.size
    font = hand.font(min(width, height) * rng.uniform(0.03, 0.14))
    place = (width * rng.uniform(0, 0.5), height * rng.uniform(0, 0.9))
    words, fill = hand.line(font, width * rng.uniform(0.2, 0.9)), (255, 255, 255) if rng.random() < 0.6 else accent(rng)
    layer = Image.new("RGBA", image.size)
    pen = ImageDraw.Draw(layer)
    opacity = 255 if rng.random() < 0.6 else int(rng.integers(60, 200))
    pen.text(place, words, fill=(*fill, opacity), font=font, stroke_width=int(rng.integers(0, 3)), stroke_fill=(0, 0, 0, opacity))
    image.paste(layer, (0, 0), layer)
