"""Drawings and charts: plots, flat drawings, diagrams, music, clip art, icons, codes to scan, mazes, pixel art and fractals."""

from __future__ import annotations

import shutil

import numpy as np
from PIL import Image

from .charts import with_gnuplot, with_matplotlib
from .diagrams import graph, music
from .icons import CLIP_ART, clip_art_files, icon_files, missing_rasteriser, rasterised
from .objects import chosen
from .patterns import pattern
from .source import Source
from .vectors import vector_drawing
from .writer import Writer


def missing_program(name: str, package: str) -> str:
    return "" if shutil.which(name) else package


def icon_sheet(rng: np.random.Generator, index: int) -> Image.Image:
    """As a program or a web page offers them, on one colour."""
    w = Writer(rng)
    files = [path for path in icon_files() if path.suffix == ".svg" or "128x128" in path.parts]
    side, rows, columns = w.pick([48, 64, 96, 128]), w.whole(3, 6), w.whole(3, 8)
    cell = int(side * w.real(1.15, 1.6))
    sheet = Image.new("RGBA", (columns * cell, rows * cell), w.pick(["white", "white", "#eceff1", "#263238", "#dbe9d8"]))
    for place, path in enumerate(w.some(files, rows * columns)):
        if path.suffix == ".svg":
            icon = rasterised(path, side)
        else:
            with Image.open(path) as file:
                icon = file.convert("RGBA").resize((side, side), Image.LANCZOS)
        at = (place % columns * cell + (cell - side) // 2, place // columns * cell + (cell - side) // 2)
        sheet.alpha_composite(icon, at)
    return sheet.convert("RGB")


def sources(seed: int) -> list[Source]:
    def clip_art(rng: np.random.Generator, index: int) -> Image.Image:
        drawing = rasterised(chosen(clip_art_files(), seed + 2, index), int(rng.integers(320, 1000)))
        ground = str(rng.choice(["white", "white", "white", "#f4f0e6", "#cfe3f1"]))
        sheet = Image.new("RGBA", [side + 2 * int(rng.integers(0, 60)) for side in drawing.size], ground)
        sheet.alpha_composite(drawing, tuple((whole - own) // 2 for whole, own in zip(sheet.size, drawing.size)))
        return sheet.convert("RGB")

    rsvg = missing_rasteriser()
    return [
        Source("chart", 0.3, with_matplotlib),
        Source("vector", 0.23, vector_drawing, rsvg),
        Source("clip-art", 0.13, clip_art, rsvg or ("" if CLIP_ART.is_dir() else "openclipart-svg")),
        Source("pattern", 0.12, pattern),
        Source("graph", 0.09, graph, missing_program("dot", "graphviz")),
        Source("gnuplot", 0.04, with_gnuplot, missing_program("gnuplot", "gnuplot-nox")),
        Source("music", 0.04, music, missing_program("lilypond", "lilypond")),
        Source("icons", 0.05, icon_sheet, rsvg or ("" if icon_files() else "oxygen-icon-theme or tango-icon-theme"))]
