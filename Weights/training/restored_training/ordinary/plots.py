"""Charts, diagrams, codes, maps and plans."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from ..effects import smooth_field
from .text import Colour, Hand, accent, canvas, ground_and_ink, mixed


class Plot:
    """A frame with axes, and what is drawn inside: values are shares of it, 0...1 to the right and upwards."""

    def __init__(self, rng: np.random.Generator, image: Image.Image, pen: ImageDraw.ImageDraw, ground: Colour, ink: Colour,
                 frame: tuple[float, float, float, float]):
        self.rng, self.image, self.pen, self.ground, self.ink = rng, image, pen, ground, ink
        self.left, self.top, self.right, self.bottom = frame
        self.colours = [accent(rng) for _ in range(6)]
        self.thick = int(rng.integers(1, 5))

    def at(self, x: float, y: float) -> tuple[float, float]:
        return self.left + x * (self.right - self.left), self.bottom - y * (self.bottom - self.top)

    def axes(self) -> None:
        rng = self.rng
        hand, size = Hand(rng, "la"), rng.choice([8, 9, 10, 12, 14])
        font, faint = hand.font(size), mixed(self.ground, self.ink, rng.uniform(0.1, 0.4))
        if rng.random() < 0.3:
            self.pen.rectangle((self.left, self.top, self.right, self.bottom), fill=mixed(self.ground, self.ink, 0.07))
        for share in np.linspace(0, 1, int(rng.integers(3, 9))):
            if rng.random() < 0.8:
                self.pen.line((self.at(0, share), self.at(1, share)), fill=faint)
            x, y = self.at(0, share)
            self.pen.text((x - size * 2.6, y - size * 0.6), f"{share * 100:.0f}", fill=self.ink, font=font)
            x, y = self.at(share, 0)
            self.pen.text((x - size, y + 3), hand.word()[:5], fill=self.ink, font=font)
        self.pen.line((self.at(0, 1), self.at(0, 0), self.at(1, 0)), fill=self.ink, width=int(rng.integers(1, 3)))
        if rng.random() < 0.7:
            title = hand.font(size * 1.5)
            self.pen.text((self.left, self.top - size * 2), hand.line(title, (self.right - self.left) * 0.6), fill=self.ink, font=title)


def curve(rng: np.random.Generator, count: int = 40) -> np.ndarray:
    walk = np.cumsum(rng.normal(0, 1, count))
    values = walk if rng.random() < 0.6 else np.sin(np.linspace(0, rng.uniform(2, 25), count) + rng.uniform(0, 6))
    return 0.05 + 0.9 * (values - values.min()) / max(np.ptp(values), 1e-6)


def lines(plot: Plot) -> None:
    for colour in plot.colours[:int(plot.rng.integers(1, 6))]:
        values = curve(plot.rng) * plot.rng.uniform(0.4, 1)
        points = [plot.at(x, y) for x, y in zip(np.linspace(0, 1, len(values)), values)]
        if plot.rng.random() < 0.25:
            plot.pen.polygon([plot.at(0, 0), *points, plot.at(1, 0)], fill=mixed(plot.ground, colour, 0.5))
        plot.pen.line(points, fill=colour, width=plot.thick, joint="curve")


def bars(plot: Plot) -> None:
    count, groups = int(plot.rng.integers(3, 20)), int(plot.rng.integers(1, 4))
    for number in range(count):
        for group in range(groups):
            left, right = ((number + 0.1 + 0.8 * (group + part) / groups) / count for part in (0, 1))
            plot.pen.rectangle((*plot.at(left, plot.rng.uniform(0.05, 1)), *plot.at(right, 0)), fill=plot.colours[group])


def points(plot: Plot) -> None:
    for colour in plot.colours[:int(plot.rng.integers(1, 5))]:
        centre, spread, radius = plot.rng.uniform(0.2, 0.8, 2), plot.rng.uniform(0.03, 0.2), plot.rng.uniform(1.5, 5)
        for place in plot.rng.normal(centre, spread, (int(plot.rng.integers(10, 150)), 2)).clip(0, 1):
            x, y = plot.at(*place)
            plot.pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def pie(plot: Plot) -> None:
    side = min(plot.right - plot.left, plot.bottom - plot.top)
    box, start = (plot.left, plot.top, plot.left + side, plot.top + side), plot.rng.uniform(0, 360)
    for share, colour in zip(plot.rng.dirichlet(np.ones(6)), plot.colours):
        plot.pen.pieslice(box, start, start + 360 * share, fill=colour, outline=plot.ground)
        start += 360 * share
    if plot.rng.random() < 0.4:
        inner = side * plot.rng.uniform(0.2, 0.35)
        plot.pen.ellipse((box[0] + inner, box[1] + inner, box[2] - inner, box[3] - inner), fill=plot.ground)


def heat(plot: Plot) -> None:
    rows, columns = (int(count) for count in plot.rng.integers(3, 25, 2))
    field = smooth_field(plot.rng, max(rows, 4), max(columns, 4), 3)
    cool, warm = plot.colours[:2]
    for row in range(rows):
        for column in range(columns):
            corner, opposite = plot.at(column / columns, (row + 1) / rows), plot.at((column + 1) / columns, row / rows)
            plot.pen.rectangle((*corner, *opposite), fill=mixed(cool, warm, field[row, column]))


def chart(rng: np.random.Generator, height: int, width: int, photograph: np.ndarray) -> np.ndarray:
    """One chart, or several side by side."""
    ground, ink = ground_and_ink(rng)
    image, pen = canvas(height, width, ground)
    rows, columns = (int(count) for count in rng.choice([1, 1, 1, 2], 2))
    for row in range(rows):
        for column in range(columns):
            frame = ((column + rng.uniform(0.08, 0.18)) * width / columns, (row + rng.uniform(0.06, 0.18)) * height / rows,
                     (column + rng.uniform(0.8, 0.97)) * width / columns, (row + rng.uniform(0.8, 0.92)) * height / rows)
            plot, inside = Plot(rng, image, pen, ground, ink, frame), [lines, lines, bars, bars, points, pie, heat][int(rng.integers(7))]
            if inside is not pie:
                plot.axes()
            inside(plot)
    return np.asarray(image)


def diagram(rng: np.random.Generator, height: int, width: int, photograph: np.ndarray) -> np.ndarray:
    """Boxes and rounds with words, and arrows between them."""
    ground, ink = ground_and_ink(rng)
    image, pen = canvas(height, width, ground)
    hand, size = Hand(rng), float(rng.choice([9, 11, 13, 16]))
    font, tint = hand.font(size), [mixed(ground, accent(rng), rng.uniform(0.2, 0.9)) for _ in range(4)]
    places = [(rng.uniform(0.1, 0.9) * width, rng.uniform(0.1, 0.9) * height) for _ in range(int(rng.integers(3, 14)))]
    for one, other in zip(places, places[1:] + [places[int(rng.integers(len(places)))]]):
        corner = [one, (one[0], other[1]), other] if rng.random() < 0.5 else [one, other]
        pen.line(corner, fill=ink, width=int(rng.integers(1, 4)))
    for x, y in places:
        wide, high = rng.uniform(2, 6) * size, rng.uniform(1, 2.5) * size
        shape = pen.ellipse if rng.random() < 0.3 else pen.rectangle
        shape((x - wide, y - high, x + wide, y + high), fill=tint[int(rng.integers(4))], outline=ink, width=int(rng.integers(1, 3)))
        pen.text((x - wide * 0.8, y - size * 0.6), hand.line(font, wide * 1.5), fill=ink, font=font)
    return np.asarray(image)


def code(rng: np.random.Generator, height: int, width: int, photograph: np.ndarray) -> np.ndarray:
    """A square code with three finders, or bars; alone, or on a label with words."""
    ground, ink = ground_and_ink(rng) if rng.random() < 0.3 else ((255, 255, 255), (0, 0, 0))
    image, pen = canvas(height, width, ground)
    side = int(min(height, width) * rng.uniform(0.35, 0.97))
    left, top = (width - side) // 2, int((height - side) * rng.uniform(0.1, 0.9))
    if rng.random() < 0.65:
        count = int(rng.choice([21, 25, 29, 33, 45, 57]))
        cells = rng.random((count, count)) < 0.5
        finder = np.pad(np.pad(np.ones((3, 3), bool), 1), 1, constant_values=True)
        for rows, columns in ((np.s_[:7], np.s_[:7]), (np.s_[:7], np.s_[-7:]), (np.s_[-7:], np.s_[:7])):
            cells[rows, columns] = finder
        cells[7, :8] = cells[:8, 7] = cells[7, -8:] = cells[:8, -8] = cells[-8:, 7] = cells[-8, :8] = False
        picture = np.where(cells[..., None], np.array(ink), np.array(ground)).astype(np.uint8)
        image.paste(Image.fromarray(picture).resize((side, side), Image.NEAREST), (left, top))
    else:
        edges = np.cumsum(rng.choice([1, 1, 2, 3], 400)) * max(1, side // 150)
        for start, end in zip(edges[::2], edges[1::2]):
            if end < side:
                pen.rectangle((left + start, top, left + end - 1, top + side * 0.6), fill=ink)
    font = Hand(rng, "la").font(max(9, side / 14))
    pen.text((left, min(top + side + 4, height - 20)), str(rng.integers(10**11, 10**12)), fill=ink, font=font)
    return np.asarray(image)


def plan(rng: np.random.Generator, height: int, width: int, photograph: np.ndarray) -> np.ndarray:
    """A map: areas of flat colours, roads, names; or a plan of lines alone, as of rooms or a maze."""
    ground, ink = ground_and_ink(rng)
    image, pen = canvas(height, width, ground)
    if rng.random() < 0.4:
        step = int(rng.integers(8, 40))
        for x in range(step, width - step, step):
            for y in range(step, height - step, step):
                end = (x + step, y) if rng.random() < 0.5 else (x, y + step)
                if rng.random() < 0.75:
                    pen.line((x, y, *end), fill=ink, width=int(max(1, step * 0.15)))
        return np.asarray(image)
    field = smooth_field(rng, height, width, rng.uniform(2, 7), 3)
    levels = np.digitize(field, np.sort(rng.uniform(0.2, 0.8, int(rng.integers(1, 6)))))
    colours = np.array([mixed(ground, accent(rng), rng.uniform(0.1, 0.6)) for _ in range(8)], np.uint8)
    image.paste(Image.fromarray(colours[levels]))
    for _ in range(int(rng.integers(4, 25))):
        ends = rng.uniform(-0.1, 1.1, (int(rng.integers(2, 5)), 2)) * (width, height)
        thick, colour = int(rng.integers(1, 9)), accent(rng) if rng.random() < 0.4 else (255, 255, 255)
        path = [tuple(end) for end in ends]
        pen.line(path, fill=mixed(colour, (0, 0, 0), 0.3), width=thick + 2, joint="curve")
        pen.line(path, fill=colour, width=thick, joint="curve")
    hand = Hand(rng)
    for _ in range(int(rng.integers(0, 25))):
        pen.text(tuple(rng.uniform(0, 0.9, 2) * (width, height)), hand.word(), fill=ink, font=hand.font(rng.integers(8, 18)))
    return np.asarray(image)
