"""Which photographs are trained on, and which never: folders of pictures and committed lists of names."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
from PIL import Image

from .effects import to_bytes

REPOSITORY = Path(__file__).resolve().parents[3]
# The first is spoilt to measure with, the second is measured with as it is.
TEST_SPLIT, HELD_OUT = (Path(__file__).resolve().parents[1] / name for name in ("test-split.txt", "held-out.txt"))
ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}
LEAST_SIDE = 224  # of a photograph, in pixels: what the encoder's windows are cut from


def data_folder() -> Path:
    """The folder that RESTORED_DATA names, else the one beside the checkout."""
    return Path(os.environ.get("RESTORED_DATA") or REPOSITORY.parent / "shared/data")


def photograph_folders() -> list[Path]:
    """Those of the data folder that are trained on."""
    return [folder for name in ("clean", "photos") if (folder := data_folder() / name).is_dir()]


def pairs_folder() -> Path:
    """Real pairs of a spoilt and a clean picture, to train on."""
    return data_folder() / "train-pairs"


def listed_names(path: Path) -> set[str]:
    return {line.strip() for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")}


def held_out_names() -> set[str]:
    return listed_names(TEST_SPLIT) | listed_names(HELD_OUT)


def is_large_enough(path: Path) -> bool:
    with Image.open(path) as file:
        return min(file.size) >= LEAST_SIDE


def split_photographs(*folders: Path) -> tuple[list[Path], list[Path]]:
    """The photographs to train on and those held out: the listed names, and where none is there, about a tenth, chosen by
    their names alone, so that a photograph more or less moves no other from one side to the other.
    """
    paths = sorted(path for folder in folders for path in folder.rglob("*")
                   if path.suffix.lower() in ENDINGS and is_large_enough(path))
    named = " and ".join(str(folder) for folder in folders)
    if len(paths) < 2:
        raise FileNotFoundError(
            f"{named} holds {len(paths)} photographs; at least 2 pictures of {LEAST_SIDE} pixels a side are needed")
    names = held_out_names()
    held_out = [path for path in paths if path.name in names] or [path for path in paths if lot(path.name) < 0.1]
    held_out = held_out or [min(paths, key=lambda path: lot(path.name))]
    kept = set(held_out)
    training = [path for path in paths if path not in kept]
    if not training:
        raise FileNotFoundError(f"{named} holds {len(paths)} photographs, all of them held out; others are needed to train on")
    return training, held_out


def lot(name: str) -> float:
    """A name's own random number, 0...1."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64


def write_pair(folder: Path, name: str, degraded: np.ndarray, clean: np.ndarray) -> None:
    """FOLDER/lq/NAME.png and FOLDER/gt/NAME.png, as `Weights/evaluate` reads them."""
    for side, picture in (("lq", degraded), ("gt", clean)):
        (folder / side).mkdir(parents=True, exist_ok=True)
        Image.fromarray(to_bytes(picture)).save(folder / side / f"{name}.png", compress_level=1)


def read_picture(path: Path) -> np.ndarray:
    """(height, width, 3), float32 in 0...1."""
    with Image.open(path) as file:
        return np.asarray(file.convert("RGB"), np.float32) / 255
