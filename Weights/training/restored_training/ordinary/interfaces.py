"""Screenshots: windows, pages of the web, chats, editors, sheets, dashboards and telephones, light and dark."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .text import Colour, Hand, accent, canvas, mixed, paste_picture


class Screen:
    def __init__(self, rng: np.random.Generator, height: int, width: int, photograph: np.ndarray):
        self.rng, self.photograph = rng, photograph
        is_dark = rng.random() < 0.35
        self.ground: Colour = tuple(int(v) for v in (rng.integers(10, 50, 3) if is_dark else 255 - rng.integers(0, 18, 3)))
        self.ink: Colour = (235, 235, 240) if is_dark else tuple(int(v) for v in rng.integers(0, 70, 3))
        self.main = accent(rng)
        self.image, self.pen = canvas(height, width, self.ground)
        self.width, self.height = width, height
        self.hand = Hand(rng)
        self.size = float(rng.choice([9, 10, 11, 12, 13, 14, 16, 20]))
        self.radius = int(rng.choice([0, 0, 3, 6, 10]))

    def tone(self, share: float) -> Colour:
        return mixed(self.ground, self.ink, share)

    def text(self, left: float, top: float, wide: float, fill: Colour | None = None, scale: float = 1) -> float:
        font = self.hand.font(self.size * scale)
        if wide > self.size:
            self.pen.text((left, top), self.hand.line(font, wide), fill=fill or self.ink, font=font)
        return top + self.size * scale * 1.45

    def lines(self, left: float, top: float, right: float, bottom: float, fill: Colour | None = None) -> None:
        while top + self.size * 1.4 < bottom:
            self.text(left, top, (right - left) * self.rng.uniform(0.3, 1), fill)
            top += self.size * 1.6

    def box(self, left: float, top: float, right: float, bottom: float, fill: Colour | None, outline: Colour | None = None) -> None:
        if right - left > 2 * self.radius + 2 and bottom - top > 2 * self.radius + 2:
            self.pen.rounded_rectangle((left, top, right, bottom), self.radius, fill=fill, outline=outline)

    def icon(self, left: float, top: float, side: float) -> None:
        fill = accent(self.rng) if self.rng.random() < 0.6 else self.tone(0.6)
        kind = int(self.rng.integers(4))
        if kind == 0:
            self.pen.ellipse((left, top, left + side, top + side), fill=fill)
        elif kind == 1:
            self.pen.rounded_rectangle((left, top, left + side, top + side), side / 4, fill=fill)
        elif kind == 2:
            self.pen.polygon([(left, top + side), (left + side / 2, top), (left + side, top + side)], fill=fill)
        else:
            for row in range(3):
                self.pen.line((left, top + side * (0.2 + 0.3 * row), left + side, top + side * (0.2 + 0.3 * row)), fill=fill, width=2)

    def bar(self, top: float, high: float, fill: Colour) -> None:
        """A title bar or a tool bar."""
        self.pen.rectangle((0, top, self.width, top + high), fill=fill)
        ink = (255, 255, 255) if sum(fill) < 380 else (30, 30, 30)
        self.text(high, top + (high - self.size * 1.2) / 2, self.width * self.rng.uniform(0.1, 0.4), ink)
        for number in range(int(self.rng.integers(0, 8))):
            self.icon(self.width - (number + 1) * high * 0.9, top + high * 0.25, high * 0.5)

    def card(self, left: float, top: float, right: float, bottom: float) -> None:
        self.box(left, top, right, bottom, self.tone(self.rng.uniform(0, 0.08)), self.tone(0.2))
        inner = self.size * 0.7
        if self.rng.random() < 0.35 and right - left > 40:
            middle = top + (bottom - top) * self.rng.uniform(0.3, 0.7)
            paste_picture(self.image, self.photograph, (int(left + 1), int(top + 1), int(right), int(middle)))
            top = middle
        top = self.text(left + inner, top + inner, (right - left) * 0.6, self.main if self.rng.random() < 0.3 else None, 1.2)
        self.lines(left + inner, top, right - inner, bottom - inner, self.tone(0.7))


def grid(screen: Screen, left: float, top: float, right: float, bottom: float) -> None:
    """Cards in rows."""
    rng = screen.rng
    columns, gap = int(rng.integers(1, 5)), rng.uniform(4, 24)
    wide = (right - left - gap * (columns + 1)) / columns
    high = wide * rng.uniform(0.4, 1.3) + 20
    while top + 20 < bottom and wide > 25:
        for column in range(columns):
            start = left + gap + column * (wide + gap)
            screen.card(start, top + gap, start + wide, min(top + gap + high, bottom))
        top += high + gap


def chat(screen: Screen, left: float, top: float, right: float, bottom: float) -> None:
    rng = screen.rng
    while top + 40 < bottom:
        wide, high = (right - left) * rng.uniform(0.25, 0.7), screen.size * rng.uniform(2, 7)
        is_own = rng.random() < 0.5
        start = right - wide - 10 if is_own else left + 40
        if not is_own:
            screen.icon(left + 6, top, 26)
        screen.radius = 10
        fill = mixed(screen.ground, screen.main, 0.3) if is_own else screen.tone(0.08)
        screen.box(start, top, start + wide, min(top + high, bottom), fill)
        screen.lines(start + 8, top + 4, start + wide - 8, min(top + high, bottom))
        top += high + 10


def editor(screen: Screen, left: float, top: float, right: float, bottom: float) -> None:
    rng, colours, depth = screen.rng, [accent(screen.rng) for _ in range(4)] + [screen.ink] * 4, 0
    font, number = screen.hand.font(screen.size), int(rng.integers(1, 900))
    while top + screen.size < bottom:
        screen.pen.text((left + 4, top), str(number), fill=screen.tone(0.4), font=font)
        at = left + screen.size * (4 + 1.5 * depth)
        for _ in range(int(rng.integers(0, 7))):
            word = screen.hand.word() + str(rng.choice(["", "(", ")", " =", ".", ";", " {"]))
            if at + font.getlength(word) > right:
                break
            screen.pen.text((at, top), word, fill=colours[int(rng.integers(8))], font=font)
            at += font.getlength(word + " ")
        depth, number, top = int(np.clip(depth + rng.integers(-1, 2), 0, 6)), number + 1, top + screen.size * 1.5


def sheet(screen: Screen, left: float, top: float, right: float, bottom: float) -> None:
    rng = screen.rng
    wide, high = screen.size * rng.uniform(4, 9), screen.size * rng.uniform(1.5, 2.4)
    while top + high < bottom:
        at = left
        while at < right:
            if rng.random() < 0.06:
                screen.pen.rectangle((at, top, at + wide, top + high), fill=mixed(screen.ground, accent(rng), 0.3))
            screen.pen.rectangle((at, top, at + wide, top + high), outline=screen.tone(0.18))
            if rng.random() < 0.6:
                screen.text(at + 3, top + 2, wide * rng.uniform(0.3, 0.8))
            at += wide
        top += high


def listed(screen: Screen, left: float, top: float, right: float, bottom: float) -> None:
    """Rows with an icon, a title and a line below, as mail or settings have them."""
    rng, high = screen.rng, screen.size * screen.rng.uniform(2.2, 4.5)
    while top + high < bottom:
        if rng.random() < 0.08:
            screen.pen.rectangle((left, top, right, top + high), fill=mixed(screen.ground, screen.main, 0.15))
        screen.icon(left + 8, top + high * 0.2, high * 0.55)
        next_line = screen.text(left + high + 4, top + high * 0.12, (right - left) * rng.uniform(0.15, 0.5))
        if high > screen.size * 3:
            screen.text(left + high + 4, next_line, (right - left) * rng.uniform(0.2, 0.7), screen.tone(0.55), 0.9)
        if rng.random() < 0.5:
            screen.pen.line((left, top + high, right, top + high), fill=screen.tone(0.12))
        top += high


def dialogue(screen: Screen, left: float, top: float, right: float, bottom: float) -> None:
    """A box with a few buttons on a ground that is plain, or a photograph as on a desktop."""
    rng = screen.rng
    if rng.random() < 0.4:
        paste_picture(screen.image, screen.photograph, (int(left), int(top), int(right), int(bottom)))
    for _ in range(int(rng.integers(1, 4))):
        wide, high = (right - left) * rng.uniform(0.3, 0.7), (bottom - top) * rng.uniform(0.2, 0.6)
        x, y = rng.uniform(left, right - wide), rng.uniform(top, bottom - high)
        screen.box(x, y, x + wide, y + high, screen.ground, screen.tone(0.3))
        screen.lines(x + 12, y + 10, x + wide - 12, y + high * 0.7)
        for place, fill in ((0.35, screen.tone(0.1)), (0.68, screen.main)):
            screen.box(x + wide * place, y + high * 0.78, x + wide * (place + 0.28), y + high * 0.93, fill)


BODIES = [grid, grid, chat, editor, sheet, listed, listed, dialogue]


def interface(rng: np.random.Generator, height: int, width: int, photograph: np.ndarray) -> np.ndarray:
    screen = Screen(rng, height, width, photograph)
    top, left = 0.0, 0.0
    for _ in range(int(rng.integers(0, 3))):
        high = screen.size * rng.uniform(1.8, 3.5)
        screen.bar(top, high, screen.main if rng.random() < 0.4 else screen.tone(rng.uniform(0, 0.2)))
        top += high
    if rng.random() < 0.5 and width > 250:
        left = width * rng.uniform(0.12, 0.35)
        screen.pen.rectangle((0, top, left, height), fill=screen.tone(rng.uniform(0, 0.12)))
        listed(screen, 0, top, left, height)
    body = BODIES[int(rng.integers(len(BODIES)))]
    if rng.random() < 0.25:
        middle = left + (width - left) * rng.uniform(0.3, 0.7)
        BODIES[int(rng.integers(len(BODIES)))](screen, left, top, middle, height)
        left = middle
    body(screen, left, top, width, height)
    return np.asarray(screen.image)
