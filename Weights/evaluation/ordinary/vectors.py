"""Flat drawings as SVG: landscapes, cities, faces, logos, plans, maps, patterns, line art and comic strips."""

from __future__ import annotations

import numpy as np
from PIL import Image

from .icons import rasterised
from .theme import SANS, SERIF, colour
from .writer import Writer


def path(points: np.ndarray, closed: bool = True) -> str:
    return "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in points) + (" Z" if closed else "")


def text(w: Writer, x: float, y: float, size: float, words: str, more: str = "") -> str:
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:.1f}" font-family="'
        f'{w.pick(SANS + SERIF)}" {more}>{words.replace("&", "&amp;")}</text>')


def landscape(w: Writer, width: int, height: int) -> str:
    hue, night = w.real(0, 1), w.chance(0.3)
    top, low = ((colour(hue, 0.1, 0.5), colour(hue, 0.25, 0.5)) if night
        else (colour(w.real(0.5, 0.62), 0.6, 0.6), colour(w.real(0, 1), 0.85, 0.6)))
    sky = (f'<linearGradient id="g" x2="0" y2="1"><stop stop-color="{top}"/>'
        f'<stop offset="1" stop-color="{low if w.chance(0.7) else top}"/></linearGradient>'
        f'<rect width="{width}" height="{height}" fill="url(#g)"/>')
    sun = (f'<circle cx="{w.real(0.1, 0.9) * width}" cy="{w.real(0.1, 0.4) * height}" '
        f'r="{w.real(0.05, 0.12) * height}" fill="{w.pick(["#fff3c4", "#ffd34d", "#f4f1de", "#ff8f5a"])}"/>')
    out = [sky, sun]
    for layer in range(w.whole(3, 5)):
        base, rough = height * (0.4 + 0.14 * layer), height * w.real(0.03, 0.12)
        x = np.linspace(0, width, w.pick([7, 12, 80]))
        y = base + rough * np.interp(x, np.linspace(0, width, 9), w.rng.normal(0, 1, 9))
        out.append(f'<path d="{path(np.concatenate([np.stack([x, y], 1), [[width, height], [0, height]]]))}" '
            f'fill="{colour(hue + 0.03 * layer, (0.3 if night else 0.62) - 0.09 * layer if layer < 4 else 0.05, 0.45)}"/>')
    for _ in range(w.whole(3, 14)):
        x, y, size = w.real(0, width), w.real(0.75, 0.98) * height, w.real(0.04, 0.12) * height
        leaf = colour(w.real(0.22, 0.42), w.real(0.2, 0.4), 0.5)
        crown = (f'<circle cx="{x}" cy="{y - size * 1.3}" r="{size * 0.6}" fill="{leaf}"/>' if w.chance(0.5) else
            f'<path d="{path(np.array([[x - size / 2, y - size * .5], [x, y - size * 2], [x + size / 2, y - size * .5]]))}" '
            f'fill="{leaf}"/>')
        out.append(f'<rect x="{x - size * .08}" y="{y - size}" width="{size * .16}" height="{size}" fill="#5b4030"/>{crown}')
    for _ in range(w.whole(0, 4)):
        x, y, r = w.real(0, width), w.real(0.08, 0.3) * height, w.real(0.02, 0.05) * height
        out.append(f'<g fill="#fff" opacity="{w.pick([1, .9])}"><circle cx="{x}" cy="{y}" r="{r}"/>'
            f'<circle cx="{x + r * 1.2}" cy="{y - r * .5}" r="{r * 1.2}"/><circle cx="{x + r * 2.5}" cy="{y}" r="{r}"/>'
            f'<rect x="{x}" y="{y}" width="{r * 2.5}" height="{r}"/></g>')
    return "".join(out)


