"""What is counted rather than drawn: codes to scan, mazes, puzzles, pixel art, fractals and gradients."""

from __future__ import annotations

import numpy as np
import qrcode
from PIL import Image

from .theme import colour
from .writer import Writer


def repeated_pixels(cells: np.ndarray, side: int) -> Image.Image:
    return Image.fromarray(np.repeat(np.repeat(cells, side, 0), side, 1))


def colours_of(w: Writer, count: int) -> np.ndarray:
    codes = [colour(w.real(0, 1), w.real(0.1, 0.9), w.real(0.2, 0.9)) for _ in range(count)]
    return np.array([[int(code[at:at + 2], 16) for at in (1, 3, 5)] for code in codes], np.uint8)


def square_code(rng: np.random.Generator, index: int) -> Image.Image:
    w = Writer(rng)
    code = (qrcode.QRCode(box_size=w.whole(5, 16), border=w.whole(2, 6), error_correction=w.whole(0, 3),
        mask_pattern=w.whole(0, 7)))
    code.add_data(f"https://{w.noun()}.example/{w.code(w.whole(4, 60))}")
    front, back = (w.pick([("black", "white"), ("black", "white"), (colour(w.real(0, 1), 0.2, 0.8), "white"),
        ("white", "black"), ("black", colour(w.real(0, 1), 0.88, 0.8))]))
    return (code.make_image(fill_color=front, back_color=back).get_image().convert(w.pick(["RGB", "RGB", "L"])
        if (front, back) != ("black", "white") else w.pick(["RGB", "L", "1"])))


def bar_code(rng: np.random.Generator, index: int) -> Image.Image:
    """Bars of one to four modules, two bars and two gaps to a sign of seven modules, as on goods."""
    w = Writer(rng)
    widths = [1, 1, 1]
    for _ in range(12):
        cuts = sorted(w.some(list(range(1, 7)), 3))
        widths += np.diff([0, *cuts, 7]).tolist()
    modules = np.concatenate([np.full(wide, 255 * (n % 2), np.uint8) for n, wide in enumerate(widths + [1, 1, 1])])
    module, tall = w.whole(3, 6), w.whole(150, 330)
    strip = np.repeat(np.repeat(modules[None], module, 1), tall, 0)
    return Image.fromarray(np.pad(strip, ((w.whole(30, 80),) * 2, (w.whole(30, 120),) * 2), constant_values=255))


def maze(rng: np.random.Generator, index: int) -> Image.Image:
    w = Writer(rng)
    rows, columns = w.whole(10, 34), w.whole(10, 34)
    cells = np.zeros((rows * 2 + 1, columns * 2 + 1), bool)
    stack = [(0, 0)]
    cells[1, 1] = True
    while stack:
        row, column = stack[-1]
        steps = ([(row + down, column + right) for down, right in ((0, 1), (1, 0), (0, -1), (-1, 0)) if 0 <= row
            + down < rows and 0 <= column + right < columns and not cells[2 * (row + down) + 1, 2 * (column + right) + 1]])
        if not steps:
            stack.pop()
            continue
        ahead = w.pick(steps)
        cells[row + ahead[0] + 1, column + ahead[1] + 1] = cells[2 * ahead[0] + 1, 2 * ahead[1] + 1] = True
        stack.append(ahead)
    cells[1, 0] = cells[-2, -1] = True
    wall, way = (np.array([0, 0, 0]), np.array([255, 255, 255])) if w.chance(0.6) else colours_of(w, 2)
    thick, wide = w.pick([(2, 14), (3, 18), (10, 10)])
    picture = np.where(cells[..., None], way, wall).astype(np.uint8)
    sizes = lambda count: np.where(np.arange(count) % 2, wide, thick)
    return Image.fromarray(np.repeat(np.repeat(picture, sizes(len(picture)), 0), sizes(picture.shape[1]), 1))


