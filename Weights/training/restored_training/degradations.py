"""Ten ways to spoil a clean photograph, modelled on the benchmarks' conventions; numpy and pillow, seeded.

A degradation takes a picture (height, width, 3, float32 in 0...1), a numpy Generator and a strength, and returns one of
the same size. Strength "benchmark" is the fixed one of the public test sets where there is one (noise sigma 50, JPEG
quality 10, white holes of 3 to 50 %); "varied" draws from a range around it, for training. `degrade` also rounds to 8
bits, as the files that people send are.
"""

from __future__ import annotations

from typing import Callable

import numpy as np
from PIL import Image

from .effects import (
    CHROMA_HALVED, CHROMA_WHOLE, Picture, as_jpeg, box_blurred, convolved, drawn, scale_of, screened, smooth_field, soft_ellipses,
    splatted, streaked, to_bytes, turned)

Degradation = Callable[[Picture, np.random.Generator, str], Picture]


def motion_blurry(picture: Picture, rng: np.random.Generator, strength: str) -> Picture:
    """A hand that shakes or a pan: a smooth curved path with changing speed."""
    reach = rng.uniform(5, 13) if strength == "benchmark" else rng.uniform(4, 18)
    reach = max(3.0, reach * max(1.0, scale_of(picture) ** 0.5))
    size = int(reach) * 2 + 5
    turns = np.cumsum(rng.normal(0, rng.uniform(0, 0.12), 64)) + rng.uniform(0, 2 * np.pi)
    speed = 0.3 + smooth_field(rng, 4, 64, 2)[0]
    path = np.cumsum(np.stack([np.sin(turns), np.cos(turns)], 1) * speed[:, None], 0)
    path -= path.mean(0)
    path *= reach / max(float(np.ptp(path, 0).max()), 1e-6)
    dense = np.stack([np.interp(np.linspace(0, 63, 512), range(64), path[:, axis]) for axis in (0, 1)], 1)
    # Light adds up before the camera's gamma.
    return np.clip(convolved(picture**2.2, splatted(dense, size)), 0, 1) ** (1 / 2.2)


def hazy(picture: Picture, rng: np.random.Generator, strength: str) -> Picture:
    """I = J t + A (1 - t), t = exp(-beta depth); depth grows towards the top and with brightness (skies are far), or is
    nearly the same all over."""
    height, width = picture.shape[:2]
    beta = rng.uniform(0.45, 1.8) if strength == "benchmark" else rng.uniform(0.35, 2.3)
    if rng.random() < 0.5:
        rise = np.linspace(1, rng.uniform(0, 0.6), height, dtype=np.float32)[:, None]
        bright = box_blurred(picture.mean(axis=2), scale_of(picture) * rng.uniform(2, 8))
        depth = 0.5 * rise + 0.25 * smooth_field(rng, height, width, rng.uniform(1, 3), 2) + 0.25 * bright
    else:
        far = np.linspace(rng.uniform(-0.2, 1), rng.uniform(-0.2, 0.6), height, dtype=np.float32)[:, None]
        depth = rng.uniform(0.15, 0.45) * (1 + 0.5 * far + rng.uniform(0, 0.5) * smooth_field(rng, height, width, 2, 2))
    transmission = np.exp(-beta * depth)[..., None]
    # Rendered haze has one grey airlight; that of a machine or of an evening has a colour.
    is_rendered = rng.random() < 0.6
    airlight = np.repeat(rng.uniform(0.82, 0.98), 3) if is_rendered else rng.uniform(0.7, 1.0) + rng.uniform(-0.04, 0.04, 3)
    airlight = airlight.astype(np.float32)
    return picture * transmission + np.clip(airlight, 0, 1) * (1 - transmission)


def jpeg_compressed(picture: Picture, rng: np.random.Generator, strength: str) -> Picture:
    """Quality 10 with 4:2:0 colour; varied 5 to 30, half of them 10."""
    quality = 10 if strength == "benchmark" or rng.random() < 0.5 else int(rng.integers(5, 31))
    return as_jpeg(to_bytes(picture), quality, CHROMA_HALVED).astype(np.float32) / 255


