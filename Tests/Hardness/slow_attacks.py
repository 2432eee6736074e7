#!/usr/bin/env python3
"""The four modes of slowhttptest, while a good client asks for /health all along.

Its worst time must stay under a second, every attacker must be cut off before the attack's time is over, and the
service must be left with the descriptors it had before.
"""

import subprocess
import sys
import time

from service import Checks, Service, Watcher, arguments, need

MODES = {
    "slow heads (-H)": ["-H", "-i", "3", "-u", "{url}/health"],
    "slow bodies (-B)": ["-B", "-i", "3", "-s", "1000000", "-f", "image/png", "-u", "{url}/restore"],
    "ranges (-R)": ["-R", "-u", "{url}/openapi.yaml"],
    # Many answers on one connection, so that they do not all fit the kernel's buffers.
    "slow reading (-X)": ["-X", "-k", "10", "-n", "5", "-z", "32", "-w", "512", "-y", "1024", "-u", "{url}/openapi.yaml"],
}


def attack(service, mode, base, options):
    """Runs one mode; its seconds, the most descriptors of the service and the second at which they were back to `base`.

    What slowhttptest calls open is no measure: with slow reading its end of a connection lasts until it has read what
    the kernel had taken, long after the service let go.
    """
    arguments = [part.format(url=f"http://127.0.0.1:{service.port}") for part in MODES[mode]]
    command = ["slowhttptest", *arguments, "-c", str(options.connections), "-r", "200", "-l", str(options.seconds), "-p", "5"]
    most, back = 0, 0
    start = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        count = service.descriptors
        most = max(most, count)
        # the good client has one
        if count > base + 1:
            back = None
        elif back is None:
            back = time.monotonic() - start
        time.sleep(0.1)
    if process.returncode != 0:
        sys.exit(f"slowhttptest ended with {process.returncode}")
    seconds = time.monotonic() - start
    # It ends by itself where nothing is open any more.
    if back is None and seconds < options.seconds:
        back = seconds
    return seconds, most, back


def main():
    parser = arguments(__doc__)
    parser.add_argument("--connections", type=int, default=400)
    parser.add_argument("--seconds", type=int, default=100, help="most time of each mode")
    parser.add_argument("--mode", choices=["H", "B", "R", "X"], action="append", help="only this one (repeatable)")
    options = parser.parse_args()
    need("slowhttptest")
    checks = Checks()
    with Service(options) as service:
        service.get("/health")
        base = service.descriptors
        for mode in MODES:
            if options.mode and mode[-2] not in options.mode:
                continue
            with Watcher(service) as watcher:
                seconds, most, back = attack(service, mode, base, options)
            left = service.settle(base, 10)
            print(f"{mode}: {seconds:.0f} s, at most {most - base} descriptors more; {watcher.summary()}; "
                  f"{service.threads} threads, {service.resident // 1024} MiB resident")
            checks.expect(max(watcher.times) < 1 and not watcher.faults, f"{mode}: the good client was served within a second")
            checks.expect(back is not None, f"{mode}: all attackers were cut off after {back or 0:.0f} s of {seconds:.0f} s")
            checks.expect(left <= base, f"{mode}: {left} descriptors after, {base} before")
    checks.finish()


if __name__ == "__main__":
    main()
