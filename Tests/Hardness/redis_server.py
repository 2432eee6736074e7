"""A Redis server of a test's own."""

import os
import subprocess
import sys
import tempfile
import time

from service import free_port


class Redis:
    """On a free loopback port, as Deploy/compose.yaml runs it; its append-only file outlives it. Ended with the `with` block."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self.folder.cleanup()

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder.name, "--save", "",
             "--appendonly", "yes", "--maxmemory", "1gb", "--maxmemory-policy", "noeviction",
             "--logfile", os.path.join(self.folder.name, "log")], stdout=subprocess.DEVNULL)
        while self.ask("ping") != "PONG":
            if self.process.poll() is not None:
                sys.exit("redis-server did not start")
            time.sleep(0.05)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def ask(self, *words):
        return subprocess.run(["redis-cli", "-p", str(self.port), *words], capture_output=True, text=True).stdout.strip()
