"""The end of a run: on time, on a signal, or by force."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import contextmanager
from typing import Callable, Iterator

RING_AGAIN = 5.0  # seconds, where what was thrown was caught on the way
LAST_SECONDS = 3.0  # before the end a run that has not ended by itself is ended


class Stopped(BaseException):
    """A signal asked for the end while something long was under way. No `Exception`: compilers catch those, and go on otherwise."""


class TookTooLong(BaseException):
    """The time that something was given is over."""


class Clock:
    """`minutes` from `start` (of `time.monotonic`) on, saving included. Used by the main thread, which signals reach."""

    def __init__(self, start: float, minutes: float):
        self.start, self.deadline = start, start + 60 * minutes
        self.is_stopped, self._may_raise, self._process = False, False, os.getpid()
        self._kept = {name: signal.signal(name, self._stop) for name in (signal.SIGTERM, signal.SIGINT)}

    def _stop(self, number: int, frame) -> None:
        if os.getpid() != self._process:
            os._exit(128 + number)  # forked from this one, and ended by its parent
        print(f"{signal.Signals(number).name}: ends and saves", flush=True)
        self.is_stopped = True
        if self._may_raise:
            self._may_raise = False
            raise Stopped()

    def elapsed(self) -> float:
        return time.monotonic() - self.start

    def left(self) -> float:
        return self.deadline - time.monotonic()

    @contextmanager
    def interruptible(self, seconds: float | None = None) -> Iterator[None]:
        """For what has no end of its own: a signal throws `Stopped` in it, and after so many seconds `TookTooLong` is thrown."""
        if self.is_stopped:
            raise Stopped()

        def ring(number: int, frame) -> None:
            raise TookTooLong()

        before = signal.signal(signal.SIGALRM, ring)
        self._may_raise = True
        if seconds is not None:
            signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001), RING_AGAIN)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            self._may_raise = False
            signal.signal(signal.SIGALRM, before)

    def watch(self, farewell: Callable[[], str], leave: Callable[[int], None] = os._exit) -> threading.Event:
        """A thread that ends the process just before the deadline, whatever hangs. Set what is returned once all is done."""
        done = threading.Event()

        def wait() -> None:
            if not done.wait(max(0.0, self.left() - LAST_SECONDS)):
                print(f"ended by force, {LAST_SECONDS:.0f} s before the end: {farewell()}", file=sys.stderr, flush=True)
                leave(3)

        threading.Thread(target=wait, name="watchdog", daemon=True).start()
        return done

    def close(self) -> None:
        for name, handler in self._kept.items():
            signal.signal(name, handler)
