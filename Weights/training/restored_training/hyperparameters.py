"""Everything that decides what a training of a network of one evaluation makes, in one place and in a file."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Self

from .degradations import CLEAN
from .photographs import REPOSITORY


class InFile:
    """Of a dataclass: in `hyperparameters.json` beside the curves, and of a file with some of the fields."""

    @classmethod
    def read(cls, file: Path, **others) -> Self:
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


@dataclass
class OfEveryNetwork(InFile):
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
    rate: float = 0.002
    # Of a batch.
    pixels: int = 111_000
    # How often the examples of each label are drawn; others count once.
    shares: dict[str, float] = field(default_factory=lambda: {
        "jpeg-compressed": 1.5, "motion-blurry": 1.5, "shadowed": 1.5, "hazy": 1.5, "rainy": 1.5, CLEAN: 0.3})
    # How much neighbours' differences count beside the pixels, and the squared error that counts half of one that is large.
    gradient_weight: float = 0.5
    error_floor: float = 3e-4


@dataclass
class Hyperparameters(OfEveryNetwork):
    """Of the network that is steered by DA-CLIP."""

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

    # Batches to a step.
    parts: int = 2
    # (progress, side) of the crops.
    crops: list[list[float]] = field(default_factory=lambda: [[0.0, 96], [0.3, 128], [0.7, 192]])
    # Get another picture's embeddings, so that a wrong label does less harm.
    stranger_share: float = 0.05
    measured_side: int = 192
    measured_a_label: int = 8


@dataclass
class GuidedHyperparameters(OfEveryNetwork):
    """Of the network that borrows from a reference."""

    # Matches are looked for at the size of the coarsest level, and what is borrowed lies as exactly as that has pixels: one
    # level of halving is the most exact.
    width: int = 16
    enc_blk_nums: list[int] = field(default_factory=lambda: [1])
    middle_blk_num: int = 8
    dec_blk_nums: list[int] = field(default_factory=lambda: [2])
    ext_n_blocks: list[int] = field(default_factory=lambda: [0, 4, 0])
    reffusion_n_blocks: list[int] = field(default_factory=lambda: [2, 2])
    lr_block_size: int = 12
    ref_down_block_size: float = 1.5
    dilations: list[int] = field(default_factory=lambda: [2, 6])

    # The bundle whose restorations it is shown, by name; the degraded pictures themselves where there is none.
    after: str | None = None
    average_decay: float = 0.995
    parts: int = 1
    # (progress, side of a crop, side of its reference).
    crops: list[list[float]] = field(default_factory=lambda: [[0.0, 96, 120], [0.5, 120, 168], [0.8, 144, 216]])
    # Of the examples: how many see another view of what they show, and how many an unrelated one; the others see themselves, as the
    # program has it where no reference is given. Behind another restoration nothing is done then, so that there are no others.
    view_share: float = 0.42
    unrelated_share: float = 0.26
    # Of the minutes: first the features learn to find what a reference shows.
    feature_share: float = 0.35
    feature_rate: float = 0.002
    matching_temperature: float = 0.07
    matched_places: int = 96
    measured_side: int = 144
    measured_reference: int = 216
    measured_a_label: int = 3


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
