"""Weights in half precision in files of a given size: the bytes with the exponents apart, which compress to two thirds."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

MANTISSA = 10  # bits of a half
FEWEST_BITS = 5
ABOUT, HIGH, LOW = "about.json", "high", "low"


def write_compact(path: Path, tensors: dict[str, Tensor], about: dict, limit: int | None = None) -> int:
    """Writes them as float16 and returns how many bits of the mantissa they keep: all ten, or as many as leave the file under
    the limit. Throws a ValueError where five are too many.
    """
    for bits in range(MANTISSA, FEWEST_BITS - 1, -1):
        content = compacted(tensors, about, bits)
        if limit is None or len(content) <= limit:
            replace(path, content)
            return bits
    raise ValueError(f"{path}: {len(content):,} bytes with {bits} bits of the mantissa; the limit is {limit:,}")


def compacted(tensors: dict[str, Tensor], about: dict, bits: int) -> bytes:
    shapes = {name: list(value.shape) for name, value in tensors.items()}
    halves = [rounded(value.detach().cpu().half().contiguous().numpy().ravel(), bits) for value in tensors.values()]
    planes = np.concatenate([np.zeros(0, np.uint16), *halves]).view(np.uint8).reshape(-1, 2)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        # A fixed date, so that the same weights give the same bytes.
        archive.writestr(zipfile.ZipInfo(ABOUT), json.dumps({**about, "tensors": shapes, "bits": bits}))
        for name, column in ((LOW, 0), (HIGH, 1)):
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, planes[:, column].tobytes())
    return file.getvalue()


def rounded(halves: np.ndarray, bits: int) -> np.ndarray:
    """To so many bits of the mantissa, as unsigned numbers."""
    values = halves.view(np.uint16)
    dropped = MANTISSA - bits
    if dropped == 0:
        return values
    return ((values.astype(np.uint32) + (1 << (dropped - 1))) >> dropped << dropped).astype(np.uint16)


def read_compact(path: Path) -> tuple[dict[str, Tensor], dict]:
    """The tensors, in float16, and what was written about them."""
    with zipfile.ZipFile(path) as archive:
        about = json.loads(archive.read(ABOUT))
        low, high = (np.frombuffer(archive.read(name), np.uint8) for name in (LOW, HIGH))
    halves = torch.from_numpy(np.stack([low, high], axis=1).ravel().view(np.float16))
    shapes = about.pop("tensors")
    parts = halves.split([int(np.prod(shape)) for shape in shapes.values()])
    return {name: part.clone().view(shape) for part, (name, shape) in zip(parts, shapes.items())}, about


def replace(path: Path, content: bytes) -> None:
    """Never a half-written file: whoever is stopped leaves the one before."""
    temporary = path.with_name(path.name + ".part")
    temporary.write_bytes(content)
    os.replace(temporary, path)
