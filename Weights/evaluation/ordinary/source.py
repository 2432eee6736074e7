"""Where the pictures of a kind come from, how many of each, and how they are stored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator

import numpy as np
from PIL import Image

LEAST_SIDE, MOST_SIDE = 256, 1600  # of what is made here
LEAST_QUALITY, MOST_QUALITY = 75, 95
CHROMA_WHOLE, CHROMA_HALVED = 0, 2  # pillow's numbers for 4:4:4 and 4:2:0


@dataclass
class Source:
    """`make(rng, index)` gives the index-th picture of this source; `share` of the kind's pictures are its; `missing` says
    what it cannot work without and is not there."""

    name: str
    share: float
    make: Callable[[np.random.Generator, int], Image.Image]
    missing: str = ""


def dealt(sources: list[Source], count: int) -> Iterator[tuple[int, Source, int]]:
    """(number, source, index in that source): at each number the source that is furthest behind its share."""
    made = [0] * len(sources)
    whole = sum(source.share for source in sources)
    for number in range(count):
        behind = [(number + 1) * source.share / whole - own for source, own in zip(sources, made)]
        chosen = behind.index(max(behind))
        yield number, sources[chosen], made[chosen]
        made[chosen] += 1


def fitted(picture: Image.Image) -> Image.Image:
    """Made smaller, never larger, until no side is over the most; what is too short gets a margin of its corner's colour."""
    if max(picture.size) > MOST_SIDE:
        scale = MOST_SIDE / max(picture.size)
        size = tuple(max(1, round(side * scale)) for side in picture.size)
        picture = (picture.convert("L") if picture.mode == "1" else picture).resize(size, Image.LANCZOS)
    if min(picture.size) < LEAST_SIDE:
        size = tuple(max(side, LEAST_SIDE) for side in picture.size)
        ground = Image.new(picture.mode, size, picture.getpixel((0, 0)))
        ground.paste(picture, tuple((whole - own) // 2 for whole, own in zip(size, picture.size)))
        picture = ground
    return picture


def few_colours(picture: Image.Image) -> Image.Image | None:
    """The same picture with a palette, where 256 colours are enough."""
    if picture.mode != "RGB" or picture.getcolors(256) is None:
        return None
    narrow = picture.quantize(256, dither=Image.Dither.NONE)
    return narrow if np.array_equal(np.asarray(narrow.convert("RGB")), np.asarray(picture)) else None


def store(
    picture: Image.Image, folder: Path, name: str, rng: np.random.Generator, as_jpeg: bool, *, made: bool = True,
    least_quality: int = LEAST_QUALITY,
) -> Path:
    """Writes FOLDER/NAME.png or .jpg; what is transparent stands on white in a JPEG, and two tones are always a PNG. What is not made
    here keeps its size."""
    picture = fitted(picture) if made else picture
    folder.mkdir(parents=True, exist_ok=True)
    if as_jpeg and picture.mode != "1":
        if picture.mode in ("RGBA", "LA"):
            white = Image.new("RGBA", picture.size, "white")
            picture = Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")
        path = folder / f"{name}.jpg"
        quality = int(rng.integers(least_quality, max(least_quality, MOST_QUALITY) + 1))
        picture.save(path, quality=quality, subsampling=int(rng.choice([CHROMA_WHOLE, CHROMA_HALVED])),
                     progressive=bool(rng.random() < 0.2))
        return path
    narrow = few_colours(picture) if made and rng.random() < 0.4 else None
    path = folder / f"{name}.png"
    (narrow or picture).save(path, optimize=narrow is not None)
    return path
