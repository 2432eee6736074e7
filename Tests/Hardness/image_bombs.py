#!/usr/bin/env python3
"""Pictures made to cost more than they should: status, time and growth of resident memory of each while it is decoded."""

import time

from bombs import all_bombs
from service import Checks, Service, arguments

TYPE = {"Content-Type": "application/octet-stream"}


def main():
    parser = arguments(__doc__)
    parser.add_argument("--tries", type=int, default=3, help="of each; the time is the best of them, the growth the worst")
    options = parser.parse_args()
    checks = Checks()
    bombs = list(all_bombs())
    slowest, greatest = 0, 0
    with Service(options) as service:
        for _ in range(3):
            service.request("POST", "/classify", bombs[0][1], TYPE)
        for name, data, expected in bombs:
            times, growths, statuses = [], [], set()
            for _ in range(options.tries):
                service.forget_peak()
                before = service.resident
                start = time.perf_counter()
                status, _, body = service.request("POST", "/classify", data, TYPE)
                times.append(time.perf_counter() - start)
                growths.append(service.resident_peak - before)
                statuses.add(status)
            milliseconds, growth = 1000 * min(times), max(growths) / 1024
            slowest, greatest = max(slowest, milliseconds), max(greatest, growth)
            checks.expect(statuses <= expected and len(statuses) == 1 and growth < 64,
                          f"{'/'.join(map(str, sorted(statuses)))} {milliseconds:8.1f} ms {growth:6.1f} MiB more  {name} "
                          f"({len(data)} bytes){'' if statuses <= expected else f', expected {expected}: {body[:200]}'}")
        checks.expect(service.get("/health")[0] == 200, f"{len(bombs)} files; the service is well afterwards; slowest "
                                                        f"{slowest:.0f} ms, greatest growth {greatest:.1f} MiB")
    checks.finish()


if __name__ == "__main__":
    main()
