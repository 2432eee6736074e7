"""Where training stands, in one file of at most 16 MiB: the averaged weights in half precision, steps, seconds and curves.

What is not in it: the weights of the last step beside their average, which a run that goes on begins with, and the optimiser's
moments, which are there again after some hundred steps.
"""

from __future__ import annotations

import json
import pickle
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from . import FILE_LIMIT
from .compact import read_compact, write_compact

NETWORKS = {"controller": "daclip", "network": "unet"}  # what is trained, and what a bundle calls it


@dataclass
class State:
    """`of` is "controller" or "network". Where the weights are those of the bundle that travels along, there are none here."""

    of: str
    weights: dict[str, Tensor] = field(default_factory=dict)
    step: int = 0
    seconds: float = 0.0
    history: list[dict] = field(default_factory=list)

    def write(self, path: Path) -> int:
        """Returns how many bits of the mantissa it keeps."""
        about = {"of": self.of, "step": self.step, "seconds": self.seconds, "history": self.history}
        return write_compact(path, self.weights, about, FILE_LIMIT)


def read_state(path: Path, of: str | None = None) -> State:
    """A state as it is written here, or one that `train` left (`controller.state.pt`, `unet.state.pt`).

    Throws a ValueError where it is of another network than is asked for, or no state at all.
    """
    if zipfile.is_zipfile(path) and "about.json" in zipfile.ZipFile(path).namelist():
        weights, about = read_compact(path)
        state = State(about["of"], weights, about["step"], about["seconds"], about["history"])
    else:
        state = state_of_session(path)
    if of and state.of != of:
        raise ValueError(f"{path} is a state of the {state.of}, not of the {of}")
    return state


def state_of_session(path: Path) -> State:
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True)
        weights, history = {name: value.half() for name, value in kept["average"].items()}, json.loads(kept["history"])
        of = "controller" if any(name.startswith("visual_control.") for name in weights) else "network"
        return State(of, weights, kept["step"], kept["seconds"], history)
    except (pickle.UnpicklingError, RuntimeError, KeyError, TypeError, EOFError, ValueError, OSError) as error:
        raise ValueError(f"{path} is no state of training: {type(error).__name__}") from error
