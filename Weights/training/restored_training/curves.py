"""Training curves as a picture."""

from __future__ import annotations

import math
from itertools import chain
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot  # noqa: E402

MEASURED_ON_X = ("step", "minutes")


def draw_curves(history: list[dict], path: Path, title: str) -> None:
    """One panel a figure, over minutes of training."""
    names = [name for name in dict.fromkeys(chain(*history)) if name not in MEASURED_ON_X]
    columns = min(4, len(names))
    rows = math.ceil(len(names) / columns)
    figure, panels = pyplot.subplots(rows, columns, figsize=(3.4 * columns, 2.4 * rows), squeeze=False)
    for panel in panels.flat[len(names):]:
        panel.set_visible(False)
    for panel, name in zip(panels.flat, names):
        known = [(entry["minutes"], entry[name]) for entry in history if name in entry]
        panel.plot(*zip(*known), marker=".")
        panel.set_title(name, fontsize=9)
        panel.set_xlabel("minutes", fontsize=8)
        panel.tick_params(labelsize=7)
        panel.grid(alpha=0.3)
    figure.suptitle(title)
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    pyplot.close(figure)
