"""Documents and screenshots: pages and programs as a browser shows them, and printed pages at a scanner's resolutions."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from .browser import Browser, browser_program
from .interfaces import INTERFACES, TALL
from .pages import PAGES, PRINTED
from .photographs import Photographs
from .source import Source
from .theme import Theme
from .writer import SCRIPTS, Writer

WINDOWS = [(1280, 720), (1366, 768), (1024, 768), (1440, 900), (800, 600), (1100, 850), (760, 980), (920, 640), (640, 480)]
PHONES = [(360, 640), (390, 844), (412, 915), (320, 568)]
SCALES = [1, 1, 1, 1.25, 1.5, 2]
RESOLUTIONS = [60, 72, 75, 90, 96, 100, 120, 150]  # of scans and rendered pages, in dots an inch
INKS = ["colour", "grey", "grey", "black"]


def page(template, rng: np.random.Generator, photographs: Photographs, dark_share: float) -> str:
    w = Writer(rng, str(rng.choice(list(SCRIPTS))) if rng.random() < 0.15 else "latin")
    theme = Theme(w, dark_share)
    direction = ' dir="rtl"' if w.script == "arabic" else ""
    body = template(w, theme, lambda width, height: photographs.address(rng, width, height))
    return f'<!doctype html><html{direction}><meta charset="utf-8"><style>{theme.css()}</style><body>{body}</body></html>'


def in_turn(of: list, seed: int, index: int):
    """The index-th of an endless sequence in which each comes once before any comes again."""
    turn, place = divmod(index, len(of))
    return of[np.random.default_rng([seed, turn]).permutation(len(of))[place]]


def shown(browser: Browser, photographs: Photographs, templates: list, seed: int, dark_share: float):
    def make(rng: np.random.Generator, index: int) -> Image.Image:
        template = in_turn(templates, seed, index)
        w = Writer(rng)
        width, height = w.pick(PHONES if template in TALL and w.chance(0.6) else WINDOWS)
        # As a device's pixels allow within the largest picture.
        scale = w.pick([scale for scale in SCALES if max(width, height) * scale <= 1600])
        picture = browser.screenshot(page(template, rng, photographs, dark_share), width, height, scale)
        return part(w, picture) if w.chance(0.25) else picture
    return make


def part(w: Writer, picture: Image.Image) -> Image.Image:
    """What someone marked on the screen: a part of at least 300 x 260."""
    width, height = (w.whole(min(least, side), side) for least, side in zip((300, 260), picture.size))
    left, top = w.whole(0, picture.width - width), w.whole(0, (picture.height - height) // 2)
    return picture.crop((left, top, left + width, top + height))


def rendered(pdf: bytes, w: Writer, kind: str) -> Image.Image:
    """The first page, as a viewer or a copier shows it: in colour, in grey or in black and white."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "page.pdf").write_bytes(pdf)
        resolution = w.pick(RESOLUTIONS[2:] if kind == "black" else RESOLUTIONS)
        options = {"colour": [], "grey": ["-gray"], "black": ["-gray", "-r", "300"]}[kind]
        subprocess.run(["pdftoppm", "-singlefile", "-r", str(resolution), *options, "page.pdf", "page"], cwd=folder,
            check=True, capture_output=True)
        with Image.open(next(Path(folder).glob("page.p?m"))) as file:
            picture = file.copy()
    if kind == "black":
        size = [round(side * resolution * 1.3 / 300) for side in picture.size]
        return (picture.resize(size, Image.BOX).point(lambda value: 255 if value > 150 else 0).convert("1",
            dither=Image.Dither.NONE))
    if w.chance(0.35):
        picture = on_paper(picture, w)
    return picture


def on_paper(picture: Image.Image, w: Writer) -> Image.Image:
    """Scanned: paper that is not quite white, ink that is not quite black, and a sheet that lies not quite straight."""
    grey = picture.mode == "L"
    paper = np.full(3, w.real(0.93, 0.99)) if grey else np.array([w.real(0.95, 1), w.real(0.93, 0.98), w.real(0.86, 0.96)])
    ink = w.real(0.02, 0.14)
    light = np.asarray(picture.convert("RGB"), np.float32) / 255
    sheet = Image.fromarray(np.round((ink + light * (paper - ink)) * 255).astype(np.uint8))
    fill = tuple(int(round(value * 255)) for value in paper)
    sheet = sheet.rotate(w.real(-0.8, 0.8), Image.BICUBIC, fillcolor=fill)
    return sheet.convert("L") if grey else sheet


def printed(browser: Browser, photographs: Photographs, seed: int):
    def make(rng: np.random.Generator, index: int) -> Image.Image:
        w = Writer(rng)
        kind = w.pick(INKS)
        html = page(in_turn(PRINTED, seed, index), rng, photographs, 0)
        if kind == "black":
            html += "<style>img{display:none}</style>"
        return rendered(browser.pdf(html, landscape=w.chance(0.15)), w, kind)
    return make


def groff_text(w: Writer) -> str:
    """A manuscript, a letter, a manual page, or a table, in groff's ms and man macros."""
    lines = [f".nr PS {w.whole(9, 13)}", f".nr VS {w.whole(12, 17)}", f".fam {w.pick(['T', 'P', 'H', 'N', 'B', 'C', 'A'])}"]
    if w.chance(0.6):
        lines += [".TL", w.title(4, 9), ".AU", w.name(), ".AI", w.company(), ".AB", w.paragraph(), ".AE"]
    if w.chance(0.35):
        lines.append(".2C")
    for number in range(w.whole(4, 9)):
        lines += [w.pick([".NH", ".SH"]), w.title(2, 5)]
        for _ in range(w.whole(1, 3)):
            lines += [w.pick([".PP", ".LP"]), w.paragraph(3, 7)]
        if w.chance(0.4):
            lines += [f".IP {w.pick(['•', number + 1, '-'])} 3\n{w.sentence()}" for number in range(w.whole(2, 5))]
        if w.chance(0.35):
            lines += [".TS", w.pick(["center box;", "center allbox;", "center;"]), "l n n.",
                *(f"{w.label()}\t{w.money()}\t{w.money()}" for _ in range(w.whole(3, 8))), ".TE"]
        if w.chance(0.35):
            lines += [".EQ", (f"x sub {w.whole(0, 9)} = sum from k=0 to {w.whole(3, 99)} {{ alpha sup k "
                f"}} over {{ sqrt {{ {w.whole(2, 9)} + beta }} }}"), ".EN"]
    return "\n".join(lines) + "\n"


def typeset(rng: np.random.Generator, index: int) -> Image.Image:
    w = Writer(rng)
    run = (subprocess.run(["groff", "-K", "utf8", "-t", "-e", "-ms", "-Tpdf", "-P-pa4"], input=groff_text(w).encode(),
        capture_output=True, check=True))
    return rendered(run.stdout, w, w.pick(INKS))


def sources(browser: Browser, photographs: Photographs, seed: int) -> list[Source]:
    chromium = "" if browser_program() else "chromium-headless-shell"
    poppler = "" if shutil.which("pdftoppm") else "poppler-utils"
    groff = "" if shutil.which("groff") else "groff"
    return [
        Source("interface", 0.42, shown(browser, photographs, INTERFACES, seed, 0.4), chromium),
        Source("page", 0.26, shown(browser, photographs, PAGES, seed + 1, 0.15), chromium),
        Source("print", 0.18, printed(browser, photographs, seed + 2), chromium or poppler),
        Source("typeset", 0.14, typeset, groff or poppler)]
