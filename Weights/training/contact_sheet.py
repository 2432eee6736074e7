#!/usr/bin/env python3
"""Shows every degradation, clean and some mixtures on a few photographs: PHOTOS... -o sheet.png."""

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "evaluation"))

from restored_training.degradations import CLEAN, DEGRADATIONS, degrade, random_mixture  # noqa: E402
from restored_training.effects import to_bytes  # noqa: E402
from sheet import contact_sheet  # noqa: E402

sys.path.pop(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--side", type=int, default=256, help="photographs are cut to squares of this side")
    parser.add_argument("--mixtures", type=int, default=2)
    parser.add_argument("--strength", choices=["benchmark", "varied"], default="varied")
    choice = parser.parse_args()

    rng = np.random.default_rng(choice.seed)
    columns = [[CLEAN], *([label] for label in DEGRADATIONS), *(random_mixture(rng) for _ in range(choice.mixtures))]
    rows = []
    for number, path in enumerate(choice.photos):
        picture = Image.open(path).convert("RGB")
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        square = picture.crop((left, top, left + side, top + side)).resize((choice.side,) * 2, Image.LANCZOS)
        clean = np.asarray(square, np.float32) / 255
        rows.append([
            (Image.fromarray(to_bytes(degrade(clean, labels, choice.seed + number, choice.strength))), " + ".join(labels))
            for labels in columns])
    contact_sheet(rows, choice.output, height=min(choice.side, 180), columns=1)


main()
