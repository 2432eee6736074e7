#!/usr/bin/env python3
"""Restorations of many shapes and classifications at once, and whether resident memory stays within --memory-budget.

Two workers of one thread each, as shapes in turn are what makes their memories grow past each other.
"""

import collections
import random
import re
import threading
import time

from bombs import png
from service import Checks, Service, arguments

TYPE = {"Content-Type": "image/png"}
# Shorter, the load need not have filled the budget.
LEAST_SECONDS = 30
# Of the budget, for what is not in it: pictures, their files and answers, and what malloc keeps.
MARGIN = 0.1


def largest_side(service):
    """Of the largest square tile that a worker's share of the budget holds, as the service tells."""
    status, _, body = service.request("POST", "/restore?tile=1024", png(width=1024, height=1024), TYPE)
    found = re.search(rb"largest square that fits is (\d+)x", body)
    return int(found[1]) if status == 422 and found else 1024


class Load:
    """Clients that each send one picture after the other."""

    def __init__(self, service, options):
        self.service = service
        self.largest = largest_side(service)
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.threads = [threading.Thread(target=self.run, args=(random.Random(f"{options.seed} {number}"),), daemon=True)
                        for number in range(options.clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    @property
    def lives(self):
        return any(thread.is_alive() for thread in self.threads)

    def run(self, chance):
        kinds = [(self.tiles, 4), (self.whole, 4), (self.largest_tile, 2), (self.chosen, 2), (self.classify, 4)]
        actions, weights = zip(*kinds)
        while not self.over.is_set():
            action = chance.choices(actions, weights)[0]
            status, body = action(chance)
            text = f"{action.__name__} {status}"
            if status != 200:
                text += f" {body[:200]}"
            with self.lock:
                self.counts[text] += 1

    def side(self, chance):
        """Any size is as likely as any twice as large."""
        return int(64 * (self.largest / 64) ** chance.random())

    def tiles(self, chance):
        tile = self.side(chance)
        width, height = int(tile * (1.1 + 0.8 * chance.random())), self.side(chance)
        return self.restore(width, height, f"&tile={tile}&overlap={chance.randint(0, tile // 4)}", chance)

    def whole(self, chance):
        return self.restore(self.side(chance), self.side(chance), f"&tile={self.largest}", chance)

    def largest_tile(self, chance):
        return self.restore(self.largest, self.largest, f"&tile={self.largest}", chance)

    def chosen(self, chance):
        return self.restore(self.side(chance), self.side(chance), "", chance)

    def restore(self, width, height, query, chance):
        path = f"/restore?force=true&steps={chance.randint(1, 2)}&seed=1{query}"
        return self.post(path, width, height)

    def classify(self, chance):
        return self.post("/classify", self.side(chance), self.side(chance))

    def post(self, path, width, height):
        status, _, body = self.service.request("POST", path, png(width=width, height=height), TYPE, timeout=600)
        return status, body


def main():
    parser = arguments(__doc__)
    parser.add_argument("--budget", type=int, default=1 << 30, help="bytes")
    parser.add_argument("--seconds", type=float, default=60, help=f"under {LEAST_SECONDS} it is not judged whether the budget is used")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    checks = Checks()
    settings = ("--workers", "2", "--threads", "1", "--memory-budget", str(options.budget), "--timeout", "3600")
    with Service(options, *settings) as service:
        service.get("/health")
        before = service.resident
        service.forget_peak()
        used, requests = 0, 0
        end = time.monotonic() + options.seconds
        with Load(service, options) as load:
            while load.lives and service.process.poll() is None:
                if time.monotonic() > end:
                    load.over.set()
                metrics = service.metrics()
                used = max(used, metrics["restored_memory_budget_used_bytes"])
                requests = max(requests, metrics["restored_request_memory_bytes"])
                time.sleep(0.02)
        grown = 1024 * (service.resident_peak - before)
        for text, count in sorted(load.counts.items()):
            print(f"  {count:5d}  {text}")
        mebibyte = 1 << 20
        print(f"largest tile {load.largest} pixels; MiB: {before / 1024:.0f} resident after loading, at most {grown / mebibyte:.1f} more; booked at most "
              f"{used / mebibyte:.1f} of {options.budget / mebibyte:.0f}, and {requests / mebibyte:.1f} for requests")
        checks.expect(all(text.endswith(" 200") for text in load.counts), f"{sum(load.counts.values())} requests, all served")
        checks.expect(used <= options.budget, "never more booked than the budget")
        checks.expect(grown <= options.budget * (1 + MARGIN), f"resident memory grew by no more than the budget and {MARGIN:.0%}")
        if options.seconds >= LEAST_SECONDS:
            checks.expect(used > 0.75 * options.budget, "three quarters of the budget were used")
        checks.expect(service.terminate() == 0, "it ends with status 0")
    checks.finish()


if __name__ == "__main__":
    main()