def low_light(picture: Picture, rng: np.random.Generator, strength: str) -> Picture:
    """A short exposure: as pairs of two exposures differ, or as a sensor's light and noise would have it."""
    return between_exposures(picture, rng, strength) if rng.random() < 0.6 else of_little_light(picture, rng, strength)


def between_exposures(picture: Picture, rng: np.random.Generator, strength: str) -> Picture:
    """What was measured of LOL and SICE: the dark frame is a power of the bright one, which makes it more vivid too, so many times
    darker in the mean, under noise that is stated as it stands after brightening."""
    is_lol = strength == "benchmark" or rng.random() < 0.5
    power = 1 / (rng.uniform(0.57, 0.67) if is_lol else rng.uniform(0.6, 0.85))
    gain = np.exp(rng.uniform(*np.log((4.3, 9)) if is_lol else np.log((2.5, 7))))
    brightened_noise = rng.uniform(4, 10) if is_lol else rng.uniform(0.5, 5)
    dark = picture**power * rng.uniform(0.93, 1.07, 3).astype(np.float32)
    dark *= picture.mean() / max(gain * float(dark.mean()), 1e-6)
    noise = box_blurred(rng.normal(0, 1, picture.shape).astype(np.float32), rng.choice([0, 0, 1]))
    return np.clip(dark + noise * (brightened_noise / gain / 255 / max(float(noise.std()), 1e-6)), 0, 1)


def of_little_light(picture: Picture, rng: np.random.Generator, strength: str) -> Picture:
    """A few hundredths of the light, a cast, and the sensor's shot and read noise."""
    light = picture ** rng.uniform(1.8, 2.6)
    gain = 10 ** (rng.uniform(-2.2, -1.4) if strength == "benchmark" else rng.uniform(-2.4, -0.8))
    light *= gain * rng.uniform(0.85, 1.15, 3).astype(np.float32)
    shot, read = 10 ** rng.uniform(-5, -3.8), 10 ** rng.uniform(-4, -3)
    light += rng.normal(0, 1, picture.shape).astype(np.float32) * np.sqrt(shot * light + read**2)
    return np.clip(light, 0, 1) ** (1 / 2.2)


def noisy(picture: Picture, rng: np.random.Generator, strength: str) -> Picture:
    """White Gaussian noise, clipped, then cut off (not rounded) to 8 bits; sigma 50, varied 15 to 60, half of them 50."""
    sigma = 50 if strength == "benchmark" or rng.random() < 0.5 else rng.uniform(15, 60)
    spoilt = np.clip(picture + rng.normal(0, sigma / 255, picture.shape), 0, 1)
    return (np.floor(spoilt * 255) / 255).astype(np.float32)


def raindrop(picture: Picture, rng: np.random.Generator, strength: str) -> Picture:
    """Drops on the pane, drawn anew and denser until they leave at most 24 dB (varied: 26), real ones leave 16 to 21. Varied,
    the pane is at times so near that they are large smears.
    """
    density, least_change = (rng.uniform(30, 90), 10**-2.4) if strength == "benchmark" else (rng.uniform(15, 100), 10**-2.6)
    nearness = rng.uniform(1.2, 2.4) if strength == "varied" and rng.random() < 0.35 else 1
    strongest, change = picture, 0.0
    for _ in range(12):
        spoilt = behind_drops(picture, rng, density, nearness)
        if (found := np.square(spoilt - picture).mean()) > change:
            strongest, change = spoilt, found
        if change >= least_change:
            break
        density = min(1.5 * density, 700)
    return strongest


