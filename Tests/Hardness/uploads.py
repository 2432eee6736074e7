#!/usr/bin/env python3
"""Many large JPEGs sent at once to a service with its standard limits: all are accepted, wait as files and are answered,
requests stay within their memory, and a small picture sent meanwhile is served before them.

Needs Pillow, which makes the pictures out of photographs.
"""

import argparse
import io
import pathlib
import random
import struct
import threading
import time

from service import PICTURES, ROOT, Checks, Service, Watcher, arguments

TYPE = {"Content-Type": "image/jpeg"}


def photographs(folder, count, size):
    """So many different JPEGs, each a photograph of a folder over and over: as large as a camera's."""
    from PIL import Image
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".jpg", ".jpeg", ".png", ".webp"))
    random.Random(1).shuffle(paths)
    for number in range(count):
        with Image.open(paths[number % len(paths)]) as opened:
            photograph = opened.convert("RGB")
        picture = Image.new("RGB", size)
        # Another beginning for each, where there are fewer photographs.
        for x in range(-number, size[0], photograph.width):
            for y in range(0, size[1], photograph.height):
                picture.paste(photograph, (x, y))
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=90)
        yield file.getvalue()


def png_size(body):
    return struct.unpack(">II", body[16:24]) if body.startswith(b"\x89PNG\r\n\x1a\n") else None


class Client(threading.Thread):
    """Sends one picture and waits for what comes."""

    def __init__(self, service, body, query, fields, timeout):
        super().__init__(daemon=True)
        self.service, self.body, self.path, self.fields, self.timeout = service, body, "/restore?" + query, fields, timeout
        self.status, self.answer, self.begun = None, {}, time.monotonic()
        self.start()

    def run(self):
        try:
            self.status, self.answer, body = self.service.request("POST", self.path, self.body, self.fields, self.timeout)
            self.size, self.text = png_size(body), body[:300] if self.status != 200 else b""
        except OSError as fault:
            self.status, self.size, self.text = type(fault).__name__, None, str(fault)
        self.ended = time.monotonic()

    @property
    def seconds(self):
        return self.ended - self.begun


class Sampler:
    """The highest of what the service tells of its memory and its queue."""

    def __init__(self, service):
        self.service = service
        self.before = service.resident
        service.forget_peak()
        self.requests, self.evaluations, self.waiting, self.limit = 0, 0, 0, None

    def look(self):
        metrics = self.service.metrics()
        self.requests = max(self.requests, metrics["restored_request_memory_bytes"])
        self.evaluations = max(self.evaluations, metrics["restored_memory_budget_used_bytes"])
        self.waiting = max(self.waiting, metrics["restored_queue_depth"])
        self.limit = metrics["restored_request_memory_limit_bytes"]
        return metrics["restored_queue_depth"]


def main():
    parser = arguments(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--size", default="6000x4000", help="pixels")
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--unforced", action="store_true",
                        help="what is found clean is returned as it is: minutes, where most photographs are, instead of an hour")
    parser.add_argument("--photographs", type=pathlib.Path, default=ROOT / "Tests/Fixtures/Photographs")
    options = parser.parse_args()
    size = tuple(int(side) for side in options.size.split("x"))
    checks = Checks()
    uploads = list(photographs(options.photographs, options.count, size))
    print(f"{options.count} JPEGs of {options.size}, {sum(map(len, uploads)) / 1e6:.0f} MB in all, the largest "
          f"{max(map(len, uploads)) / 1e6:.1f}", flush=True)
    small = (PICTURES / "rgb.jpg").read_bytes()
    query = f"force=true&steps={options.steps}"
    day = 86400
    with Service(options, "--timeout", str(day)) as service, Watcher(service) as watcher:
        sampler = Sampler(service)
        own = query.replace("force=true&", "") if options.unforced else query
        clients = [Client(service, upload, own, TYPE, day) for upload in uploads]
        smalls, late, seconds = [], None, 1
        while any(client.is_alive() for client in clients) and service.process.poll() is None:
            waiting = sampler.look()
            if not smalls or not smalls[-1].is_alive() and time.monotonic() > smalls[-1].ended + 1:
                smalls.append(Client(service, small, query, TYPE, day))
            # 422 where it could not be done in that time on an idle service either. Unforced, its turn may come at once.
            if waiting > 0 and not options.unforced and (late is None or not late.is_alive() and late.status == 422):
                seconds *= 2
                late = Client(service, uploads[0], f"{query}&timeout={seconds}", TYPE, day)
            time.sleep(0.05)
        for client in smalls + ([late] if late else []):
            client.join()
        grown = (service.resident_peak - sampler.before) * 1024
        statuses = sorted({str(client.status) for client in clients})
        checks.expect(statuses == ["200"], f"{options.count} answered {'/'.join(statuses)}: "
                                           f"{next((client.text for client in clients if client.status != 200), '')}")
        checks.expect(all(client.size == size for client in clients), f"each is a PNG of {options.size}")
        checks.expect(sampler.requests <= sampler.limit,
                      f"requests held {sampler.requests / 1e6:.0f} MB at most, of {sampler.limit / 1e6:.0f}; {sampler.waiting:.0f} waited")
        checks.expect(grown <= 1.1 * (sampler.limit + sampler.evaluations),
                      f"resident memory grew by {grown / 1e6:.0f} MB at most, evaluations held {sampler.evaluations / 1e6:.0f}")
        first, last = (choose(client.ended for client in clients) - clients[0].begun for choose in (min, max))
        slowest = max(client.seconds for client in smalls)
        # Where none had to wait for its turn, the large ones are not large; a clean one is done in a second.
        checks.expect(all(client.status == 200 for client in smalls)
                      and (slowest < (last / 10 if options.unforced else first) or not sampler.waiting),
                      f"{len(smalls)} small pictures beside them took {slowest:.1f} s at most; the large ones {first:.0f} to {last:.0f} s")
        if late:
            checks.expect(late.status == 503 and int(late.answer.get("retry-after", 0)) > 0,
                          f"one whose turn does not come within its {seconds} s is answered {late.status} after {late.seconds:.1f} s")
        checks.expect(not watcher.faults, watcher.summary())
        sampler.look()
        checks.expect(service.metrics()["restored_request_memory_bytes"] == 0, "all of the memory is given back")
        checks.expect(service.terminate() == 0, "it ends with status 0")
    checks.finish()


if __name__ == "__main__":
    main()
