"""Words, fonts and colours that pages, interfaces and charts are drawn with."""

from __future__ import annotations

import functools
import os
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..photographs import listed_names

HELD_OUT_FONTS = Path(__file__).resolve().parents[2] / "held-out-fonts.txt"
SCRIPTS = {"la": (0x61, 0x7A), "ru": (0x430, 0x44F), "el": (0x3B1, 0x3C9), "zh": (0x4E00, 0x9FA5), "ja": (0x3041, 0x3096)}
SYLLABLES = """an be co da el fi go ha in jo ka li ma no or pe qui ra se ti um ve wa xi yo za
tion ing ment er es str pl gr ous ch sh th""".split()
Colour = tuple[int, int, int]
# A folder of fonts/SCRIPT/*.ttf and art/*.webp that stands in for the machine's fonts and clip art, where it has none. Such fonts
# have so many letters of a script, the first ones.
DRAWING_KIT = "RESTORED_DRAWING_KIT"
PACKED_CHARACTERS = 512


def drawing_kit() -> Path | None:
    return Path(kit) if (kit := os.environ.get(DRAWING_KIT)) else None


@functools.cache
def font_files(script: str) -> list[str]:
    """Font files that can write a script, without the families that are held out; none where fontconfig is missing."""
    if kit := drawing_kit():
        return sorted(str(path) for path in (kit / "fonts" / ("la" if script == "en" else script)).glob("*.ttf"))
    try:
        said = subprocess.run(["fc-list", f":lang={script}", "file", "family"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    files, held_out = set(), listed_names(HELD_OUT_FONTS)
    for line in said.splitlines():
        file, _, family = line.partition(": ")
        if file.endswith((".ttf", ".otf", ".ttc")) and held_out.isdisjoint(name.strip() for name in family.split(",")):
            files.add(file)
    return sorted(files)


class Hand:
    """One style of writing: a script, a font file, and what is written."""

    def __init__(self, rng: np.random.Generator, script: str | None = None):
        self.rng = rng
        self.script = script or str(rng.choice(list(SCRIPTS), p=[0.8, 0.07, 0.03, 0.07, 0.03]))
        files = font_files(self.script)
        if not files:
            self.script, files = "la", font_files("en")
        self.file = str(rng.choice(files)) if files else None

    def font(self, size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
        size = max(5, int(size))
        return ImageFont.truetype(self.file, size) if self.file else ImageFont.load_default(size)

    def word(self) -> str:
        rng = self.rng
        if rng.random() < 0.08:
            return f"{rng.integers(0, 10 ** int(rng.integers(1, 6))):,}" if rng.random() < 0.5 else f"{rng.uniform(0, 999):.2f}"
        if self.script == "la":
            word = "".join(rng.choice(SYLLABLES, int(rng.integers(1, 4))))
        else:
            first, last = SCRIPTS[self.script]
            last = min(last, first + PACKED_CHARACTERS - 1) if drawing_kit() else last
            word = "".join(chr(int(code)) for code in rng.integers(first, last + 1, int(rng.integers(1, 8))))
        return word.capitalize() if rng.random() < 0.15 else word

    def words(self, count: int) -> str:
        return " ".join(self.word() for _ in range(max(1, count)))

    def line(self, font: ImageFont.ImageFont, width: float) -> str:
        """Words that about fill a width."""
        typical = max(1.0, font.getlength("abcdefgh") / 8)
        text = self.words(int(width / typical / 5) + 1)
        return text[: max(1, int(width / max(1.0, font.getlength(text)) * len(text)))]


def ground_and_ink(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """A ground and a colour that can be read on it: white and black for the most part, at times dark or coloured."""
    kind = rng.random()
    if kind < 0.55:
        ground, ink = np.full(3, 255), rng.integers(0, 90) + np.zeros(3)
    elif kind < 0.7:
        ground, ink = 255 - rng.integers(0, 40, 3), rng.integers(0, 100, 3)
    elif kind < 0.88:
        ground, ink = rng.integers(0, 60) + rng.integers(0, 15, 3), 255 - rng.integers(0, 90, 3)
    else:
        ground = rng.integers(0, 256, 3)
        ink = np.full(3, 255 if ground.mean() < 128 else 0)
    return tuple(int(value) for value in ground), tuple(int(value) for value in ink)


def accent(rng: np.random.Generator) -> Colour:
    """A colour of a palette: vivid, muted or dark."""
    hue, vivid, value = rng.random(), rng.choice([0.9, 0.6, 0.3]), rng.uniform(0.35, 1)
    wheel = np.clip(np.abs((hue * 6 + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
    return tuple(int(255 * value * (1 - vivid + vivid * part)) for part in wheel)


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of the other."""
    return tuple(int(a + (b - a) * share) for a, b in zip(one, other))


def canvas(height: int, width: int, ground: Colour) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", (width, height), ground)
    return image, ImageDraw.Draw(image)


def paste_picture(image: Image.Image, picture: np.ndarray, box: tuple[int, int, int, int]) -> None:
    """A photograph, shrunk into a box (left, top, right, bottom)."""
    left, top, right, bottom = box
    if right - left > 2 and bottom - top > 2:
        image.paste(Image.fromarray(picture).resize((right - left, bottom - top), Image.LANCZOS), (left, top))