def behind_drops(picture: Picture, rng: np.random.Generator, density: float, nearness: float = 1) -> Picture:
    """Each drop is a small lens that shows its surroundings upside down and out of focus; `density` counts middling ones in
    256 x 256. On a pane that is nearer, drops look so many times as large, and are further out of focus."""
    height, width = picture.shape[:2]
    scale = scale_of(picture)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    source_rows, source_columns = rows.copy(), columns.copy()
    cover = np.zeros((height, width), np.float32)
    rim = np.zeros((height, width), np.float32)
    # Few large drops, or many small ones.
    typical = nearness * np.exp(rng.uniform(np.log(2.5), np.log(11)))
    for _ in range(int(density * (8 / typical) ** 1.3 * height * width / (scale * 256) ** 2)):
        radius = scale * rng.lognormal(np.log(typical), 0.5)
        stretch, turn = rng.uniform(0.7, 1.5), rng.uniform(-0.4, 0.4)
        y, x = rng.uniform(0, height), rng.uniform(0, width)
        reach = int(radius * 2) + 2
        window = np.s_[max(0, int(y) - reach):int(y) + reach, max(0, int(x) - reach):int(x) + reach]
        down, right = rows[window] - y, columns[window] - x
        along, across = turned(down, right, turn)
        distance = np.hypot(along / (radius * stretch), across / radius) + 0.12 * np.sin(3 * np.arctan2(down, right) + y)
        inside = np.clip((1 - distance) * radius / (1.5 * scale) + 0.5, 0, 1)
        is_new = inside > cover[window]
        power = rng.uniform(3, 9)
        source_rows[window] = np.where(is_new, y - power * down, source_rows[window])
        source_columns[window] = np.where(is_new, x - power * right, source_columns[window])
        rim[window] = np.where(is_new, np.clip(distance, 0, 1) ** 4 * np.sign(down), rim[window])
        cover[window] = np.maximum(cover[window], inside)
    far = box_blurred(picture, scale * rng.uniform(2, 9))
    mirrored_rows = np.abs(source_rows.round().astype(int)) % (2 * height)
    mirrored_columns = np.abs(source_columns.round().astype(int)) % (2 * width)
    mirrored_rows = np.minimum(mirrored_rows, 2 * height - 1 - mirrored_rows)
    mirrored_columns = np.minimum(mirrored_columns, 2 * width - 1 - mirrored_columns)
    shine = rng.uniform(0, 0.2) if rng.random() < 0.5 else rng.uniform(0.2, 0.5)
    lens = far[mirrored_rows, mirrored_columns] * rng.uniform(0.85, 1.1) * (1 - shine) + shine + rng.uniform(0, 0.12) * rim[..., None]
    # The camera looks past the pane, so the drops are out of focus.
    lens, cover = (box_blurred(part, scale * nearness**2 * rng.uniform(0.6, 3.5)) for part in (lens, cover))
    cover = cover[..., None] * rng.uniform(0.6, 1)
    return np.clip(picture * (1 - cover) + lens * cover, 0, 1)


def streaks(
    shape: tuple[int, int], rng: np.random.Generator, density: float, length: float, wind: float, soft: float,
) -> np.ndarray:
    """Drops at random places, drawn out along the wind; about one at a streak's brightest."""
    drops = (rng.random(shape) > 1 - density).astype(np.float32) * rng.uniform(0.4, 1, shape).astype(np.float32)
    return streaked(box_blurred(drops, soft), length, wind + rng.normal(0, 0.05)) * length


def curtain(shape: tuple[int, int], rng: np.random.Generator, length: float, wind: float, soft: float) -> np.ndarray:
    """What motion blur makes of noise: streaks everywhere, of mean zero and deviation one."""
    noise = box_blurred(rng.normal(0, 1, shape).astype(np.float32), soft)
    blurred = streaked(noise, length, wind + rng.normal(0, 0.05))
    return (blurred - blurred.mean()) / max(float(blurred.std()), 1e-6)


def heavy_rain(shape: tuple[int, int], scale: float, wind: float, rng: np.random.Generator, strength: str) -> np.ndarray:
    """One to four layers of streaks of one wind, or a dense curtain of them."""
    light = np.zeros(shape, np.float32)
    for _ in range(int(rng.integers(2, 5)) if strength == "benchmark" else int(rng.integers(1, 5))):
        soft = 0.5 * scale if rng.random() < 0.6 else 0
        layer = streaks(shape, rng, rng.uniform(0.004, 0.02) / scale, scale * rng.uniform(10, 32), wind, soft)
        light = np.maximum(light, np.clip(layer * rng.uniform(0.4, 1.1), 0, rng.uniform(0.5, 0.95)))
    if rng.random() < 0.3:
        dense = rng.uniform(0.05, 0.3) + rng.uniform(0.03, 0.2) * curtain(shape, rng, scale * rng.uniform(8, 40), wind, 0)
        light = np.maximum(light * rng.choice([0, 0, 1]), np.clip(dense, 0, 0.95))
    return light


