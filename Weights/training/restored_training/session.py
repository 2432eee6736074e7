"""What every stage of training shares: a time limit, a rate that falls to zero, averaged weights, files to resume from."""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np
import torch
from torch import nn

from .curves import draw_curves
from .muon import MuonWithAdamW
from .processes import agreed, process_number, share_gradients

WARM_UP_STEPS = 50
AVERAGE_DECAY = 0.998  # of a batch
SAVE_SECONDS = 120
LEAST_MEASUREMENTS = 5  # over a budget, so that a short run shows a curve as well


@dataclass
class Budget:
    """Training ends after so many minutes of work; resuming goes on counting, waiting for a processor does not count."""

    minutes: float

    def progress(self, seconds: float) -> float:
        return seconds / (60 * self.minutes) if self.minutes > 0 else 1


def working_seconds(device: torch.device) -> float:
    """A clock of the work done: on a CPU that of the process, which stands still while others have the processor."""
    return time.process_time() if device.type == "cpu" else time.monotonic()


class Average:
    """An exponential average of a module's parameters; young averages forget faster."""

    def __init__(self, module: nn.Module, decay: float):
        self.decay = decay
        self.values = {name: value.detach().clone().float() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def add(self, module: nn.Module, step: int) -> None:
        keep = min(self.decay, (1 + step) / (10 + step))
        now = module.state_dict()
        torch._foreach_lerp_(list(self.values.values()), [now[name].float() for name in self.values], 1 - keep)


def rate_share(steps: int, progress: float) -> float:
    """Of the full rate, after so many steps of this run: a quarter of the way all of it, then down in a straight line."""
    return min(1, (steps + 1) / WARM_UP_STEPS, (1 - progress) / 0.75)


def state_file(name: str, folder: Path) -> Path:
    return folder / f"{name}.state.pt"


def has_begun(name: str, folder: Path) -> bool:
    """Whether a session of that name would go on there from where an earlier one stood."""
    return state_file(name, folder).exists()


class Session:
    """One module's training: `loss_of(step, progress)` gives the loss of the next batch, `quality()` what is measured.

    A step takes the mean gradient of `parts` batches.
    """

    def __init__(self, name: str, folder: Path, module: nn.Module, rate: float, budget: Budget, measure_every: int,
                 parts: int = 1, decay: float = AVERAGE_DECAY):
        self.name, self.folder, self.module, self.parts = name, folder, module, parts
        self.device = next(module.parameters()).device
        self.budget, self.measure_every = budget, measure_every
        self.optimiser = MuonWithAdamW(module, rate)
        self.average = Average(module, decay=decay**parts)
        self.step, self.seconds = 0, 0.0
        self.history: list[dict] = []
        folder.mkdir(parents=True, exist_ok=True)
        self.file = state_file(name, folder)
        if has_begun(name, folder):
            self._resume()

    def _resume(self) -> None:
        state = torch.load(self.file, map_location=self.device, weights_only=True)
        self.module.load_state_dict(state["module"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.average.values = state["average"]
        self.step, self.seconds, self.history = state["step"], state["seconds"], json.loads(state["history"])
        print(f"{self.name}: goes on from step {self.step}, {self.seconds:.0f} s", flush=True)

    def seeded(self, seed: int) -> int:
        """Seeds torch, and gives the seed of what else is drawn. A stage that goes on must not draw the batches and the noise
        again that it began with, so both depend on the step.
        """
        own = int(np.random.SeedSequence([seed, self.step]).generate_state(1)[0])
        torch.manual_seed(own)
        return own

    def save(self) -> None:
        # What has not begun is not gone on with: a later run may begin elsewhere.
        if process_number() != 0 or self.step == 0:
            return
        state = {
            "module": self.module.state_dict(), "optimiser": self.optimiser.state_dict(), "average": self.average.values,
            "step": self.step, "seconds": self.seconds, "history": json.dumps(self.history)}
        temporary = self.file.with_suffix(".part")
        torch.save(state, temporary)
        os.replace(temporary, self.file)
        draw_curves(self.history, self.folder / f"{self.name}.png", self.name)

    def run(self, loss_of: Callable[[int, float], torch.Tensor], quality: Callable[[], dict[str, float]]) -> None:
        """Trains until the budget is spent; the module holds the averaged weights afterwards."""
        if not self.history:
            self._measure(quality, None)
        saved, mean_loss = time.monotonic(), None
        progress = self._progress()
        while progress < 1:
            start = working_seconds(self.device)
            value = 0.0
            for _ in range(self.parts):
                loss = loss_of(self.step, progress) / self.parts
                loss.backward()
                value += float(loss.detach())
            share_gradients(self.module)
            norm = float(nn.utils.clip_grad_norm_(self.module.parameters(), 1.0))
            # Of shared gradients, so all processes end together.
            if not math.isfinite(norm):
                raise FloatingPointError(
                    f"{self.name}, step {self.step}: the gradient's norm is {norm}, the loss {value}; nothing of it is kept")
            self.optimiser.step(rate_share(self.step, progress))
            self.step += 1
            self.average.add(self.module, self.step)
            mean_loss = value if mean_loss is None else 0.98 * mean_loss + 0.02 * value
            self.seconds += working_seconds(self.device) - start
            before, progress = progress, self._progress()
            # The last step ends the last part.
            ends_part = int(before * LEAST_MEASUREMENTS) < int(progress * LEAST_MEASUREMENTS)
            if ends_part or self.step % self.measure_every == 0:
                self._measure(quality, mean_loss)
            if time.monotonic() - saved > SAVE_SECONDS:
                self.save()
                saved = time.monotonic()
        self.save()
        self.module.load_state_dict(self.average.values)

    def _progress(self) -> float:
        return agreed(self.budget.progress(self.seconds))

    def _measure(self, quality: Callable[[], dict[str, float]], loss: float | None) -> None:
        if process_number() != 0:
            self.history.append({})
            return
        kept = {name: value.detach().clone() for name, value in self.module.state_dict().items()}
        self.module.load_state_dict(self.average.values)
        with torch.no_grad():
            measured = quality()
        self.module.load_state_dict(kept)
        known = {} if loss is None else {"loss": loss}
        self.history.append({"step": self.step, "minutes": self.seconds / 60, **known, **measured})
        figures = ", ".join(f"{name} {value:.3f}" for name, value in self.history[-1].items() if name != "step")
        print(f"{self.name} step {self.step}: {figures}", flush=True)
