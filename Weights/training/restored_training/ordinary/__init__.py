"""Pictures that nothing is wrong with and that photographs don't teach: pages, screenshots, charts, drawings, things on plain grounds.

Each kind is a function of a generator, a height, a width and a photograph (bytes, (height, width, 3)) that it may show somewhere,
and gives such bytes. Fonts and clip art are those of the machine, less a part that is held out to measure with.
"""

from __future__ import annotations

from typing import Callable

import numpy as np
from PIL import Image

from .drawings import drawing, extreme
from .framed import framed
from .interfaces import interface
from .objects import thing
from .pages import document
from .plots import chart, code, diagram, plan

Kind = Callable[[np.random.Generator, int, int, np.ndarray], np.ndarray]
KINDS: dict[str, tuple[Kind, float]] = {  # and how often each is made
    "document": (document, 3.0), "interface": (interface, 3.0), "thing": (thing, 3.5), "drawing": (drawing, 3.0), "chart": (chart, 1.8),
    "diagram": (diagram, 0.5), "code": (code, 0.7), "plan": (plan, 0.6), "extreme": (extreme, 0.9), "framed": (framed, 1.6),
}
# Those of which a spoilt one can be told from the sound one, whatever is drawn.
SPOILABLE = ["document", "interface", "thing", "drawing", "chart"]
SHRUNK_SHARE = 0.45


def ordinary(rng: np.random.Generator, photograph: np.ndarray, kinds: list[str] | None = None) -> np.ndarray:
    """A picture of 224 to 900 pixels a side of one of the kinds; at times drawn larger and shrunk, as screenshots and scans are."""
    names = kinds or list(KINDS)
    shares = np.array([KINDS[name][1] for name in names])
    draw = KINDS[str(rng.choice(names, p=shares / shares.sum()))][0]
    longest = 420 if rng.random() < 0.4 else 900
    height, width = (int(side) for side in rng.integers(224, longest + 1, 2))
    scale = rng.uniform(1.2, 2.2) if rng.random() < SHRUNK_SHARE else 1
    picture = draw(rng, int(height * scale), int(width * scale), photograph)
    if scale > 1:
        picture = np.asarray(Image.fromarray(picture).resize((width, height), Image.LANCZOS if rng.random() < 0.7 else Image.BOX))
    return np.ascontiguousarray(picture)