def light_rain(shape: tuple[int, int], scale: float, wind: float, rng: np.random.Generator, strength: str) -> np.ndarray:
    """Few thin streaks, side by side, as in the light sets."""
    light = np.zeros(shape, np.float32)
    for _ in range(int(rng.integers(1, 3))):
        layer = streaks(shape, rng, rng.uniform(0.0015, 0.006) / scale, scale * rng.uniform(10, 30), wind,
                        rng.uniform(0.3, 0.7) * scale)
        light = np.maximum(light, layer * rng.uniform(0.5, 1.5))
    return np.clip(light * rng.uniform(0.4, 0.9), 0, rng.uniform(0.25, 0.6))


def veil_of_rain(shape: tuple[int, int], scale: float, wind: float, rng: np.random.Generator, strength: str) -> np.ndarray:
    """Long faint streaks of several widths on a veil that brightens the picture unevenly."""
    height, width = shape
    faint = sum(rng.uniform(0.3, 1) * curtain(shape, rng, scale * rng.uniform(30, 110), wind, scale * soft)
                for soft in (0.4, 1.2, 3))
    uneven = smooth_field(rng, height, width, rng.uniform(0.7, 2.5)) - 0.5
    veil = rng.uniform(0.08, 0.28) * (1 + rng.uniform(0, 1.2) * uneven)
    return np.clip(veil + rng.uniform(0.02, 0.07) * faint, 0, 0.6)


def wall_of_rain(shape: tuple[int, int], scale: float, wind: float, rng: np.random.Generator, strength: str) -> np.ndarray:
    """A layer as measured of Rain100H: streaks everywhere on a veil, its values those of a normal distribution cut off at zero, half
    alike after 7 to 27 pixels along and 2 across; at the pixels of those pictures, whatever the size of this one."""
    level = np.clip(rng.normal(43, 15), 15, 75) / 255
    length = np.clip(np.exp(rng.normal(np.log(36), 0.4)), 12, 70)
    dense = sum(rng.uniform(0.3, 1) * curtain(shape, rng, length * rng.uniform(0.7, 1.3), wind + rng.normal(0, 0.08), rng.uniform(0.6, 1.4))
                for _ in range(int(rng.integers(1, 4))))
    return np.clip(level * (1 + rng.uniform(0.75, 1.15) * dense / max(float(dense.std()), 1e-6)), 0, 1)


def rainy(picture: Picture, rng: np.random.Generator, strength: str) -> Picture:
    """Heavy rain, a wall of it, light rain or a veil, each as one of the sets that are measured with, and mist with the heavy."""
    scale = max(0.5, scale_of(picture))
    kind = rng.choice([heavy_rain, wall_of_rain, light_rain, veil_of_rain], p=[0.25, 0.35, 0.2, 0.2])
    light = kind(picture.shape[:2], scale, rng.normal(0, 0.3), rng, strength)
    if kind is not heavy_rain:
        return np.clip(picture + light[..., None], 0, 1)
    mist = rng.uniform(0, 0.12) if rng.random() < 0.7 else rng.uniform(0.1, 0.35)
    misty = picture * (1 - mist) + 0.75 * mist
    # The heavy-rain sets add the streaks, others lay them over the picture.
    light = light[..., None]
    return np.clip(misty + rng.uniform(0.5, 0.9) * light, 0, 1) if rng.random() < 0.6 else screened(misty, light)


