#!/usr/bin/env python3
"""Makes the picture of the README: photographs degraded by this project's own code, and what the program makes of them.

before_after.py --photos FOLDER --binary PROGRAM -o before-after.png
Needs numpy and pillow. The same photographs, weights and seed give the same picture.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "Weights/training"))

from restored_training.degradations import degrade  # noqa: E402
from restored_training.effects import to_bytes  # noqa: E402

CHOICES = [("kodim03", "noisy"), ("kodim13", "low-light"), ("kodim05", "rainy"), ("kodim22", "uncompleted")]
SIDE, GAP = 256, 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, default=REPOSITORY.parent / "shared/data/free")
    parser.add_argument("--binary", type=Path, default=REPOSITORY / ".build/release/restored")
    parser.add_argument("--bundle", type=Path, default=REPOSITORY / "Weights/mini")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("-o", "--output", type=Path, required=True)
    choice = parser.parse_args()

    columns = len(CHOICES)
    canvas = Image.new("RGB", (columns * (SIDE + GAP) - GAP, 2 * SIDE + GAP), "white")
    with tempfile.TemporaryDirectory() as folder:
        for column, (name, label) in enumerate(CHOICES):
            with Image.open(choice.photos / f"{name}.png") as photograph:
                clean = np.asarray(photograph.convert("RGB"), np.float32) / 255
            before, after = Path(folder) / "before.png", Path(folder) / "after.png"
            Image.fromarray(to_bytes(degrade(clean, label, choice.seed, "benchmark"))).save(before)
            subprocess.run(
                [choice.binary, "restore", before, "-o", after, "--seed", str(choice.seed), "--bundle", choice.bundle],
                check=True)
            for row, path in enumerate((before, after)):
                with Image.open(path) as picture:
                    small = picture.resize((SIDE, SIDE), Image.LANCZOS)
                canvas.paste(small, (column * (SIDE + GAP), row * (SIDE + GAP)))
    canvas.save(choice.output, optimize=True)


if __name__ == "__main__":
    main()
