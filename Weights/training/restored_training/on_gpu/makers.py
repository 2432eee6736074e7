"""Processes that make rounds, one a core, and the thread that takes them in order: over files, so that one that dies takes nothing with it."""

from __future__ import annotations

import multiprocessing
import os
import queue
import shutil
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Callable

import numpy as np

from .rounds import Material, Round

WAITING_ROUNDS = 24  # made and not yet taken: more are not begun
PATIENCE = 20.0  # seconds for a round after which others have come; then it is left out
FAILURES = 3  # in a row; then a process gives up
NAP = 0.05


class Makers:
    """Begun before a GPU is touched: processes are forked."""

    def __init__(self, make: Callable[[Material, int], Round], material: Material, spool: Path, count: int, first: int = 0):
        spool.mkdir(parents=True, exist_ok=True)
        self.spool, self.next = spool, first
        context = multiprocessing.get_context("fork")
        self.counter, self.taken, self.ending = context.Value("q", first), context.Value("q", first), context.Event()
        self.processes = [
            context.Process(target=work, args=(make, material, spool, self.counter, self.taken, self.ending), daemon=True)
            for _ in range(count)]
        for process in self.processes:
            process.start()

    def take(self) -> Round | None:
        """The next round, or None once no more will come. Blocks."""
        waited_from = time.monotonic()
        while True:
            path = self.spool / f"{self.next}.round"
            are_at_work = any(process.is_alive() for process in self.processes)
            if path.exists():
                round_ = read_round(path)
                path.unlink()
                self._advance()
                return round_
            if not are_at_work and not path.exists():
                # One of the last may be missing, where its process was ended; those behind it are good.
                left = sorted(int(file.stem) for file in self.spool.glob("*.round"))
                if not left:
                    return None
                self.next = left[0]
            elif time.monotonic() - waited_from > PATIENCE and any(self.spool.glob("*.round")):
                print(f"makers: round {self.next} does not come, it is left out", file=sys.stderr, flush=True)
                self._advance()
                waited_from = time.monotonic()
            time.sleep(NAP)

    def _advance(self) -> None:
        self.next += 1
        with self.taken.get_lock():
            self.taken.value = self.next

    def end(self) -> None:
        """No round is begun any more; what is there can be taken."""
        self.ending.set()

    def close(self) -> None:
        self.end()
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.join(5)
        shutil.rmtree(self.spool, ignore_errors=True)


def work(make: Callable, material: Material, spool: Path, counter, taken, ending) -> None:
    os.nice(5)  # what feeds the GPU and compiles for it comes first
    import signal

    import torch
    torch.set_num_threads(1)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, signal.SIG_DFL if name == signal.SIGTERM else signal.SIG_IGN)
    failures, parent = 0, os.getppid()
    while not ending.is_set() and failures < FAILURES and os.getppid() == parent:
        if counter.value - taken.value >= WAITING_ROUNDS:
            time.sleep(NAP)
            continue
        with counter.get_lock():
            number = counter.value
            counter.value += 1
        try:
            write_round(spool / f"{number}.round", make(material, number))
            failures = 0
        except Exception:  # noqa: BLE001 - one picture that can't be made must not end a run
            failures += 1
            print(f"makers: round {number}:\n{traceback.format_exc()}", file=sys.stderr, flush=True)


def write_round(path: Path, round_: Round) -> None:
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as file:
        np.save(file, np.array(list(round_)))
        for values in round_.values():
            np.save(file, values)
    os.replace(temporary, path)


def read_round(path: Path) -> Round:
    with path.open("rb") as file:
        return {str(name): np.load(file) for name in np.load(file)}


class Feeder:
    """Takes rounds and prepares them, in a thread, `ahead` of what asks for them."""

    def __init__(self, makers: Makers, prepare: Callable[[Round], object], ahead: int = 4):
        self.makers, self.prepare = makers, prepare
        self.ready: queue.Queue = queue.Queue(ahead)
        self.has_ended = False
        self.thread = threading.Thread(target=self._run, name="feeder", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            while (round_ := self.makers.take()) is not None:
                self.ready.put(self.prepare(round_))
        except Exception:  # noqa: BLE001 - training goes on with the pictures that are there
            traceback.print_exc()
        self.has_ended = True

    def arrived(self, wait: float = 0) -> list:
        """What is ready; waits for the first at most so many seconds."""
        found = []
        try:
            found.append(self.ready.get(timeout=wait) if wait else self.ready.get_nowait())
            while True:
                found.append(self.ready.get_nowait())
        except queue.Empty:
            pass
        return found
