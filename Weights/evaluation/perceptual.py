"""How visible a difference is: Google's butteraugli, by Debian's program of that name where it is installed.

0 where pictures agree, more is worse. It is the largest difference at any place, so that one bad spot counts however small it is;
its scale is that of the program of 2017, in which 1 is about what can be seen and what is plainly damaged has 10 and more.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

PROGRAM = "butteraugli"
# Of smaller pictures the program says 0, whatever they are.
LEAST_SIDE = 16


def is_there() -> bool:
    return shutil.which(PROGRAM) is not None


def butteraugli(one: np.ndarray, other: np.ndarray) -> float | None:
    """Of two pictures as (height, width, 3) arrays of bytes; None where the program is not there or they are too small for it."""
    if not is_there() or min(one.shape[:2]) < LEAST_SIDE:
        return None
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("one.png", "other.png")]
        for path, picture in zip(paths, (one, other)):
            Image.fromarray(picture).save(path, compress_level=1)
        answer = subprocess.run([PROGRAM, *paths], capture_output=True, text=True)
    if answer.returncode != 0:
        raise RuntimeError(f"{PROGRAM} ended with {answer.returncode}: {answer.stderr.strip()}")
    return float(answer.stdout)