def city(w: Writer, width: int, height: int) -> str:
    hue = w.real(0, 1)
    out, x = [f'<rect width="{width}" height="{height}" fill="{colour(hue, w.pick([0.12, 0.9, 0.8]), 0.4)}"/>'], 0.0
    while x < width:
        wide, tall = w.real(0.06, 0.16) * width, w.real(0.25, 0.85) * height
        wall = colour(hue + w.real(-0.1, 0.1), w.real(0.3, 0.6), 0.4)
        out.append(f'<rect x="{x:.0f}" y="{height - tall:.0f}" width="{wide:.0f}" height="{tall:.0f}" fill="{wall}"/>')
        step = wide / w.whole(3, 6)
        for row in np.arange(height - tall + step * 0.6, height - step, step * 1.3):
            for column in np.arange(x + step * 0.3, x + wide - step * 0.6, step):
                out.append(f'<rect x="{column:.1f}" y="{row:.1f}" width="{step * .5:.1f}" height="'
                    f'{step * .7:.1f}" fill="{w.pick(["#ffe9a8", "#fff", colour(hue, 0.25, 0.3)])}"/>')
        x += wide + w.pick([0, 0, 8])
    return "".join(out)


def character(w: Writer, x: float, y: float, size: float) -> str:
    skin, hair, shirt = (w.pick(["#f6d3b3", "#d9a066", "#8d5b3c", "#ffe0c2", "#9ad17b", "#ffd93b"]),
        w.pick(["#2b1b12", "#7a4a21", "#d8a133", "#b33", "#555"]), colour(w.real(0, 1), 0.5, 0.7))
    line = f'stroke="#1a1a1a" stroke-width="{size * .03:.1f}" stroke-linejoin="round"' if w.chance(0.6) else ""
    smile = w.real(-0.12, 0.25) * size
    return (f'<g transform="translate({x:.0f},{y:.0f})"><path d="M{-size * .6} {size * 1.4} Q{-size * .55} {size * .5} 0 '
        f'{size * .45} Q{size * .55} {size * .5} {size * .6} {size * 1.4} Z" fill="{shirt}" {line}/>'
        f'<circle r="{size * .5}" fill="{skin}" {line}/>'
        f'<path d="M{-size * .52} {-size * .05} Q{-size * .5} {-size * .65} 0 '
        f'{-size * .6} Q{size * .5} {-size * .65} {size * .52} {-size * .05} Q'
        f'{size * w.real(-.2, .2)} {-size * .5} {-size * .52} {-size * .05} Z" fill="{hair}" {line}/>' + "".join(
        (f'<ellipse cx="{side * size * .18}" cy="{-size * .02}" rx="{size * .07}" '
        f'ry="{size * .1}" fill="#fff" {line}/><circle cx="{side * size * .17}" cy="0" r="{size * .035}"/>')
        for side in (-1, 1)) + f'<path d="M{-size * .18} {size * .22} Q0 {size * .22 + smile} '
        f'{size * .18} {size * .22}" fill="none" stroke="#1a1a1a" stroke-width="{size * .03:.1f}"/></g>')


def comic(w: Writer, width: int, height: int) -> str:
    columns, rows, out = w.whole(1, 3), w.whole(1, 2), [f'<rect width="{width}" height="{height}" fill="#fff"/>']
    for row in range(rows):
        for column in range(columns):
            x, y, wide, tall = column * width / columns + 8, row * height / rows + 8, width / columns - 16, height / rows - 16
            size = min(wide, tall) * 0.3
            people = "".join(character(w, x + wide * at, y + tall * 0.68, size) for at in w.pick([[0.5], [0.28, 0.74]]))
            bubble = (f'<ellipse cx="{x + wide / 2}" cy="{y + tall * .17}" rx="{wide * .42}" ry="'
                f'{tall * .13}" fill="#fff" stroke="#111" stroke-width="2"/>'
                + text(w, x + wide / 2, y + tall * .19, max(10, tall * .055), w.words(3), 'text-anchor="middle"'))
            clip = f"c{row}{column}"
            out.append(f'<clipPath id="{clip}"><rect x="{x}" y="{y}" width="{wide}" height="{tall}"/></clipPath>'
                f'<g clip-path="url(#{clip})">'
                f'<rect x="{x}" y="{y}" width="{wide}" height="{tall}" fill="{colour(w.real(0, 1), .8, .6)}"/>'
                f'{people}{bubble if w.chance(.8) else ""}</g>'
                f'<rect x="{x}" y="{y}" width="{wide}" height="{tall}" fill="none" stroke="#111" stroke-width="3"/>')
    return "".join(out)


