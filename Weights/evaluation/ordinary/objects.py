"""Objects on plain grounds, as shops show them, and cut out: stamps of photographs, rendered things, icons and emoji."""

from __future__ import annotations

import shutil

import numpy as np
from PIL import Image, ImageFilter, ImageFont, ImageDraw

from .icons import (
    CLIP_ART, EMOJI, EMOJI_SIDE, STAMPS, clip_art_files, icon_files, missing_rasteriser, photographic_stamps, rasterised)
from .renders import THINGS, cut_out
from .source import LEAST_SIDE, Source
from .theme import colour
from .writer import Writer

GROUNDS = ["white", "white", "white", "off-white", "black", "coloured", "graded", "spot", "table", "clear", "clear", "clear"]
FACES = ([chr(code) for start,
    end in ((0x1F600, 0x1F640), (0x1F400, 0x1F43F), (0x1F345, 0x1F37F), (0x1F680, 0x1F6A4), (0x1F3A0, 0x1F3C0))
    for code in range(start, end)])


def ground(w: Writer, kind: str, width: int, height: int) -> np.ndarray:
    """(height, width, 3) in 0...1."""
    rows, columns = np.mgrid[0:1:height * 1j, 0:1:width * 1j][..., None]
    plain = lambda low, high, most: (np.array([int(colour_of[at:at + 2], 16) / 255 for at in (1, 3, 5)])
        if (colour_of := colour(w.real(0, 1), w.real(low, high), w.real(0, most))) else None)
    if kind in ("white", "clear"):
        return np.ones((height, width, 3))
    if kind == "off-white":
        return np.ones((height, width, 3)) * plain(0.9, 0.98, 0.3)
    if kind == "black":
        return np.zeros((height, width, 3)) + w.pick([0, 0, 0.03, 0.07])
    if kind == "coloured":
        return np.ones((height, width, 3)) * plain(0.25, 0.85, 0.9)
    one, two = plain(0.55, 0.95, 0.5), plain(0.3, 0.9, 0.5)
    if kind == "graded":
        angle = w.real(0, 2 * np.pi)
        along = (rows - 0.5) * np.sin(angle) + (columns - 0.5) * np.cos(angle) + 0.5
        share = np.clip(along, 0, 1)
    elif kind == "spot":
        share = np.clip(np.hypot(rows - w.real(0.35, 0.6), columns - 0.5) * w.real(1, 1.6), 0, 1) ** 1.5
    else:  # A table and the wall behind it, with a soft line between.
        edge = w.real(0.55, 0.75)
        share = 1 / (1 + np.exp(-(rows - edge) * w.real(20, 90)))
    return one * (1 - share) + two * share


def placed(w: Writer, cut_outs: list[Image.Image], kind: str, shadow: str) -> Image.Image:
    """The cut-outs side by side, with room round them, at their own size; RGBA where nothing is behind them."""
    room = w.real(0.06, 0.5)
    gap = int(w.real(0.05, 0.3) * cut_outs[0].width)
    across = sum(one.width for one in cut_outs) + gap * (len(cut_outs) - 1)
    tall = max(one.height for one in cut_outs)
    side = max(across, tall) if w.chance(0.5) else 0  # Shops like squares.
    width, height = (max(LEAST_SIDE, int(max(own, side) * (1 + room))) for own in (across, tall))
    layer = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    left, bottom = (width - across) // 2, (height + tall) // 2
    for one in cut_outs:
        layer.alpha_composite(one, (max(0, left), max(0, bottom - one.height)))
        left += one.width + gap
    if kind == "clear":
        return layer
    light = ground(w, kind, width, height)
    alpha = np.asarray(layer.getchannel("A"), np.float32) / 255
    if shadow != "none" and kind != "black":
        light *= 1 - cast(w, alpha, shadow)[..., None]
    colours = np.asarray(layer, np.float32)[..., :3] / 255
    picture = light * (1 - alpha[..., None]) + colours * alpha[..., None]
    return Image.fromarray(np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8))


