#!/usr/bin/env python3
"""Good, bad and abandoned requests for a while, and what becomes of the service's memory, descriptors and threads.

A line every --interval seconds; at the end the slope of each after the first quarter, which is warm-up.
"""

import collections
import random
import socket
import struct
import threading
import time

from bombs import all_bombs, png
from payloads import ALL
from service import PICTURES, Checks, Service, arguments, connect

# Shorter, slopes are those of the warm-up and are not judged.
LEAST_MINUTES = 10
TYPE = {"Content-Type": "application/octet-stream"}
# A service on loopback is asked for more than it can do: what it then answers, and what a bad request may get.
EXPECTED = {200, 202, 204, 400, 404, 405, 406, 408, 409, 410, 413, 415, 417, 422, 429, 501, 503, 505}


class Load:
    """Clients that each do one thing after the other, chosen by weight."""

    def __init__(self, service, clients):
        self.service = service
        self.over = threading.Event()
        self.counts = collections.Counter()
        self.lock = threading.Lock()
        self.good = [(PICTURES / name).read_bytes() for name in ("source.png", "rgb.jpg", "grey.jpg", "progressive-420.jpg")]
        self.good += [png(width=width, height=height) for width, height in ((96, 64), (128, 128), (200, 150))]
        # Large ones now and then would hide a slope of small things.
        self.bad = [(data, expected) for _, data, expected in all_bombs() if len(data) < 1 << 20]
        self.kinds = [(self.health, 20), (self.restore, 10), (self.classify, 10), (self.bomb, 25), (self.payload, 20),
                      (self.metrics, 3), (self.leave_in_body, 10), (self.leave_while_waiting, 10), (self.job, 8),
                      (self.abandoned_job, 5), (self.events, 5), (self.slow, 2)]
        self.threads = [threading.Thread(target=self.run, args=(random.Random(number),), daemon=True) for number in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join(30)

    def run(self, chance):
        actions, weights = zip(*self.kinds)
        while not self.over.is_set():
            action = chance.choices(actions, weights)[0]
            try:
                outcome = action(chance)
            except OSError as fault:
                outcome = type(fault).__name__
            with self.lock:
                self.counts[f"{action.__name__} {outcome}"] += 1

    # Good

    def health(self, _):
        return self.service.get("/health")[0]

    def metrics(self, _):
        return self.service.get("/metrics")[0]

    def restore(self, chance):
        path = f"/restore?steps={chance.randint(1, 4)}&force=true&seed={chance.randint(1, 99)}"
        return self.service.request("POST", path, chance.choice(self.good), TYPE)[0]

    def classify(self, chance):
        return self.service.request("POST", "/classify", chance.choice(self.good), TYPE)[0]

    def job(self, chance):
        status, fields, _ = self.begin_job(chance)
        if status != 202:
            return status
        for _ in range(600):
            state = self.service.get(fields["location"])[2]
            if b'"done"' in state or b'"failed"' in state:
                break
            time.sleep(0.2)
        status = self.service.get(fields["location"] + "/result")[0]
        if chance.random() < 0.7:
            self.service.request("DELETE", fields["location"])
        return status

    def begin_job(self, chance, steps=3):
        return self.service.request("POST", f"/restore?steps={steps}&force=true", chance.choice(self.good),
                                    {**TYPE, "Prefer": "respond-async"})

    # Bad

    def bomb(self, chance):
        data, expected = chance.choice(self.bad)
        path = "/classify" if 200 in expected else chance.choice(["/restore?steps=1", "/classify"])
        return self.service.request("POST", path, data, TYPE)[0]

    def payload(self, chance):
        bytes_ = chance.choice(ALL)[1].replace(b"@@@@", b"0000")
        cut = chance.randint(1, len(bytes_)) if chance.random() < 0.5 else len(bytes_)
        with connect(self.service.port, 2) as connection:
            connection.sendall(bytes_[:cut])
            if chance.random() < 0.5:
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
            elif chance.random() < 0.5:
                reset(connection)
        return "sent"

    def slow(self, _):
        with connect(self.service.port, 30) as connection:
            connection.sendall(b"POST /restore HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc")
            return connection.recv(100).split(b" ")[1].decode()

    # Abandoned

    def leave_in_body(self, chance):
        picture = chance.choice(self.good)
        with connect(self.service.port) as connection:
            connection.sendall(b"POST /restore HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(picture))
            connection.sendall(picture[:chance.randint(0, len(picture) - 1)])
            if chance.random() < 0.5:
                reset(connection)
        return "left"

    def leave_while_waiting(self, chance):
        picture = chance.choice(self.good)
        with connect(self.service.port) as connection:
            connection.sendall(b"POST /restore?steps=100&force=true HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
                               % len(picture) + picture)
            time.sleep(chance.random() * 0.5)
            if chance.random() < 0.5:
                reset(connection)
        return "left"

    def abandoned_job(self, chance):
        status, fields, _ = self.begin_job(chance, steps=50)
        if status == 202:
            time.sleep(chance.random())
            status = self.service.request("DELETE", fields["location"])[0]
        return status

    def events(self, chance):
        status, fields, _ = self.begin_job(chance, steps=5)
        if status != 202:
            return status
        with connect(self.service.port) as connection:
            connection.sendall(b"GET %s/events HTTP/1.1\r\nHost: a\r\n\r\n" % fields["location"].encode())
            for _ in range(chance.randint(0, 4)):
                connection.recv(4096)
        return "left"


def reset(connection):
    """Closed from here on, it sends RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def slope(rows, column):
    """By least squares, a minute."""
    times, values = [row[0] / 60 for row in rows], [row[column] for row in rows]
    mean_time, mean_value = sum(times) / len(times), sum(values) / len(values)
    above = sum((t - mean_time) * (v - mean_value) for t, v in zip(times, values))
    return above / sum((t - mean_time) ** 2 for t in times)


def main():
    parser = arguments(__doc__)
    parser.add_argument("--minutes", type=float, default=20, help=f"under {LEAST_MINUTES} slopes are not judged")
    parser.add_argument("--clients", type=int, default=12)
    parser.add_argument("--interval", type=float, default=15, help="seconds between two samples")
    options = parser.parse_args()
    checks = Checks()
    # Results live for two minutes, so that their number is level after the warm-up.
    with Service(options, "--result-lifetime", "120") as service:
        service.get("/health")
        base = service.descriptors
        rows = []
        print("seconds  resident MiB  descriptors  threads  requests")
        with Load(service, options.clients) as load:
            start = time.monotonic()
            while (elapsed := time.monotonic() - start) < 60 * options.minutes:
                time.sleep(min(options.interval, 60 * options.minutes - elapsed + 0.01))
                if service.process.poll() is not None:
                    break
                rows.append((time.monotonic() - start, service.resident / 1024, service.descriptors, service.threads))
                print("%7.0f  %12.1f  %11d  %7d  %8d" % (*rows[-1], sum(load.counts.values())), flush=True)
        checks.expect(service.process.poll() is None, "the service lives")
        settled = rows[len(rows) // 4:]
        left = service.settle(base, 60)
        for text, count in sorted(load.counts.items()):
            print(f"  {count:7d}  {text}")
        odd = {text for text in load.counts if text.split()[-1].isdigit() and int(text.split()[-1]) not in EXPECTED}
        checks.expect(not odd, f"{sum(load.counts.values())} requests, no unexpected status {odd or ''}")
        resident, descriptors, threads = (slope(settled, column) for column in (1, 2, 3))
        print(f"slopes a minute: resident memory {resident:+.3f} MiB, descriptors {descriptors:+.3f}, threads {threads:+.3f}")
        if options.minutes >= LEAST_MINUTES:
            checks.expect(resident < 1, "resident memory grows by less than 1 MiB a minute")
            checks.expect(abs(threads) < 0.5, "the number of threads is level")
        checks.expect(left <= base, f"{left} descriptors after, {base} before")
        checks.expect(service.get("/health")[0] == 200, "the service is well")
        checks.expect(service.terminate() == 0, "it ends with status 0")
    checks.finish()


if __name__ == "__main__":
    main()
