"""Everything that decides what a training of the network of one evaluation makes, in one place and in a file."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from .degradations import CLEAN
from .photographs import REPOSITORY


@dataclass
class Hyperparameters:
    """Written as `hyperparameters.json` beside the curves, and into `bundle.json` as `training`. The same ones, commit and
    photographs give the same drawn examples and batches.
    """

    seed: int = 1
    # The code's; with "+" where the working tree has changes.
    commit: str = "unknown"
    # Of work, of each process.
    minutes: float = 10
    processes: int = 1
    # Of the pool, and of the pictures to measure with.
    examples: int = 1000
    held_out_examples: int = 100
    # Of the minutes: first the network learns to tell degradations apart (DCPT, arXiv 2501.15510).
    pretraining_share: float = 0.2
    pretraining_rate: float = 0.002

    width: int = 16
    enc_blk_nums: list[int] = field(default_factory=lambda: [1, 1, 2, 4])
    middle_blk_num: int = 2
    dec_blk_nums: list[int] = field(default_factory=lambda: [1, 1, 1, 1])
    use_degradation: bool = True
    use_content: bool = False
    norm: str = "gain"

    rate: float = 0.002
    # Of a batch, and batches to a step.
    pixels: int = 111_000
    parts: int = 2
    # (progress, side) of the crops.
    crops: list[list[float]] = field(default_factory=lambda: [[0.0, 96], [0.3, 128], [0.7, 192]])
    # How often the examples of each label are drawn; others count once.
    shares: dict[str, float] = field(default_factory=lambda: {
        "jpeg-compressed": 1.5, "motion-blurry": 1.5, "shadowed": 1.5, "hazy": 1.5, "rainy": 1.5, CLEAN: 0.3})
    # Get another picture's embeddings, so that a wrong label does less harm.
    stranger_share: float = 0.05
    # How much neighbours' differences count beside the pixels, and the squared error that counts half of one that is large.
    gradient_weight: float = 0.5
    error_floor: float = 3e-4
    measured_side: int = 192
    measured_a_label: int = 8

    @classmethod
    def read(cls, file: Path, **others) -> Hyperparameters:
        """Of a file with some of the fields, and those that are given here.

        Throws a ValueError for fields that there are not.
        """
        told = json.loads(file.read_text())
        if unknown := set(told) - {known.name for known in fields(cls)}:
            raise ValueError(f"{file}: unknown hyperparameters {sorted(unknown)}")
        return cls(**{**told, **others})

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "hyperparameters.json").write_text(json.dumps(asdict(self), indent=1) + "\n")


def current_commit() -> str:
    """Of the code that runs; "unknown" where it is in no checkout."""
    def told(*words: str) -> str | None:
        try:
            return subprocess.run(["git", "-C", str(REPOSITORY), *words], check=True, capture_output=True, text=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return None

    commit = told("rev-parse", "HEAD")
    if not commit:
        return "unknown"
    return commit + ("+" if told("status", "--porcelain", "--untracked-files=no") else "")
