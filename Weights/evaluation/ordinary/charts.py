"""Charts: matplotlib's many kinds and styles, and gnuplot's."""

from __future__ import annotations

import io
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

os.environ.setdefault("MPLBACKEND", "Agg")
import matplotlib
import matplotlib.pyplot as pyplot
from matplotlib import font_manager

from .theme import MONO, SANS, SERIF
from .writer import Writer

STYLES = [name for name in pyplot.style.available if not name.startswith("_") and name not in ("petroff6", "petroff8")]
FAMILIES = [family for family in SANS + SERIF + MONO if family in font_manager.get_font_names()] or ["DejaVu Sans"]
FORMULAS = ["$O(n)$", "$n^2$", "$x^{-1}$", r"$\alpha$", r"$\beta_1$"]
PALETTES = ["viridis", "plasma", "cividis", "coolwarm", "Spectral", "YlGnBu", "Set2", "tab10", "Dark2", "RdGy", "gray"]


def walk(w: Writer, count: int) -> np.ndarray:
    return w.rng.normal(w.real(-0.05, 0.1), 1, count).cumsum() * w.real(0.3, 30)


def lines(w: Writer, axes) -> None:
    count = w.whole(12, 300)
    for _ in range(w.whole(1, 6)):
        axes.plot(np.arange(count), walk(w, count), label=w.label(), ls=w.pick(["-", "-", "--", ":"]),
            marker=w.pick(["", "", "o", "s"]) if count < 50 else "")
    if w.chance(0.7):
        axes.legend()


def bars(w: Writer, axes) -> None:
    count, groups = w.whole(3, 12), w.whole(1, 3)
    flat = w.chance(0.3)
    draw = axes.barh if flat else axes.bar
    for group in range(groups):
        draw(np.arange(count) + group * 0.8 / groups, w.rng.gamma(3, 20, count), 0.8 / groups, label=w.label())
    names = [w.noun() for _ in range(count)]
    axes.set_yticks(range(count), names) if flat else axes.set_xticks(range(count), names, rotation=w.pick([0, 30, 45, 90])
        if count > 4 else 0)
    axes.legend()


def points(w: Writer, axes) -> None:
    for _ in range(w.whole(1, 4)):
        count = w.whole(15, 300)
        x = w.rng.normal(w.real(-3, 3), 1, count)
        axes.scatter(x, x * w.real(-1, 1) + w.rng.normal(0, w.real(0.3, 1), count), s=w.rng.uniform(5, 90, count)
            if w.chance(0.4) else 18, alpha=w.real(0.4, 1), label=w.label())
    axes.legend()


def pie(w: Writer, axes) -> None:
    shares = w.rng.gamma(2, 1, w.whole(3, 8)) + 0.1
    axes.pie(shares, labels=[w.label() for _ in shares], autopct="%1.0f%%" if w.chance(0.6) else None,
        wedgeprops={"width": w.pick([1, 1, 0.4]), "edgecolor": "w"})


def heat(w: Writer, axes) -> None:
    rows, columns = w.whole(4, 18), w.whole(4, 18)
    values = w.rng.uniform(-1, 1, (rows, columns)) + np.linspace(0, w.real(0, 3), columns)
    shown = axes.imshow(values, cmap=w.pick(PALETTES), aspect="auto")
    axes.figure.colorbar(shown, ax=axes)
    if rows * columns < 80:
        for row in range(rows):
            for column in range(columns):
                axes.text(column, row, f"{values[row, column]:.1f}", ha="center", va="center", fontsize=8)


def contours(w: Writer, axes) -> None:
    x, y = np.meshgrid(np.linspace(-3, 3, 120), np.linspace(-3, 3, 120))
    z = sum(w.real(-1, 1) * np.exp(-((x - w.real(-2, 2)) ** 2 + (y - w.real(-2, 2)) ** 2) / w.real(0.5, 3)) for _ in range(6))
    (axes.contourf if w.chance(0.5) else axes.contour)(x, y, z, w.whole(6, 18), cmap=w.pick(PALETTES[:6]))


def histogram(w: Writer, axes) -> None:
    for _ in range(w.whole(1, 3)):
        axes.hist(w.rng.normal(w.real(-2, 2), w.real(0.5, 2), 900), w.whole(10, 50), alpha=0.7, label=w.label(),
            histtype=w.pick(["bar", "step", "stepfilled"]))
    axes.legend()


def boxes(w: Writer, axes) -> None:
    data = [w.rng.normal(w.real(-2, 2), w.real(0.5, 2), 60) for _ in range(w.whole(3, 9))]
    axes.violinplot(data, showmedians=True) if w.chance(0.4) else axes.boxplot(data, notch=w.chance(0.3),
        patch_artist=w.chance(0.5))


def areas(w: Writer, axes) -> None:
    count = w.whole(8, 40)
    layers = np.abs(w.rng.normal(3, 0.6, (w.whole(2, 6), count)).cumsum(1))
    axes.stackplot(range(count), layers, labels=[w.label() for _ in layers])
    axes.legend(loc="upper left")


