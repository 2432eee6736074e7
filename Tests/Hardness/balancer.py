"""HAProxy as Deploy/haproxy.cfg sets it up, before services on loopback."""

import os
import pathlib
import re
import socket
import subprocess
import tempfile
import time

from service import ROOT, free_port

CONFIGURATION = ROOT / "Deploy/haproxy.cfg"


class Balancer:
    """HAProxy on a free loopback port before services on these ports, ended with the `with` block."""

    def __init__(self, *ports):
        self.folder = tempfile.TemporaryDirectory()
        folder = pathlib.Path(self.folder.name)
        self.port = free_port()
        self.socket = folder / "socket"
        text = CONFIGURATION.read_text()
        # Where the names of a composition aren't known: addresses, and a way to ask what HAProxy thinks of them.
        servers = "\n".join(f"    server front{number} 127.0.0.1:{port}" for number, port in enumerate(ports, 1))
        for pattern, replacement in (
            (r"^    bind .*$", f"    bind 127.0.0.1:{self.port}"),
            (r"^    server-template .*$", servers),
            (r"^resolvers (?s:.*)", ""),
            (r"^global$", f"global\n    stats socket {self.socket} mode 600"),
        ):
            text, count = re.subn(pattern, replacement, text, flags=re.M)
            assert count == 1, pattern
        (folder / "haproxy.cfg").write_text(text)
        path = os.environ["PATH"] + ":/usr/sbin:/sbin"
        self.log = open(folder / "log", "w+")
        self.process = subprocess.Popen(
            ["haproxy", "-db", "-f", folder / "haproxy.cfg"], stdout=self.log, stderr=self.log, env={**os.environ, "PATH": path})
        self.wait_until_up(len(ports))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.log.close()
        self.folder.cleanup()

    def states(self):
        """Of each service, by name: UP, DOWN, or what lies between."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.socket))
            connection.sendall(b"show stat\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        names, *rows = [line.split(",") for line in answer.removeprefix("# ").splitlines() if line]
        rows = [dict(zip(names, row)) for row in rows]
        return {row["svname"]: row["status"] for row in rows if row["svname"].startswith("front")}

    def wait_until_up(self, count):
        for _ in range(600):
            if self.process.poll() is not None:
                break
            try:
                if list(self.states().values()).count("UP") == count:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        self.log.seek(0)
        raise RuntimeError(f"HAProxy does not see {count} services: {self.log.read()[-2000:]}")
