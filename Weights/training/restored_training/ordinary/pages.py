"""Documents: articles, letters, forms, receipts, listings, tables and sheets of notes, as printed or as scanned."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .text import Colour, Hand, accent, canvas, ground_and_ink, mixed, paste_picture


def document(rng: np.random.Generator, height: int, width: int, photograph: np.ndarray) -> np.ndarray:
    ground, ink = ground_and_ink(rng)
    image, pen = canvas(height, width, ground)
    kind = str(rng.choice(["article", "article", "letter", "form", "receipt", "listing", "table", "notes", "slide"]))
    PAGES[kind](Page(rng, image, pen, ground, ink, photograph))
    page = np.asarray(image)
    return scanned(page, rng) if rng.random() < 0.3 else page


class Page:
    """What is drawn on, and where the next line goes."""

    def __init__(self, rng: np.random.Generator, image: Image.Image, pen: ImageDraw.ImageDraw, ground: Colour, ink: Colour,
                 photograph: np.ndarray):
        self.rng, self.image, self.pen, self.ground, self.ink, self.photograph = rng, image, pen, ground, ink, photograph
        self.width, self.height = image.size
        self.hand = Hand(rng)
        self.size = float(rng.choice([8, 9, 10, 11, 12, 13, 14, 16, 18, 22, 28]))
        self.margin = int(min(image.size) * rng.uniform(0.02, 0.12))
        self.spacing = self.size * rng.uniform(1.1, 1.9)

    def paragraph(self, left: float, top: float, right: float, bottom: float, size: float | None = None) -> float:
        """Lines of words, the last one short; returns where they end."""
        size = size or self.size
        font = self.hand.font(size)
        spacing = self.spacing * size / self.size
        lines = int(self.rng.integers(1, 12))
        for number in range(lines):
            if top + spacing > bottom:
                break
            reach = (right - left) * (self.rng.uniform(0.2, 0.9) if number == lines - 1 else 1)
            self.pen.text((left, top), self.hand.line(font, reach), fill=self.ink, font=font)
            top += spacing
        return top + spacing * self.rng.uniform(0.2, 0.9)

    def heading(self, left: float, top: float, right: float) -> float:
        font = self.hand.font(self.size * self.rng.uniform(1.3, 3))
        fill = accent(self.rng) if self.rng.random() < 0.3 else self.ink
        self.pen.text((left, top), self.hand.line(font, (right - left) * self.rng.uniform(0.3, 0.95)), fill=fill, font=font)
        return top + font.size * 1.5

    def picture(self, left: float, top: float, right: float) -> float:
        high = (right - left) * self.rng.uniform(0.4, 0.9)
        paste_picture(self.image, self.photograph, (int(left), int(top), int(right), int(min(top + high, self.height - self.margin))))
        return top + high + self.spacing


def article(page: Page) -> None:
    rng = page.rng
    columns = int(rng.choice([1, 1, 2, 2, 3]))
    gap = page.size * 1.5
    wide = (page.width - 2 * page.margin - gap * (columns - 1)) / columns
    start = page.heading(page.margin, page.margin, page.width - page.margin) if rng.random() < 0.6 else page.margin
    for column in range(columns):
        left, top = page.margin + column * (wide + gap), start
        while top < page.height - page.margin:
            draw = rng.random()
            if draw < 0.12:
                top = page.heading(left, top, left + wide)
            elif draw < 0.2:
                top = page.picture(left, top, left + wide)
            elif draw < 0.28:
                page.pen.line((left, top, left + wide, top), fill=mixed(page.ink, page.ground, 0.5), width=int(rng.integers(1, 3)))
                top += page.spacing
            else:
                top = page.paragraph(left, top, left + wide, page.height - page.margin)


def letter(page: Page) -> None:
    top = page.margin * 1.5 + 0.0
    for share in page.rng.uniform(0.2, 1, int(page.rng.integers(3, 8))):
        font = page.hand.font(page.size)
        page.pen.text((page.margin, top), page.hand.line(font, page.width * 0.35 * share), fill=page.ink, font=font)
        top += page.spacing
    top += page.spacing * 2
    while top < page.height * page.rng.uniform(0.6, 0.95):
        top = page.paragraph(page.margin, top, page.width - page.margin, page.height - page.margin)


def form(page: Page) -> None:
    rng = page.rng
    top, tint = page.heading(page.margin, page.margin, page.width - page.margin), mixed(page.ground, page.ink, 0.08)
    font = page.hand.font(page.size)
    while top < page.height - page.margin - page.size:
        left = page.margin
        while left < page.width - page.margin - 30:
            wide = rng.uniform(0.15, 0.6) * page.width
            right = min(left + wide, page.width - page.margin)
            page.pen.rectangle((left, top, right, top + page.spacing * 1.6), outline=page.ink, fill=tint if rng.random() < 0.3 else None)
            if rng.random() < 0.7:
                page.pen.text((left + 3, top + 2), page.hand.line(font, (right - left) * 0.7), fill=page.ink, font=font)
            left = right + rng.choice([0, 6])
        top += page.spacing * rng.choice([1.6, 2, 2.5])


def receipt(page: Page) -> None:
    rng, font = page.rng, page.hand.font(page.size)
    wide = min(page.width - 2 * page.margin, page.size * 22)
    left, top = (page.width - wide) / 2, page.margin
    while top < page.height - page.margin:
        page.pen.text((left, top), page.hand.line(font, wide * rng.uniform(0.3, 0.7)), fill=page.ink, font=font)
        price = f"{rng.uniform(0, 300):.2f}"
        page.pen.text((left + wide - font.getlength(price), top), price, fill=page.ink, font=font)
        top += page.spacing * rng.choice([1, 1, 1, 2])


def listing(page: Page) -> None:
    rng, font = page.rng, page.hand.font(page.size)
    colours = [accent(rng) if rng.random() < 0.6 else page.ink for _ in range(5)]
    top, depth = page.margin, 0
    while top < page.height - page.margin:
        left = page.margin + depth * page.size * 1.8
        for _ in range(int(rng.integers(0, 6))):
            word = page.hand.word() + str(rng.choice(["", "(", ")", " =", ".", ";", ":"]))
            page.pen.text((left, top), word, fill=colours[int(rng.integers(5))], font=font)
            left += font.getlength(word + " ")
        depth = int(np.clip(depth + rng.integers(-1, 2), 0, 6))
        top += page.spacing


def table(page: Page) -> None:
    rng, font = page.rng, page.hand.font(page.size)
    edges = np.cumsum(rng.uniform(2, 9, 40)) * page.size + page.margin
    edges = [float(page.margin), *edges[edges < page.width - page.margin]]
    shade, top, row = mixed(page.ground, accent(rng), 0.2), page.margin, 0
    ruled = rng.random() < 0.6
    while top < page.height - page.margin:
        if row == 0 or (row % 2 and rng.random() < 0.7):
            page.pen.rectangle((edges[0], top, edges[-1], top + page.spacing * 1.3), fill=shade)
        for left, right in zip(edges, edges[1:]):
            words = page.hand.line(font, (right - left) * rng.uniform(0.3, 0.9))
            page.pen.text((left + 3, top + page.size * 0.2), words, fill=page.ink, font=font)
            if ruled:
                page.pen.rectangle((left, top, right, top + page.spacing * 1.3), outline=mixed(page.ground, page.ink, 0.5))
        top, row = top + page.spacing * 1.3, row + 1


def notes(page: Page) -> None:
    """Staves with notes."""
    rng, step = page.rng, max(3, page.size / 2)
    top = page.margin
    while top + 6 * step < page.height - page.margin:
        for line in range(5):
            page.pen.line((page.margin, top + line * step, page.width - page.margin, top + line * step), fill=page.ink)
        left = page.margin + 4 * step
        while left < page.width - page.margin - 2 * step:
            y = top + rng.integers(-2, 10) * step / 2
            page.pen.ellipse((left, y, left + step * 1.3, y + step), fill=page.ink if rng.random() < 0.8 else None, outline=page.ink)
            page.pen.line((left + step * 1.3, y + step / 2, left + step * 1.3, y - step * 3), fill=page.ink)
            left += rng.uniform(1.6, 5) * step
        top += step * rng.uniform(8, 12)


def slide(page: Page) -> None:
    rng = page.rng
    page.size, page.spacing = page.size * 1.6, page.spacing * 1.8
    top = page.heading(page.margin, page.margin, page.width - page.margin) + page.size
    if rng.random() < 0.4:
        page.picture(page.width * 0.55, top, page.width - page.margin)
    font = page.hand.font(page.size)
    while top < page.height - page.margin - page.size:
        page.pen.ellipse((page.margin, top + page.size * 0.3, page.margin + page.size * 0.4, top + page.size * 0.7), fill=accent(rng))
        page.pen.text((page.margin + page.size, top), page.hand.line(font, page.width * rng.uniform(0.2, 0.45)), fill=page.ink, font=font)
        top += page.spacing * 1.4


PAGES = {"article": article, "letter": letter, "form": form, "receipt": receipt, "listing": listing, "table": table, "notes": notes,
         "slide": slide}


def scanned(page: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As a scanner or a fax gives it: grey or of two tones, a little askew, paper that is not quite white."""
    image = Image.fromarray(page)
    corner = page[0, 0]
    if rng.random() < 0.6:
        image = image.rotate(rng.normal(0, 1.2), Image.BICUBIC, fillcolor=tuple(int(value) for value in corner))
    if rng.random() < 0.5:
        image = image.convert("L").convert("RGB")
    values = np.asarray(image)
    if rng.random() < 0.2:
        return np.where(values.mean(axis=2, keepdims=True) > 140, 255, 0).repeat(3, axis=2).astype(np.uint8)
    black, white = rng.uniform(0, 60), rng.uniform(215, 255)
    return (black + values * ((white - black) / 255.0) * rng.uniform(0.96, 1, 3)).clip(0, 255).astype(np.uint8)