def steps(w: Writer, axes) -> None:
    x = np.arange(30)
    middle = walk(w, 30)
    axes.errorbar(x, middle, yerr=np.abs(w.rng.normal(0, np.ptp(middle) / 12, 30)), capsize=3, fmt=w.pick(["o", "s-", "."]))
    axes.fill_between(x, middle - np.ptp(middle) / 6, middle + np.ptp(middle) / 6, alpha=0.2)
    axes.step(x, middle)


def logarithmic(w: Writer, axes) -> None:
    x = np.logspace(0, w.whole(2, 5), 60)
    for _ in range(w.whole(2, 5)):
        axes.loglog(x, x ** w.real(-2, 2) * w.real(0.2, 4), marker=w.pick(["", "x", "^"]), label=w.pick(FORMULAS))
    axes.grid(True, which="both", alpha=0.4)
    axes.legend()


def candles(w: Writer, axes) -> None:
    price = 100 + walk(w, 50)
    for day, (start, end) in enumerate(zip(price, price[1:])):
        ink = "#2a9d57" if end > start else "#cc3b3b"
        axes.plot([day, day], [min(start, end) - np.ptp(price) / 30, max(start, end) + np.ptp(price) / 30], color=ink, lw=1)
        axes.bar(day, end - start, 0.6, start, color=ink)


def again(axes, projection: str):
    """The same place with other axes."""
    figure, place = axes.figure, axes.get_subplotspec()
    axes.remove()
    return figure.add_subplot(place, projection=projection)


def polar(w: Writer, axes) -> None:
    axes = again(axes, "polar")
    angles = np.linspace(0, 2 * np.pi, w.whole(5, 9))
    for _ in range(w.whole(1, 3)):
        radii = w.rng.uniform(0.3, 1, len(angles))
        radii[-1] = radii[0]
        axes.plot(angles, radii)
        axes.fill(angles, radii, alpha=0.25)
    axes.set_xticks(angles[:-1], [w.noun() for _ in angles[:-1]])


def surface(w: Writer, axes) -> None:
    axes = again(axes, "3d")
    x, y = np.meshgrid(np.linspace(-3, 3, 40), np.linspace(-3, 3, 40))
    z = np.sin(x * w.real(0.5, 2)) * np.cos(y * w.real(0.5, 2)) + w.real(-0.3, 0.3) * x
    axes.plot_wireframe(x, y, z, rstride=2, cstride=2, lw=0.8) if w.chance(0.4) else axes.plot_surface(x, y, z,
        cmap=w.pick(PALETTES[:6]))


KINDS = [lines, bars, points, pie, heat, contours, histogram, boxes, areas, steps, logarithmic, candles, polar, surface]


def with_matplotlib(rng: np.random.Generator, index: int) -> Image.Image:
    w = Writer(rng)
    count = w.pick([1, 1, 1, 1, 2, 4])
    with pyplot.style.context(w.pick(STYLES + ["default"] * 4 + ["dark_background"] * 3)), matplotlib.rc_context({
            "font.family": [w.pick(FAMILIES), "DejaVu Sans"], "font.size": w.whole(9, 13),
            "axes.grid": w.chance(0.4), "svg.hashsalt": "0"}):
        size = (w.real(4, 9), w.real(3.4, 6.5))
        figure, axes = (pyplot.subplots(*{1: (1, 1), 2: (1, 2), 4: (2, 2)}[count], figsize=size, layout="constrained",
            squeeze=False))
        for more, one in enumerate(axes.flat):
            kind = KINDS[(index + more * 5) % len(KINDS)]
            one.set_title(w.title(1, 3 if count > 1 else 5)) if w.chance(0.7) else None
            if kind not in (pie, polar, surface):
                one.set_xlabel(w.label())
                one.set_ylabel(w.label())
            kind(w, one)
        data = io.BytesIO()
        figure.savefig(data, format="png", dpi=w.pick([72, 80, 100, 100, 120, 150]))
        pyplot.close(figure)
    with Image.open(data) as file:
        return file.convert("RGB")


def with_gnuplot(rng: np.random.Generator, index: int) -> Image.Image:
    w = Writer(rng)
    f = lambda: (w.pick([f"sin({w.real(.5, 3):.2f}*x)", f"cos(x)*{w.real(.5, 3):.2f}", f"exp(-x**2/{w.real(2, 9):.2f})",
        f"x**2/{w.real(20, 60):.2f}", f"besj0({w.real(1, 3):.2f}*x)", "tanh(x)"]))
    curve = lambda: f"{f()} with {w.pick(['lines', 'linespoints', 'impulses', 'points'])} title '{w.label()}'"
    plot = "plot " + ", ".join(curve() for _ in range(w.whole(1, 4)))
    if w.chance(0.35):
        plot = f"splot {f()}*cos(y/2) with lines title '{w.label()}'"
    script = "\n".join([
        f"set terminal pngcairo size {w.whole(420, 1000)},{w.whole(360, 720)} font '{w.pick(SANS[:8])},{w.whole(9, 14)}'",
        f"set output 'plot.png'; set title '{w.title()}'; set xlabel '{w.label()}'; set samples 200; set isosamples 40",
        w.pick(["set grid", "", "set border 3", "set key outside"]),
        w.pick(["", "set hidden3d"]), "set xrange [-10:10]", plot, ""])
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["gnuplot"], input=script.encode(), cwd=folder, check=True, capture_output=True)
        with Image.open(Path(folder, "plot.png")) as file:
            return file.convert("RGB")