def shade_of_polygons(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """One or two polygons with soft edges, 1 inside and 0 outside."""
    shade = np.zeros((height, width), np.float32)
    for _ in range(1 if rng.random() < 0.7 else 2):
        count = int(rng.integers(4, 9))
        angles = np.sort(rng.uniform(0, 2 * np.pi, count))
        radii = rng.uniform(0.25, 0.75, count)
        centre = rng.uniform(0.15, 0.85, 2)
        points = [((centre[1] + radius * np.cos(angle)) * width, (centre[0] + radius * np.sin(angle)) * height)
                  for angle, radius in zip(angles, radii)]
        shape = drawn(height, width, lambda pen, points=points: pen.polygon(points, fill=255))
        shade = np.maximum(shade, box_blurred(shape, min(height, width) / 256 * rng.uniform(0.8, 7)))
    return shade


def shadowed(picture: Picture, rng: np.random.Generator, strength: str) -> Picture:
    """Where the sun is missing it is darker, bluer; a part of the picture that is neither next to nothing nor nearly all."""
    for _ in range(20):
        shade = shade_of_polygons(rng, *picture.shape[:2])
        if 0.06 < shade.mean() < 0.6:
            break
    left = rng.uniform(0.3, 0.6) if strength == "benchmark" else rng.uniform(0.2, 0.7)
    tint = left * np.array([1 - rng.uniform(0, 0.12), 1, 1 + rng.uniform(0, 0.15)], np.float32)
    return picture * (1 + shade[..., None] * (tint - 1))


def snowy(picture: Picture, rng: np.random.Generator, strength: str) -> Picture:
    """Flakes of three distances, most of them faint, drawn out along the wind or its mirror image, and patches of veil."""
    height, width = picture.shape[:2]
    scale = scale_of(picture)
    wind = rng.normal(0, 0.8)
    light = np.zeros((height, width), np.float32)
    amount = rng.uniform(0.7, 1.3) if strength == "benchmark" else rng.uniform(0.4, 2)
    for radius, count, brightest in ((0.8, 700, 0.7), (1.7, 260, 0.95), (4.0, 26, 0.6)):
        number = rng.poisson(amount * count * height * width / (scale * 256) ** 2)
        centres = rng.uniform(0, 1, (number, 2)) * (height, width)
        sizes = radius * scale * rng.lognormal(0, 0.4, number)
        stretches, turns = rng.uniform(1, 2.6, number), rng.choice([-1, 1], number) * wind + rng.normal(0, 0.3, number)
        flakes = soft_ellipses((height, width), centres, sizes, stretches, turns, brightest * rng.beta(1, 1.8, number))
        light = np.maximum(light, box_blurred(flakes, radius * scale * rng.uniform(0, 0.4)))
    if rng.random() < 0.5:
        specks = (rng.random((height, width)) > 1 - 0.002 * amount / scale).astype(np.float32)
        length = scale * rng.uniform(8, 24)
        for side in (-1, 1):
            drawn_out = streaked(specks, length, side * max(0.4, abs(wind)))
            light = np.maximum(light, np.clip(drawn_out * length * rng.uniform(0.05, 0.25), 0, 0.4))
            specks = specks[::-1, ::-1]
    patches = np.clip(smooth_field(rng, height, width, rng.uniform(4, 12)) - rng.uniform(0.6, 0.8), 0, 1)
    veil = rng.uniform(0, 0.15) * smooth_field(rng, height, width, 2) + rng.uniform(0, 0.6) * patches
    return screened(picture * (1 - veil[..., None]) + 0.95 * veil[..., None], light[..., None] * rng.uniform(0.8, 1))


def uncompleted(picture: Picture, rng: np.random.Generator, strength: str) -> Picture:
    """White holes of 3 to 50 % of the picture: thick strokes, boxes and dots."""
    height, width = picture.shape[:2]
    scale = scale_of(picture)
    goal = rng.uniform(0.1, 0.45) if strength == "benchmark" else rng.uniform(0.03, 0.5)
    hole = np.zeros((height, width), np.float32)
    kinds = rng.choice(["strokes", "strokes", "strokes", "boxes", "mixed"])
    for _ in range(400):
        if hole.mean() >= goal:
            break
        y, x = rng.uniform(0, height), rng.uniform(0, width)
        kind = rng.choice(["strokes", "boxes", "dots"]) if kinds == "mixed" else kinds
        if kind == "strokes":
            turns = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.9, int(rng.integers(2, 7))))
            lengths = scale * rng.uniform(8, 45, len(turns))
            points = [(x, y)] + [
                (x + right, y + down)
                for right, down in zip(np.cumsum(np.cos(turns) * lengths), np.cumsum(np.sin(turns) * lengths))]
            thick = max(1, int(scale * rng.uniform(6, 15)))
            shape = drawn(height, width, lambda pen: pen.line(points, fill=255, width=thick, joint="curve"))
        else:
            far = scale * (rng.uniform(10, 60, 2) if kind == "boxes" else np.repeat(rng.uniform(3, 10), 2))
            box = (x - far[0] / 2, y - far[1] / 2, x + far[0] / 2, y + far[1] / 2)
            shape = drawn(
                height, width, lambda pen: (pen.rectangle if kind == "boxes" else pen.ellipse)(box, fill=255))
        hole = np.maximum(hole, shape)
    return np.maximum(picture, hole[..., None])


