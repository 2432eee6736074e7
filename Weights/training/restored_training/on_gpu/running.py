"""One run, from the pack to what comes back."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

import torch
from PIL import features

from ..ordinary.text import DRAWING_KIT
from ..pairs import found_pairs
from ..pool import Pool, make_pool
from .clock import LAST_SECONDS, Clock, Stopped, TookTooLong
from .compiling import compile_or_not, wait_for
from .learning import Learner
from .makers import Feeder, Makers
from .packing import unpacked
from .parts import write_parts
from .rounds import Material, Round, controller_round, network_round
from .state import State, read_state
from .tasks import ControllerTask, NetworkTask, Task

FIRST_SHARE = 0.2  # of the minutes, at most, for the pictures that the encoder describes and those to measure with
POOL_SHARE = 0.8  # of the time that is trained: then the last pictures are begun
LEAST_RESERVE = 8.0  # seconds, for the last save
# The rest of a GPU's memory is for networks and steps; a processor rehearses.
POOL_SHARE_OF_MEMORY, REHEARSED_GIB = 0.45, 1.0


class Run:
    def __init__(self, choice: argparse.Namespace, start: float):
        self.choice, self.clock = choice, Clock(start, choice.minutes)
        self.out: Path = choice.out
        self.out.mkdir(parents=True, exist_ok=True)
        self.work = Path(tempfile.mkdtemp(prefix="on-gpu-"))
        self.makers: Makers | None = None
        self.learner: Learner | None = None
        self.is_saved = "nothing was saved"

    def say(self, text: str) -> None:
        print(f"{self.clock.elapsed():6.1f} s: {text}", flush=True)

    def run(self) -> int:
        """0 where everything was saved."""
        done = self.clock.watch(self.farewell)
        try:
            task, feeder = self.prepared()
            status = self.trained(task, feeder)
            self.finish(task)
            self.say(self.result(task))
            return status
        except (Stopped, TookTooLong):
            return self.ended_early("stopped before there was anything to train")
        finally:
            done.set()
            if self.makers:
                self.makers.close()
            shutil.rmtree(self.work, ignore_errors=True)
            self.clock.close()

    def farewell(self) -> str:
        """For the watchdog: the processes end; to clear away files would take time that there is not."""
        for process in self.makers.processes if self.makers else []:
            process.kill()
        return f"{self.is_saved}; {self.work} is left"

    def ended_early(self, why: str) -> int:
        self.say(f"{why}; {self.is_saved}")
        return 3

    def prepared(self) -> tuple[Task, Feeder]:
        """Pictures under way, networks on the device."""
        choice = self.choice
        if not features.check("webp"):
            raise RuntimeError("pillow is without WebP here, and the photographs are such files")
        self.say(f"torch {torch.__version__}, {os.cpu_count()} cores, {shutil.disk_usage(self.work).free / 2**30:.0f} GiB of disk")
        folder = unpacked(choice.pack, choice.task, self.work / "pack")
        os.environ[DRAWING_KIT] = str(folder)
        photographs, held_out = (sorted((folder / name).glob("*.webp")) for name in ("photographs", "held-out"))
        pairs = found_pairs(folder / "pairs")
        self.state = self.first_state(folder)
        self.say(f"{len(photographs)} photographs, {len(held_out)} held out, {len(pairs)} pairs; "
                 + (f"goes on from step {self.state.step}" if self.state.step else "begins with the bundle"))
        self.make_first(photographs, held_out)
        make = controller_round if choice.task == "controller" else network_round
        material = Material(photographs, pairs, choice.pair_share, choice.seed * 1_000_003 + self.state.step, choice.examples,
                            min(16, choice.batch) if choice.task == "controller" else 16, least_side=getattr(choice, "side", 160))
        # Before the device is touched: processes are forked.
        self.makers = Makers(make, material, self.work / "rounds", choice.processes)
        device = torch.device(choice.device)
        self.say(f"{choice.processes} processes make pictures; the device is {device_name(device)}")
        torch.manual_seed(choice.seed)
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
        task = self.new_task(folder, device)
        if self.state.weights:
            task.module.load_state_dict({name: value.float() for name, value in self.state.weights.items()})
        return task, Feeder(self.makers, prepared_beside(task))

    def first_state(self, folder: Path) -> State:
        path = self.choice.state or (folder / "state" if (folder / "state").exists() else None)
        return read_state(path, self.choice.task) if path else State(self.choice.task)

    def make_first(self, photographs: list[Path], held_out: list[Path]) -> None:
        """The pictures that the encoder describes, and those that are measured with."""
        choice = self.choice
        for name, paths, count, seed in (("held-out", held_out, choice.held_out, choice.seed + 1),
                                         ("pool", photographs, choice.described, choice.seed)):
            try:
                with self.clock.interruptible(FIRST_SHARE / 2 * 60 * choice.minutes):
                    make_pool(self.work / name, paths, count, seed, choice.processes)
            except TookTooLong:
                self.say(f"{name} is cut off: its time is over")
        self.pool, self.held_out = (whole_examples(self.work / name) for name in ("pool", "held-out"))

    def new_task(self, folder: Path, device: torch.device) -> Task:
        choice = self.choice
        gib = choice.pool_gib or (POOL_SHARE_OF_MEMORY * torch.cuda.mem_get_info(device)[1] / 2**30 if device.type == "cuda" else REHEARSED_GIB)
        where = folder / "bundle", self.pool, self.held_out, device, int(gib * 2**30), choice.seed + self.state.step
        if choice.task == "controller":
            return ControllerTask(*where, folder=self.work, batch=choice.batch, is_anchored=choice.anchor)
        return NetworkTask(*where, folder=self.work, pixels=choice.pixels, side=choice.side, keep=choice.keep)

    def trained(self, task: Task, feeder: Feeder) -> int:
        """1 where something failed on the way; what was learned until then is kept."""
        choice, clock = self.choice, self.clock
        learner = self.learner = Learner(task, self.state, choice.rate, self.out)
        start = time.monotonic()
        self.finish(task)
        saving = time.monotonic() - start
        self.say(f"rehearsed the end in {saving:.0f} s")
        start = time.monotonic()
        self.measured_before = len(self.state.history)
        learner.measure()
        measuring = time.monotonic() - start
        try:
            self.wait_for_pictures(task, feeder)
            if choice.compile:
                compile_or_not(learner, clock, min(choice.compile_seconds, clock.left() / 3))
            # More than it took, because others may have the machine by then.
            until = clock.deadline - max(LEAST_RESERVE, 1.5 * (saving + measuring) + 2 * LAST_SECONDS)
            now = time.monotonic()
            self.say(f"trains for {max(0.0, until - now):.0f} s")
            learner.run(clock, feeder, until, 60 * choice.plan if choice.plan else None, now + POOL_SHARE * (until - now), choice.steps)
            self.makers.end()
            if not clock.is_stopped:
                learner.measure()
        except Stopped:
            pass
        except Exception:  # noqa: BLE001 - whatever it is, what was learned is saved
            traceback.print_exc()
            return 1
        return 0

    def wait_for_pictures(self, task: Task, feeder: Feeder) -> None:
        try:
            with self.clock.interruptible(max(1.0, self.clock.left() / 2)):
                while not task.is_ready():
                    self.learner.take(feeder, wait=1.0)
                    if feeder.has_ended and not task.is_ready():
                        raise RuntimeError("no pictures can be made")
        except TookTooLong:
            raise RuntimeError("no pictures came in half of the time") from None

    def finish(self, task: Task) -> None:
        """State and curves first, then the bundle: whoever is stopped in between has what training goes on from."""
        learner = self.learner
        wait_for(task.device)
        learner.save()
        self.is_saved = f"the state of step {learner.state.step} is saved"
        learner.averaged.load_state_dict(learner.average.values)
        task.write(learner.averaged, self.work / "bundle", self.work)
        self.parts = write_parts(self.work / "bundle", self.out)
        self.is_saved = f"state and bundle of step {learner.state.step} are saved"

    def result(self, task: Task) -> str:
        learner, history = self.learner, self.state.history
        first, last = history[self.measured_before], history[-1]
        figure = "accuracy" if task.name == "controller" else "gain"
        return (f"reached: {task.name} step {self.state.step} ({learner.steps} of this run in {learner.trained:.0f} s, "
                f"{learner.steps * task.pictures() / max(learner.trained, 1e-9):,.0f} pictures/s), {figure} {first.get(figure, float('nan')):.3f} "
                f"-> {last.get(figure, float('nan')):.3f}; {self.out} holds state ({(self.out / 'state').stat().st_size:,} bytes, "
                f"{learner.bits} bits), {task.name}.png and {len(self.parts)} parts of the bundle; {self.clock.left():.0f} s were left")


def whole_examples(folder: Path) -> Pool:
    """A pool that may have been cut off. Throws a ValueError where there is nothing in it."""
    pool = Pool(folder) if (folder / "index.jsonl").exists() and (folder / "index.jsonl").stat().st_size else None
    if pool is None or len(pool) == 0:
        raise ValueError(f"{folder.name}: no picture was made in time")
    return pool


def prepared_beside(task: Task):
    """What prepares rounds in the feeder's thread: on a stream of its own, so that steps don't wait for it."""
    stream = torch.cuda.Stream(task.device) if task.device.type == "cuda" else None

    def prepare(round_: Round):
        if stream is None:
            return task.prepare(round_), None
        with torch.cuda.stream(stream):
            prepared = task.prepare(round_)
            return prepared, stream.record_event()

    return prepare


def device_name(device: torch.device) -> str:
    if device.type != "cuda":
        return f"the {device.type}, a rehearsal"
    free, total = torch.cuda.mem_get_info(device)
    return f"{torch.cuda.get_device_name(device)}, {free / 2**30:.0f} of {total / 2**30:.0f} GiB free"
