#!/usr/bin/env python3
"""A rolling restart behind HAProxy under load: every replica is ended by SIGTERM and started again, one after the other,
while clients restore pictures over connections that they keep. No request may fail, and all answers to one seed are the
same bytes, whichever replica made them."""

import http.client
import sys
import threading

from balancer import Balancer
from redis_server import Redis
from service import PICTURES, Checks, Service, arguments, need

PICTURE = (PICTURES / "source.png").read_bytes()


class Client(threading.Thread):
    """Restores pictures, one after the other, until it is told that it is over."""

    def __init__(self, port, number, answers):
        super().__init__(daemon=True)
        self.port, self.number, self.answers = port, number, answers
        self.over = threading.Event()
        self.count, self.faults = 0, []

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        while not self.over.is_set():
            # Seeds that several clients have, so that their answers can be compared.
            seed = (self.number + self.count) % 5
            try:
                connection.request("POST", f"/restore?steps=1&force=true&seed={seed}", PICTURE, {"Content-Type": "image/png"})
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != 200:
                    self.faults.append(f"{answer.status}: {body[:200]!r}")
                elif self.answers.setdefault(seed, body) != body:
                    self.faults.append(f"seed {seed} gave other bytes")
            except OSError as fault:
                self.faults.append(repr(fault))
                connection.close()
            except http.client.HTTPException as fault:
                self.faults.append(repr(fault))
                connection.close()
            self.count += 1


def main():
    parser = arguments(__doc__)
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--workers", type=int, default=0, help="workers behind a store; the replicas are front ends then")
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=2, help="how often each replica and worker is restarted")
    parser.add_argument("--delay", default="3s", help="--drain-delay of the replicas; with 0 requests fail")
    options = parser.parse_args()
    need("haproxy", *(["redis-server"] if options.workers else []))
    if not options.workers:
        return roll(options, [["--drain-delay", options.delay]] * options.replicas)
    with Redis() as store:
        front = ["--role", "front", "--job-store", store.url, "--drain-delay", options.delay]
        roll(options, [front] * options.replicas + [["--role", "worker", "--job-store", store.url]] * options.workers)


def roll(options, settings):
    """Restarts services with these settings one after the other; the first ones stand behind the balancer."""
    checks = Checks()
    settings = [["--workers", "1", "--threads", "1", *each] for each in settings]
    services, clients, answers = [], [], {}
    try:
        services += (Service(options, *each) for each in settings)
        with Balancer(*(service.port for service in services[: options.replicas])) as balancer:
            clients += (Client(balancer.port, number, answers) for number in range(options.clients))
            for client in clients:
                client.start()
            for _ in range(options.rounds):
                for number, service in enumerate(services):
                    checks.expect(service.terminate() == 0, f"service {number + 1} ends in order")
                    services[number] = Service(options, *settings[number], port=service.port)
                    balancer.wait_until_up(options.replicas)
            for client in clients:
                client.over.set()
            for client in clients:
                client.join(120)
    finally:
        for service in services:
            service.__exit__()
    faults = [fault for client in clients for fault in client.faults]
    for fault in faults[:5]:
        print(fault, file=sys.stderr)
    count = sum(client.count for client in clients)
    checks.expect(count > len(clients) * options.rounds, f"{count} requests were made meanwhile")
    checks.expect(not faults, f"{len(faults)} of them failed")
    checks.finish()


if __name__ == "__main__":
    main()