def logo(w: Writer, width: int, height: int) -> str:
    hue, middle, r = w.real(0, 1), (width / 2, height * 0.42), min(width, height) * 0.24
    ground = w.pick(["#fff", "#fff", "#111", colour(hue, 0.9, 0.4), colour(hue, 0.3, 0.7)])
    ink = "#fff" if ground in ("#111",) or ground == colour(hue, 0.3, 0.7) else colour(hue, 0.35, 0.8)
    count = w.whole(3, 8)
    petals = ("".join((f'<g transform="translate({middle[0]},{middle[1]}) rotate({360 * n / count})">'
        f'{w.pick(["E", "E"]) and shape}</g>') for shape in [w.pick([
        f'<ellipse cy="{-r * .55}" rx="{r * .25}" ry="{r * .5}" fill="{ink}" opacity=".8"/>',
        f'<path d="M0 0 L{r * .3} {-r} L{-r * .3} {-r} Z" fill="{ink}"/>',
        f'<circle cy="{-r * .6}" r="{r * .3}" fill="{ink}"/>',
        (f'<path d="M0 0 Q{r} {-r * .5} 0 {-r} Q{-r * .3} {-r * .5} 0 0" fill="'
        f'{ink}" stroke="{ground}" stroke-width="3"/>')])] for n in range(count)))
    name = (text(w, width / 2, height * 0.86, min(height * 0.12, width / 9), w.company(),
        f'text-anchor="middle" fill="{ink}" font-weight="{w.pick([400, 700])}"'))
    return f'<rect width="{width}" height="{height}" fill="{ground}"/>{petals}{name if w.chance(.85) else ""}'


def plan(w: Writer, width: int, height: int) -> str:
    """A floor plan or a technical drawing with measures."""
    ink, ground = w.pick([("#111", "#fff"), ("#dfeaff", "#1c3f7a"), ("#333", "#faf7ee")])
    out = [f'<rect width="{width}" height="{height}" fill="{ground}"/>']
    def split(x, y, wide, tall, depth):
        if depth == 0 or min(wide, tall) < 90:
            out.append(text(w, x + wide / 2, y + tall / 2, 13, w.label(), f'text-anchor="middle" fill="{ink}"')
                + text(w, x + wide / 2, y + tall / 2 + 16, 11, f"{wide * tall / 4000:.1f} m²",
                f'text-anchor="middle" fill="{ink}"'))
            return
        share = w.real(0.35, 0.65)
        if wide > tall:
            at = x + wide * share
            out.append(f'<path d="M{at} {y} V{y + tall * .6} M{at} {y + tall * .8} V{y + tall}" '
                f'stroke="{ink}" stroke-width="5"/><path d="M{at} {y + tall * .6} A{tall * .2} {tall * .2} 0 0 1 '
                f'{at + tall * .2} {y + tall * .8} H{at}" stroke="{ink}" fill="none"/>')
            split(x, y, wide * share, tall, depth - 1), split(at, y, wide * (1 - share), tall, depth - 1)
        else:
            at = y + tall * share
            out.append(f'<path d="M{x} {at} H{x + wide * .3} M{x + wide * .5} {at} H{x + wide}" '
                f'stroke="{ink}" stroke-width="5"/>')
            split(x, y, wide, tall * share, depth - 1), split(x, at, wide, tall * (1 - share), depth - 1)
    edge = 60
    out.append(f'<rect x="{edge}" y="{edge}" width="{width - 2 * edge}" height="'
        f'{height - 2 * edge}" fill="none" stroke="{ink}" stroke-width="8"/>'
        f'<path d="M{edge} 30 H{width - edge} M{edge} 22 V38 M{width - edge} 22 V38" stroke="{ink}"/>'
        + text(w, width / 2, 24, 13, f"{width * 11}", f'text-anchor="middle" fill="{ink}"'))
    split(edge, edge, width - 2 * edge, height - 2 * edge, w.whole(2, 4))
    return "".join(out)


