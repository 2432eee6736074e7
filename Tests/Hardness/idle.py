#!/usr/bin/env python3
"""A thousand idle connections: threads, memory and descriptors; and /health while every core restores and the queue is full."""

import threading
import time

from service import PICTURES, Checks, Service, arguments, connect, quantile

REQUEST = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"


def answered(connection):
    """Asks for /health on an open connection; whether it was answered 200."""
    connection.sendall(REQUEST)
    answer = connection.recv(4096)
    while b"\r\n\r\n" not in answer or not answer.endswith(b"}"):
        piece = connection.recv(4096)
        if not piece:
            return False
        answer += piece
    return answer.startswith(b"HTTP/1.1 200")


def idle(options, checks):
    with Service(options) as service:
        service.get("/health")
        base, before = service.descriptors, service.resident
        service.forget_peak()
        connections = [connect(service.port) for _ in range(options.connections)]
        good = sum(answered(connection) for connection in connections)
        time.sleep(2)
        grown, threads = service.resident_peak - before, service.threads
        print(f"{options.connections} idle connections: {threads} threads, {before / 1024:.0f} MiB resident before, at most "
              f"{grown / 1024:.1f} MiB more, {service.descriptors - base} descriptors more")
        checks.expect(good == options.connections, f"{good} of {options.connections} connections answered")
        checks.expect(threads < 32, f"{threads} threads, under 32")
        checks.expect(grown < 65536, f"{grown / 1024:.1f} MiB more resident memory, under 64")
        again = sum(answered(connection) for connection in connections)
        checks.expect(again == options.connections, f"{again} of {options.connections} answered again")
        for connection in connections:
            connection.close()
        checks.expect(service.settle(base, 5) <= base, f"{service.descriptors} descriptors after, {base} before")


def busy(options, checks):
    """Asks at an even rate, so that a slow answer is not made up for by fewer questions."""
    picture = (PICTURES / "source.png").read_bytes()
    with Service(options, "--timeout", "3600") as service:
        def restore():
            try:
                service.request("POST", "/restore?steps=100&force=true", picture, {"Content-Type": "image/png"}, timeout=600)
            except OSError:
                pass
        for _ in range(options.load):
            threading.Thread(target=restore, daemon=True).start()
        for _ in range(200):
            waiting = service.metrics()["restored_queue_depth"]
            if waiting == 64:
                break
            time.sleep(0.05)
        checks.expect(waiting == 64, f"{waiting:.0f} restorations wait, 64 is the queue's limit")
        times = []
        with connect(service.port) as kept:
            next_time = time.perf_counter()
            for number in range(options.questions):
                next_time += 0.01
                time.sleep(max(0, next_time - time.perf_counter()))
                start = time.perf_counter()
                if number % 2:
                    answered(kept)
                else:
                    with connect(service.port) as fresh:
                        answered(fresh)
                times.append(time.perf_counter() - start)
                if number % 900 == 899:
                    kept.close()
                    kept = connect(service.port)
        still = service.metrics()
        print(f"/health at 100 a second, every other on a new connection, with {still['restored_running']:.0f} restorations "
              f"running and {still['restored_queue_depth']:.0f} waiting: {len(times)} times, median "
              f"{1000 * quantile(times, 0.5):.2f} ms, p99 {1000 * quantile(times, 0.99):.2f} ms, worst {1000 * max(times):.1f} ms")
        checks.expect(still["restored_running"] > 0, "the cores were busy to the end")
        checks.expect(quantile(times, 0.99) < 0.05, f"p99 {1000 * quantile(times, 0.99):.2f} ms, under 50")


def main():
    parser = arguments(__doc__)
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--load", type=int, default=80, help="restorations that fill the queue")
    parser.add_argument("--questions", type=int, default=3000)
    options = parser.parse_args()
    checks = Checks()
    idle(options, checks)
    busy(options, checks)
    checks.finish()


if __name__ == "__main__":
    main()
