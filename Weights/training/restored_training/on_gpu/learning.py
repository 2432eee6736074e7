"""The loop of a run: steps without waiting for the device, a line a second, what is measured, and states on the way."""

from __future__ import annotations

import copy
import math
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from ..curves import draw_curves
from ..muon import MuonWithAdamW
from ..session import Average, rate_share
from .clock import Clock
from .makers import Feeder
from .state import State
from .tasks import Task

AVERAGE_DECAY = 0.998
MOMENTS = 4  # at which is measured, the end included, beside the beginning
SAVE_SECONDS = 60.0
SAY_SECONDS = 1.0
LISTENED = (5, 7)  # steps
RESTARTS = 3  # after gradients that are no numbers


class Learner:
    """Trains a task's module; `state` says where it stood before and is brought up to date."""

    def __init__(self, task: Task, state: State, rate: float, out: Path):
        self.task, self.state, self.rate, self.out = task, state, rate, out
        self.module, self.device = task.module, task.device
        self.averaged = copy.deepcopy(task.module).requires_grad_(False)
        self.begun_seconds, self.steps, self.trained, self.bits = state.seconds, 0, 0.0, 10
        self.mean_loss = torch.zeros((), device=self.device)
        self.begin()
        self.keep()

    def begin(self) -> None:
        """Moments of the optimiser and the average, from nothing."""
        self.optimiser, self.average, self.young = MuonWithAdamW(self.module, self.rate), Average(self.module, AVERAGE_DECAY), 0

    def keep(self) -> None:
        self.good = {name: value.clone() for name, value in self.module.state_dict().items()}

    def loss(self) -> Tensor:
        """Of the next batch, with its gradients; of a smaller one where there is not memory enough."""
        while True:
            try:
                loss = self.task.loss(self.state.step)
                loss.backward()
                return loss.detach()
            except torch.cuda.OutOfMemoryError:
                if not self.task.shrink():
                    raise
                print(f"out of memory: {self.task.pictures()} pictures a step from here", flush=True)
            # Outside of the handler, which holds on to what did not fit.
            for parameter in self.module.parameters():
                parameter.grad = None
            torch.cuda.empty_cache()

    def step(self, progress: float) -> Tensor:
        """Returns the gradient's norm, on the device."""
        loss = self.loss()
        norm = nn.utils.clip_grad_norm_(self.module.parameters(), 1.0)
        self.optimiser.step(rate_share(self.young, progress))
        self.state.step += 1
        self.steps += 1
        self.young += 1
        self.average.add(self.module, self.young)
        keep = min(0.98, 1 - 1 / self.steps)
        self.mean_loss = keep * self.mean_loss + (1 - keep) * loss
        return norm

    def goes_well(self, norm: Tensor) -> bool:
        """Waits for the device. Where the gradient is no number, everything goes back to the last weights that were good."""
        if math.isfinite(float(norm)) and math.isfinite(float(self.mean_loss)):
            return True
        print(f"step {self.state.step}: the gradient's norm is {float(norm)}; back to the last good weights, at half the rate", flush=True)
        self.module.load_state_dict(self.good)
        self.rate /= 2
        self.mean_loss.zero_()
        self.begin()
        return False

    def measure(self) -> dict[str, float]:
        self.averaged.load_state_dict(self.average.values)
        with torch.no_grad():
            measured = self.task.quality(self.averaged)
        known = {"loss": float(self.mean_loss)} if self.steps else {}
        entry = {"step": self.state.step, "minutes": self.seconds() / 60, **known, **measured}
        self.state.history.append(entry)
        print(f"{self.task.name}: " + ", ".join(f"{name} {value:.3f}" for name, value in entry.items() if name != "step"), flush=True)
        return measured

    def seconds(self) -> float:
        return self.begun_seconds + self.trained

    def save(self) -> None:
        """State and curves."""
        self.state.weights = {name: value.detach().cpu() for name, value in self.average.values.items()}
        self.state.seconds = self.seconds()
        self.bits = self.state.write(self.out / "state")
        if self.state.history:
            draw_curves(self.state.history, self.out / f"{self.task.name}.png", self.task.name)

    def run(self, clock: Clock, feeder: Feeder, until: float, planned: float | None, pool_until: float,
            most: int | None = None) -> None:
        """Trains until a time of `time.monotonic`. The rate falls to nothing until then, or over `planned` seconds, those of the runs
        before counted. From `pool_until` on no more pictures are begun. At `most` so many steps.
        """
        start = last_said = last_saved = time.monotonic()
        measured_at = [start + (until - start) * share / MOMENTS for share in range(1, MOMENTS)]
        before, restarts, left_out, longest, last = self.steps, 0, 0.0, 0.0, start
        # A step that would end too late is not begun.
        while (now := time.monotonic()) + longest < until and not clock.is_stopped:
            longest, last = max(0.9 * longest, now - last), now
            self.trained = now - start
            progress = self.seconds() / planned if planned else self.trained / (until - start)
            if progress >= 1 or self.steps == most:
                break
            if now > pool_until:
                feeder.makers.end()
            self.take(feeder)
            if self.device.type == "cuda" and self.steps in LISTENED:
                # Says where a step waits for the device: none should.
                torch.cuda.set_sync_debug_mode("warn" if self.steps == LISTENED[0] else "default")
            norm = self.step(progress)
            if now - last_said >= SAY_SECONDS:
                if not self.goes_well(norm):
                    restarts += 1
                    if restarts > RESTARTS:
                        raise FloatingPointError(f"{restarts} times the gradient was no number")
                now = time.monotonic()
                took, steps = now - last_said - left_out, self.steps - before
                print(f"{clock.left():5.0f} s left, step {self.state.step}: loss {float(self.mean_loss):.4f}, rate "
                      f"{rate_share(self.young, progress):.2f}, {steps / took:.1f} steps/s, {steps * self.task.pictures() / took:,.0f} "
                      f"pictures/s, rounds {self.task.slots.taken} of {self.task.slots.count}{memory(self.device)}", flush=True)
                before, last_said, left_out = self.steps, now, 0.0
                if now - last_saved > SAVE_SECONDS:
                    self.keep()
                    self.save()
                    last_saved = time.monotonic()
                    left_out += last_saved - now
                if measured_at and now >= measured_at[0]:
                    measured_at.pop(0)
                    self.measure()
                    left_out += time.monotonic() - now
                last += left_out
        if self.steps and not self.goes_well(self.mean_loss):
            print("the last steps are left out", flush=True)
        self.trained = time.monotonic() - start

    def take(self, feeder: Feeder, wait: float = 0) -> None:
        for prepared, event in feeder.arrived(wait):
            if event is not None:
                torch.cuda.current_stream().wait_event(event)
            self.task.add(prepared)
            for value in prepared.values():
                if event is not None:
                    value.record_stream(torch.cuda.current_stream())


def memory(device: torch.device) -> str:
    if device.type != "cuda":
        return ""
    free, total = torch.cuda.mem_get_info(device)
    return f", GPU memory {(total - free) / 2**30:.0f} of {total / 2**30:.0f} GiB"
