"""What the scripts beside this one share: a service of their own on loopback, a client, and what Linux tells of both."""

import argparse
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PICTURES = ROOT / "Tests/Fixtures/Images"


def arguments(description):
    """A parser with what every script takes."""
    # Ended from outside, the `with` blocks still end the service.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--program", default=ROOT / ".build/release/restored", type=pathlib.Path,
                        help="the built program (default: .build/release/restored)")
    parser.add_argument("--bundle", default=ROOT / "Weights/mini", type=pathlib.Path)
    return parser


class Checks:
    """Counts what holds and what does not; prints each."""

    def __init__(self):
        self.failed = 0

    def expect(self, holds, text):
        self.failed += not holds
        print(f"{'ok    ' if holds else 'FAILED'}  {text}", flush=True)
        return holds

    def finish(self):
        print(f"{self.failed} failed" if self.failed else "all held")
        sys.exit(1 if self.failed else 0)


class Service:
    """`restored serve` on a free loopback port, or a given one, ended with the `with` block."""

    def __init__(self, options, *settings, port=None):
        self.folder = tempfile.TemporaryDirectory()
        self.log_path = pathlib.Path(self.folder.name) / "log"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("RESTORED_")}
        self.port = port or free_port()
        command = [str(options.program), "serve", "--host", "127.0.0.1", "--port", str(self.port), "--bundle",
                   str(options.bundle), "--log-format", "json", *settings]
        self.process = subprocess.Popen(command, stderr=open(self.log_path, "wb"), env=environment)
        self.pid = self.process.pid
        self._wait_until_ready()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.folder.cleanup()

    def _wait_until_ready(self):
        for _ in range(1200):
            try:
                if self.get("/health/ready")[0] == 200:
                    return
            except OSError:
                pass
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        self.process.kill()
        sys.exit(f"the service did not start:\n{self.log_path.read_text(errors='replace')}")

    def terminate(self, timeout=60):
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    # Requests

    def request(self, method, path, body=None, headers=None, timeout=120):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def get(self, path, timeout=20):
        return self.request("GET", path, timeout=timeout)

    def metrics(self):
        """Samples by their name with labels, as printed."""
        text = self.get("/metrics")[2].decode()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
                for line in text.splitlines() if line and not line.startswith("#")}

    def log_lines(self):
        for line in self.log_path.read_text(errors="replace").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue

    # What Linux tells

    def _status(self, name):
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"^{name}:\s*(\d+)", text, re.M)[1])

    @property
    def resident(self):
        """Resident memory in KiB."""
        return self._status("VmRSS")

    @property
    def resident_peak(self):
        """The greatest resident memory since `forget_peak`, in KiB."""
        return self._status("VmHWM")

    def forget_peak(self):
        pathlib.Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    @property
    def threads(self):
        return self._status("Threads")

    @property
    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def settle(self, descriptors, seconds):
        """Waits until there are no more descriptors than that, or the time is over; returns their number."""
        end = time.monotonic() + seconds
        while self.descriptors > descriptors and time.monotonic() < end:
            time.sleep(0.1)
        return self.descriptors


class Watcher:
    """A good client that asks for /health all along on new connections, in a thread; times in seconds."""

    def __init__(self, service, interval=0.1, timeout=20):
        self.service, self.interval, self.timeout = service, interval, timeout
        self.times, self.faults = [], []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _run(self):
        while not self._over.wait(self.interval):
            start = time.perf_counter()
            try:
                status = self.service.get("/health/live", timeout=self.timeout)[0]
                if status != 200:
                    self.faults.append(status)
            except OSError as fault:
                self.faults.append(repr(fault))
            self.times.append(time.perf_counter() - start)

    def summary(self):
        if not self.times:
            return "/health not asked"
        return f"/health {len(self.times)} times, median {1000 * quantile(self.times, 0.5):.1f} ms, " \
               f"worst {1000 * max(self.times):.1f} ms, {len(self.faults)} not answered 200"


def quantile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def free_port():
    """A port that nothing listens on; not one that the log would tell, as it may be off."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def connect(port, timeout=10):
    return socket.create_connection(("127.0.0.1", port), timeout)


def need(*programs):
    """Ends the script where a program is missing."""
    folders = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    for program in programs:
        if not any(os.access(f"{folder}/{program}", os.X_OK) for folder in folders.split(":")):
            sys.exit(f"{program} is needed; see README.md for the packages")
    os.environ["PATH"] = folders