def cast(w: Writer, alpha: np.ndarray, kind: str) -> np.ndarray:
    """How much light a soft shadow takes: below the object, or beside it."""
    height, width = alpha.shape
    mask = Image.fromarray((alpha * 255).astype(np.uint8))
    if kind == "below":
        columns = np.flatnonzero(alpha.max(0) > 0.5)
        bottom = int(np.flatnonzero(alpha.max(1) > 0.5)[-1])
        across, deep = columns[-1] - columns[0] + 1, max(6, int(0.05 * height))
        mask = Image.new("L", (width, height))
        ImageDraw.Draw(mask).ellipse((int(columns[0]), bottom - deep, int(columns[0] + across), bottom + deep), fill=255)
    else:
        slant, reach = w.real(-0.5, 0.5), int(0.03 * max(width, height)) + 2
        mask = (mask.transform(mask.size, Image.AFFINE,
            (1, slant, -slant * height - (reach if slant < 0 else -reach), 0, 1, -reach), Image.BILINEAR))
    soft = mask.filter(ImageFilter.GaussianBlur(w.real(0.008, 0.03) * max(width, height)))
    return np.asarray(soft, np.float32) / 255 * w.real(0.15, 0.5)


def composed(rng: np.random.Generator, cut_outs: list[Image.Image]) -> Image.Image:
    w = Writer(rng)
    return placed(w, cut_outs, w.pick(GROUNDS), w.pick(["none", "none", "below", "beside"]))


def trimmed(picture: Image.Image) -> Image.Image:
    """Less what is transparent all round, and without a haze of nearly nothing."""
    box = picture.getchannel("A").point(lambda value: 255 if value > 8 else 0).getbbox()
    return picture.crop(box) if box else picture


def chosen(files: list, seed: int, index: int):
    """The index-th of the files in the seed's order."""
    return files[int(np.random.default_rng([seed, 3]).permutation(len(files))[index % len(files)])]


def sources(seed: int) -> list[Source]:
    def stamp(rng: np.random.Generator, index: int) -> Image.Image:
        files = photographic_stamps()
        paths = [chosen(files, seed, index)]
        if rng.random() < 0.25:
            paths += [files[place] for place in rng.integers(len(files), size=rng.integers(1, 3))]
        own = []
        for path in paths:
            with Image.open(path) as file:
                own.append(trimmed(file.convert("RGBA")))
        return composed(rng, own)

    def render(rng: np.random.Generator, index: int) -> Image.Image:
        things = [THINGS[(index + more) % len(THINGS)] for more in range(int(rng.choice([1, 1, 1, 2])))]
        return composed(rng, [cut_out(rng, thing, int(rng.integers(420, 760))) for thing in things])

    def icon(rng: np.random.Generator, index: int) -> Image.Image:
        files = icon_files()
        count = int(rng.choice([1, 1, 4]))
        side = int(rng.choice([256, 320, 512])) if count == 1 else 128
        own = []
        for _ in range(count):
            path = files[int(rng.integers(len(files)))]
            if path.suffix == ".svg":
                own.append(rasterised(path, side))
            else:
                with Image.open(path) as file:
                    own.append(file.convert("RGBA"))
        return composed(rng, [trimmed(one) for one in own])

    def clip_art(rng: np.random.Generator, index: int) -> Image.Image:
        return composed(rng, [trimmed(rasterised(chosen(clip_art_files(), seed + 1, index), int(rng.integers(300, 900))))])

    def emoji(rng: np.random.Generator, index: int) -> Image.Image:
        font = ImageFont.truetype(str(EMOJI), EMOJI_SIDE)
        rows, columns, cell = int(rng.integers(1, 5)), int(rng.integers(2, 7)), int(rng.integers(140, 190))
        sheet = Image.new("RGBA", (columns * cell, rows * cell), (0, 0, 0, 0))
        pen = ImageDraw.Draw(sheet)
        for place in range(rows * columns):
            at = (place % columns * cell + 5, place // columns * cell + 10)
            pen.text(at, str(rng.choice(FACES)), font=font, embedded_color=True)
        return composed(rng, [trimmed(sheet)])

    return [
        Source("stamp", 0.45, stamp, "" if STAMPS.is_dir() else "tuxpaint-stamps-default"),
        Source("render", 0.27, render, "" if shutil.which("povray") else "povray"),
        Source("icon", 0.1, icon, missing_rasteriser() or ("" if icon_files() else "oxygen-icon-theme or tango-icon-theme")),
        Source("clip-art", 0.1, clip_art, missing_rasteriser() or ("" if CLIP_ART.is_dir() else "openclipart-svg")),
        Source("emoji", 0.08, emoji, "" if EMOJI.is_file() else "fonts-noto-color-emoji")]