def pixel_art(rng: np.random.Generator, index: int) -> Image.Image:
    """Sprites that are the same left and right, or a scene of tiles as an early computer shows it."""
    w = Writer(rng)
    inks = colours_of(w, 6)
    if w.chance(0.5):
        rows, columns, side = w.whole(2, 5), w.whole(2, 6), w.whole(10, 16)
        sheet = np.zeros((rows * (side + 2), columns * (side + 2)), np.uint8)
        for row in range(rows):
            for column in range(columns):
                half = w.rng.integers(0, 5, (side, side // 2)) * (w.rng.random((side, side // 2)) < 0.62)
                sprite = np.concatenate([half, half[:, ::-1]], 1)
                sheet[row * (side + 2) + 1:, column * (side + 2) + 1:][:side, :sprite.shape[1]] = sprite
        return repeated_pixels(inks[sheet], w.whole(6, 10))
    wide, tall = w.whole(48, 80), w.whole(36, 60)
    scene = np.zeros((tall, wide), np.uint8)
    ridge = (tall * 0.6 + np.interp(np.arange(wide), np.linspace(0, wide, 9), w.rng.normal(0, 4, 9))).astype(int)
    scene[np.arange(tall)[:, None] > ridge] = 1
    scene[np.arange(tall)[:, None] > ridge + 5] = 2
    for _ in range(w.whole(3, 9)):
        x, long, y = w.whole(0, wide - 12), w.whole(5, 12), w.whole(5, tall // 2)
        scene[y:y + 2, x:x + long] = 3
        scene[ridge[x] - w.whole(3, 8):ridge[x] + 1, x:x + 3] = w.pick([4, 5])
    return repeated_pixels(inks[scene], w.whole(7, 12))


def fractal(rng: np.random.Generator, index: int) -> Image.Image:
    w = Writer(rng)
    width, height = w.pick([(640, 480), (512, 512), (800, 500)])
    x, y = np.meshgrid(np.linspace(-1.7, 1.7, width * 2), np.linspace(-1.3, 1.3, height * 2))
    angle = w.real(0, 2 * np.pi)
    z = x + 1j * y
    c = (z - 0.6) if w.chance(0.3) else np.full_like(z, 0.7885 * np.exp(1j * angle))
    z = np.zeros_like(z) if c[0, 0] != c[-1, -1] else z
    count = np.zeros(z.shape)
    for _ in range(90):
        inside = np.abs(z) < 8
        z[inside] = z[inside] ** 2 + c[inside]
        count += inside
    smooth = np.where(count < 90, count + 1 - np.log2(np.log2(np.maximum(np.abs(z), 2.01))), 0) / 45
    phases = w.rng.uniform(0, 1, 3)
    picture = 0.5 + 0.5 * np.cos(2 * np.pi * (smooth[..., None] * w.real(0.5, 1.5) + phases))
    picture[count >= 90] = 0
    # Of four samples each pixel, as whoever renders one does.
    picture = picture.reshape(height, 2, width, 2, 3).mean((1, 3))
    return Image.fromarray(np.round(picture * 255).astype(np.uint8))


def gradient(rng: np.random.Generator, index: int) -> Image.Image:
    """Two to four colours that run into each other, dithered by less than a step, or the bars of a test card."""
    w = Writer(rng)
    width, height = w.pick([(640, 480), (1280, 720), (400, 700), (512, 512)])
    if w.chance(0.3):
        bars = (colours_of(w, w.whole(5, 9)) if w.chance(0.5)
            else np.array([[255, 255, 255], [255, 255, 0], [0, 255, 255], [0, 255, 0], [255, 0, 255], [255, 0, 0],
            [0, 0, 255], [0, 0, 0]], np.uint8))
        row = bars[np.arange(width) * len(bars) // width]
        return Image.fromarray(np.repeat(row[None], height, 0))
    y, x = np.mgrid[0:1:height * 1j, 0:1:width * 1j]
    out = np.zeros((height, width, 3))
    weight = np.zeros((height, width, 1))
    for ink in colours_of(w, w.whole(2, 4)):
        share = np.exp(-((x - w.real(0, 1)) ** 2 + (y - w.real(0, 1)) ** 2) / w.real(0.15, 0.6))[..., None] + 1e-6
        out += share * ink
        weight += share
    return Image.fromarray(np.round(out / weight).astype(np.uint8))


PATTERNS = [square_code, pixel_art, maze, gradient, bar_code, fractal]


def pattern(rng: np.random.Generator, index: int) -> Image.Image:
    return PATTERNS[index % len(PATTERNS)](rng, index)