def regions(w: Writer, width: int, height: int) -> str:
    """A political or weather map: countries round random capitals, with names and a key."""
    count, sea = w.whole(8, 22), w.pick(["#cfe6f2", "#fff", "#22384d"])
    capitals = w.rng.uniform(0.05, 0.95, (count, 2)) * (width, height)
    small = (width // 4, height // 4)
    y, x = np.mgrid[:small[1], :small[0]] * 4.0
    wobble = 14 * np.sin(x / 37 + w.real(0, 6)) + 14 * np.cos(y / 29 + w.real(0, 6))
    nearest = np.argmin([np.hypot(x + wobble - cx, y + wobble - cy) for cx, cy in capitals], 0)
    out, hue, spread = [f'<rect width="{width}" height="{height}" fill="{sea}"/>'], w.real(0, 1), w.pick([0.08, 1])
    for number in range(count):
        inside = nearest == number
        rows = np.flatnonzero(inside.any(1))
        if len(rows) < 3 or w.chance(0.2):
            continue
        left = [(np.flatnonzero(inside[row])[0] * 4.0, row * 4.0) for row in rows]
        right = [(np.flatnonzero(inside[row])[-1] * 4.0 + 4, row * 4.0) for row in rows[::-1]]
        out.append(
            f'<path d="{path(np.array(left + right))}" fill="{colour(hue + w.real(0, spread), w.real(.55, .85), .5)}" '
            'stroke="#555" stroke-width="1.5" stroke-linejoin="round"/>')
        cx, cy = capitals[number]
        out.append(f'<circle cx="{cx}" cy="{cy}" r="3"/>'
            + text(w, cx + 6, cy + 4, w.pick([11, 13, 17]), w.surname(), 'fill="#222"'))
    return "".join(out)


def pattern(w: Writer, width: int, height: int) -> str:
    hue, step = w.real(0, 1), w.whole(24, 110)
    inks = [colour(hue + w.pick([0, 0.1, 0.5]), w.real(0.2, 0.85), 0.6) for _ in range(4)]
    tile = w.pick(["circles", "triangles", "waves", "stripes", "squares", "hexes"])
    out = [f'<rect width="{width}" height="{height}" fill="{inks[0]}"/>']
    for row in range(-1, height // step + 2):
        for column in range(-1, width // step + 2):
            x, y, ink = column * step + (row % 2) * step / 2, row * step, w.pick(inks)
            out.append({"circles": f'<circle cx="{x}" cy="{y}" r="{step * .4}" fill="{ink}"/>',
                "triangles": f'<path d="M{x} {y} h{step} l{-step / 2} {step} Z" fill="{ink}"/>', "waves":
                (f'<path d="M{x} {y} q{step / 4} {-step / 3} {step / 2} 0 t{step / 2} 0" fill="none" '
                f'stroke="{inks[1]}" stroke-width="{step / 9}"/>'), "stripes":
                (f'<rect x="{x}" y="{y}" width="{step / 2}" height="{step}" fill="'
                f'{inks[1]}"/>'), "squares": (f'<rect x="{x}" y="{y}" width="{step * .8}" height="{step * .8}" fill="'
                f'{ink}" transform="rotate(45 {x} {y})"/>'), "hexes":
                f'<path d="M{x} {y} l{step * .5} {step * .3} v{step * .6} l{-step * .5} '
                f'{step * .3} l{-step * .5} {-step * .3} v{-step * .6} Z" fill="{ink}" stroke="#fff"/>'}[tile])
    return "".join(out)


def line_art(w: Writer, width: int, height: int) -> str:
    """To colour in: a mandala of closed shapes, or strokes of a pen that follow each other."""
    ink, ground = w.pick([("#111", "#fff"), ("#111", "#fff"), ("#f2e6c9", "#14213d"), ("#8a1c1c", "#fbf3e4")])
    out, middle = ([(f'<rect width="{width}" height="{height}" fill="{ground}"/>'
        f'<g fill="none" stroke="{ink}" stroke-width="{w.real(1, 3):.1f}" stroke-linejoin="round">')],
        (width / 2, height / 2))
    if w.chance(0.5):
        for ring in range(w.whole(4, 8)):
            r, count = min(width, height) * 0.06 * (ring + 1), w.pick([6, 8, 12, 16, 24])
            shape = (w.pick([f'<circle cy="{-r}" r="{r * 2.6 / count:.1f}"/>',
                (f'<path d="M0 {-r} q{r * 3 / count:.1f} {-r * .3:.1f} 0 {-r * .45:.1f} q'
                f'{-r * 3 / count:.1f} {r * .15:.1f} 0 {r * .45:.1f}"/>'),
                (f'<path d="M{-r * 3 / count:.1f} {-r * .9} L0 {-r * 1.25} L{r * 3 / count:.1f} '
                f'{-r * .9}"/>')]))
            out.append("".join(f'<g transform="translate({middle[0]},{middle[1]}) rotate({360 * n / count})">{shape}</g>'
                for n in range(count)))
    else:
        x = np.linspace(0, width, 140)
        shape = sum(w.real(0.2, 1) * np.sin(x / width * w.real(3, 26) + w.real(0, 6)) for _ in range(4))
        bump = np.exp(-((x - width * w.real(0.3, 0.7)) / (width * w.real(0.1, 0.25))) ** 2)
        count = w.whole(14, 46)
        for n in range(count):
            y = height * (n + 1.5) / (count + 2) + shape * 4 - bump * height * 0.16 * np.sin(np.pi * n / count)
            out.append(f'<path d="{path(np.stack([x, y], 1), False)}"/>')
    return "".join(out) + "</g>"


def infographic(w: Writer, width: int, height: int) -> str:
    hue = w.real(0, 1)
    ground, ink = w.pick([("#fff", "#222"), (colour(hue, 0.93, 0.5), "#222"), (colour(hue, 0.16, 0.4), "#fff")])
    out = ([f'<rect width="{width}" height="{height}" fill="{ground}"/>'
        + text(w, width * .05, height * .1, width / 22, w.title(2, 5), f'fill="{ink}" font-weight="700"')])
    count = w.whole(3, 6)
    for n in range(count):
        y, tall, fill = (height * (0.17 + 0.8 * n / count), height * 0.8 / count,
            colour(hue + n * w.pick([0.04, 0.16]), 0.5, 0.6))
        out.append(w.pick([f'<circle cx="{width * .1}" cy="{y + tall / 2}" r="{tall * .32}" fill="{fill}"/>',
            (f'<path d="M{width * .04} {y} h{width * .14} l{width * .03} {tall * .4} l'
            f'{-width * .03} {tall * .4} h{-width * .14} Z" fill="{fill}"/>')])
            + text(w, width * .1, y + tall * .58, tall * .26, f"{w.whole(1, 99)}%", 'fill="#fff" text-anchor="middle"')
            + text(w, width * .25, y + tall * .4, max(12, width / 38), w.title(2, 4), f'fill="{fill}"')
            + text(w, width * .25, y + tall * .68, max(10, width / 56), w.sentence(5, 9), f'fill="{ink}"'))
    return "".join(out)


DRAWINGS = [landscape, logo, comic, plan, city, line_art, regions, infographic, pattern]


def vector_drawing(rng: np.random.Generator, index: int) -> Image.Image:
    w = Writer(rng)
    width, height = w.pick([(640, 480), (512, 512), (900, 600), (480, 720), (1200, 675), (760, 400), (360, 360)])
    drawing = DRAWINGS[index % len(DRAWINGS)](w, width, height)
    svg = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} '
        f'{height}" width="{width}" height="{height}">{drawing}</svg>')
    return rasterised(svg.encode(), int(max(width, height) * w.pick([0.75, 1, 1, 1.3]))).convert("RGB")
