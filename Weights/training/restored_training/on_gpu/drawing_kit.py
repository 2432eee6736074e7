"""Fonts and clip art in small, to draw ordinary pictures with on a machine that has none (`ordinary/text.py` says where they are found)."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Iterator

from fontTools import subset
from PIL import Image

from ..ordinary.drawings import clip_art
from ..ordinary.text import PACKED_CHARACTERS, SCRIPTS, font_files
from ..photographs import lot

ASCII = range(0x20, 0x7F)
FONTS = {"la": 400, "ru": 60, "el": 30, "zh": 4, "ja": 4}  # at most
ART, ART_SIDE, ART_QUALITY = 250, 384, 80
LARGEST_ART = 1_000_000  # pixels


def fonts() -> Iterator[tuple[str, bytes]]:
    """Names in the kit and contents: of each font the letters that are drawn with it."""
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    for script, most in FONTS.items():
        first, last = SCRIPTS[script]
        letters = {*ASCII, *range(first, min(last, first + PACKED_CHARACTERS - 1) + 1)}
        letters |= {ord(upper) for code in letters if len(upper := chr(code).upper()) == 1}
        for number, path in enumerate(sorted(font_files(script), key=lot)[:most]):
            try:
                yield f"fonts/{script}/{number:03}.ttf", cut_down(path, letters)
            except Exception as error:  # noqa: BLE001 - of hundreds of fonts some are odd, and none is needed
                print(f"left out {path}: {error!r}"[:200])


def cut_down(path: str, letters: set[int]) -> bytes:
    options = subset.Options(hinting=False, layout_features=[], name_IDs=[], notdef_outline=True, font_number=0)
    font = subset.load_font(path, options, lazy=True)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=sorted(letters))
    cutter.subset(font)
    file = io.BytesIO()
    font.save(file)
    return file.getvalue()


def art() -> Iterator[tuple[str, bytes]]:
    count = 0
    for path in sorted(clip_art(), key=lambda path: lot(path.name)):
        piece = small_art(path)
        if piece is None:
            continue
        piece.thumbnail((ART_SIDE, ART_SIDE), Image.LANCZOS)
        file = io.BytesIO()
        piece.save(file, "WEBP", quality=ART_QUALITY)
        yield f"art/{count:03}.webp", file.getvalue()
        count += 1
        if count == ART:
            return


def small_art(path: Path) -> Image.Image | None:
    """Nothing where it is so large that shrinking it would take long: there are thousands of others."""
    try:
        with Image.open(path) as file:
            return file.convert("RGBA") if file.width * file.height <= LARGEST_ART else None
    except Image.DecompressionBombError:
        return None