DEGRADATIONS: dict[str, Degradation] = {
    "motion-blurry": motion_blurry, "hazy": hazy, "jpeg-compressed": jpeg_compressed, "low-light": low_light,
    "noisy": noisy, "raindrop": raindrop, "rainy": rainy, "shadowed": shadowed, "snowy": snowy,
    "uncompleted": uncompleted,
}
CLEAN = "clean"
# What happens first in the world comes first: weather and light, then the camera, then the file.
ORDER = ["shadowed", "hazy", "rainy", "snowy", "raindrop", "motion-blurry", "low-light", "noisy", "uncompleted",
         "jpeg-compressed"]


def with_dark_corners(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Bytes, darker towards the corners by up to six tenths, as old lenses and finished prints show them."""
    down, right = (np.linspace(-1, 1, side, dtype=np.float32) for side in picture.shape[:2])
    far = np.hypot(down[:, None], right) / 2**0.5
    light = 1 - rng.uniform(0.1, 0.6) * far ** rng.uniform(1.5, 4)
    return to_bytes(picture * (light[..., None] / 255))


def as_sent(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Bytes as a client may send them: half of the pictures from a camera that renders tones and colours otherwise, three
    tenths from one that is a little grainy, some grey, some through a lens that darkens corners, half stored as a JPEG of decent
    quality. None is a degradation.
    """
    if rng.random() < 0.5:
        tones = np.linspace(0, 1, 256) ** rng.uniform(0.7, 1.35)
        picture = np.stack([
            to_bytes(tones * gain)[picture[..., channel]] for channel, gain in enumerate(rng.uniform(0.92, 1.08, 3))], axis=-1)
        vividness = rng.uniform(0.5, 1.25)
        grey = picture.mean(axis=-1, keepdims=True, dtype=np.float32)
        picture = to_bytes((grey + vividness * (picture - grey)) / 255)
    if rng.random() < 0.22:
        # Films see colours otherwise than an eye.
        weights = rng.dirichlet([6, 8, 4]).astype(np.float32)
        picture = np.repeat(to_bytes(picture @ (weights / 255))[..., None], 3, axis=2)
    if rng.random() < 0.12:
        picture = with_dark_corners(picture, rng)
    if rng.random() < 0.3:
        light = picture.astype(np.float32) / 255
        # A sensor's grain grows with the light; at white its deviation is at most four of 255.
        grain = rng.standard_normal(light.shape, np.float32) * rng.uniform(0, 4 / 255)
        picture = to_bytes(light + grain * np.sqrt(light))
    if rng.random() < 0.5:
        picture = as_jpeg(picture, int(rng.integers(70, 96)), int(rng.choice([CHROMA_WHOLE, CHROMA_HALVED])))
    return picture


def degrade(picture: Picture, labels: str | list[str], seed: int, strength: str = "varied") -> Picture:
    """Applies one label, or several in the order of nature; "clean" does nothing. The same arguments, the same bits.

    Each label draws from a generator of its own, so that what comes before it changes nothing in it.
    """
    labels = [labels] if isinstance(labels, str) else labels
    if strength not in ("varied", "benchmark"):
        raise ValueError(f"strength must be varied or benchmark, not {strength}")
    unknown = set(labels) - {*DEGRADATIONS, CLEAN}
    if unknown:
        raise ValueError(f"unknown degradations: {sorted(unknown)}")
    for index, label in enumerate(ORDER):
        if label in labels:
            rng = np.random.default_rng([seed, index])
            picture = DEGRADATIONS[label](picture.astype(np.float32), rng, strength)
            picture = to_bytes(picture).astype(np.float32) / 255
    return picture


def random_mixture(rng: np.random.Generator, count: int = 2) -> list[str]:
    """Different degradations that may be mixed."""
    while True:
        labels = list(rng.choice(list(DEGRADATIONS), count, replace=False))
        if may_mix(labels):
            return sorted(labels, key=ORDER.index)


def may_mix(labels: list[str]) -> bool:
    """Never two that hide each other's trace entirely (noise under a strong JPEG)."""
    return not {"noisy", "jpeg-compressed"} <= set(labels)
