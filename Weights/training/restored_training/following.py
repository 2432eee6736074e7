"""Pictures as a bundle's restoration leaves them: what a network that follows it learns from."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from PIL import Image

from .photographs import REPOSITORY
from .pool import Example, Pool

sys.path.insert(0, str(REPOSITORY / "Weights/evaluation"))
from program import Program  # noqa: E402

TOGETHER = 64  # pictures of one run of the program, which loads the weights once


def restored_pool(pool: Pool, program: Program, folder: Path, count: int | None = None) -> None:
    """Writes a pool of the same clean pictures, each beside what the program makes of its degraded one; an interrupted one goes on
    where it stopped.

    - `count`: so many, spread evenly over the pool; all of them where it is not given.
    """
    folder.mkdir(parents=True, exist_ok=True)
    index_path, pixel_path = folder / "index.jsonl", folder / "pixels.bin"
    done = [Example(**json.loads(line)) for line in index_path.read_text().splitlines()] if index_path.exists() else []
    offset = done[-1].offset + 2 * done[-1].size if done else 0
    numbers = np.linspace(0, len(pool) - 1, min(count or len(pool), len(pool))).round().astype(int)
    started = time.monotonic()
    with pixel_path.open("r+b" if done else "wb") as pixels, index_path.open("a") as index:
        pixels.truncate(offset)
        pixels.seek(offset)
        for start in range(len(done), len(numbers), TOGETHER):
            part = numbers[start:start + TOGETHER]
            for number, made in zip(part, restored(pool, part, program)):
                example = replace(pool.examples[number], offset=offset)
                pixels.write(pool.pictures(number)[0].tobytes())
                pixels.write(made.tobytes())
                pixels.flush()
                index.write(json.dumps(asdict(example)) + "\n")
                index.flush()
                offset += 2 * example.size
            print(f"restored: {start + len(part)} of {len(numbers)} examples, {time.monotonic() - started:.0f} s", flush=True)


def restored(pool: Pool, numbers: np.ndarray, program: Program) -> list[np.ndarray]:
    """What the program, left to itself, makes of the degraded pictures of those numbers."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.png" for number in numbers]
        for number, path in zip(numbers, paths):
            Image.fromarray(pool.pictures(number)[1]).save(path, compress_level=1)
        answers = program.restore(paths, Path(folder) / "restored", ["--seed", "0"])
        return [np.asarray(Image.open(answer["output"]).convert("RGB")) for answer in answers]
