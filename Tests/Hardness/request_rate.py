#!/usr/bin/env python3
"""Requests a second of /health against nginx serving a body of the same size, in turn in one run, by wrk.

Each contestant comes with and without an access log, in rounds; the first round only warms up. Compare medians of one run."""

import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

from service import Checks, Service, arguments, need, quantile

NGINX = """
daemon off; worker_processes auto; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  default_type application/json; sendfile on; tcp_nodelay on; open_file_cache max=10;
  server {{ listen 127.0.0.1:{quiet}; access_log off; root {folder}/root; }}
  server {{ listen 127.0.0.1:{logged}; access_log {folder}/access.log; root {folder}/root; }}
}}
"""


def wrk(port, seconds, connections):
    """Requests/s, p50 and p99 in ms, answers that were not 2xx and socket errors."""
    text = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", f"http://127.0.0.1:{port}/health"],
                          check=True, capture_output=True, text=True).stdout
    units = {"us": 0.001, "ms": 1, "s": 1000}

    def latency(part):
        value, unit = re.search(rf"{part}%\s+([\d.]+)(us|ms|s)", text).groups()
        return float(value) * units[unit]

    faults = sum(int(n) for n in re.findall(r"(?:Non-2xx.*?|connect|read|write|timeout):? (\d+)", text))
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]), latency(50), latency(99), faults


def main():
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=int, default=4, help="of each contestant in each round")
    parser.add_argument("--connections", type=int, default=64)
    options = parser.parse_args()
    need("nginx", "wrk")
    checks = Checks()
    with Service(options) as logged, Service(options, "--log-level", "warning") as quiet, \
            tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder) / "root"
        root.mkdir()
        (root / "health").write_bytes(logged.get("/health")[2])
        for path in (pathlib.Path(folder), root, root / "health"):
            path.chmod(0o755)
        ports = {"quiet": 18480, "logged": 18481}
        config = pathlib.Path(folder) / "nginx.conf"
        config.write_text(NGINX.format(folder=folder, **ports))
        nginx = subprocess.Popen(["nginx", "-c", config, "-p", folder], stderr=subprocess.DEVNULL)
        try:
            for _ in range(50):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{ports['quiet']}/health").read()
                    break
                except OSError:
                    time.sleep(0.1)
            else:
                sys.exit("nginx did not start")
            contestants = {"nginx, log": ports["logged"], "restored, log": logged.port,
                           "nginx, no log": ports["quiet"], "restored, no log": quiet.port}
            results = {name: [] for name in contestants}
            for number in range(options.rounds):
                for name, port in contestants.items():
                    figures = wrk(port, options.seconds if number else 1, options.connections)
                    if number:
                        results[name].append(figures)
        finally:
            nginx.terminate()
            nginx.wait()
    medians = {}
    print(f"wrk -t1 -c{options.connections}, {options.rounds - 1} rounds of {options.seconds} s, medians")
    for name, rows in results.items():
        rate, p50, p99 = (quantile([row[i] for row in rows], 0.5) for i in range(3))
        medians[name] = rate
        rates = [row[0] for row in rows]
        print(f"  {name:17} {rate:9.0f} requests/s (from {min(rates):.0f} to {max(rates):.0f}), p50 {p50:.2f} ms, "
              f"p99 {p99:.2f} ms, {sum(row[3] for row in rows)} faults")
        if name.startswith("restored"):
            checks.expect(p99 < 10, f"{name}: p99 {p99:.2f} ms, under 10")
    for kind in ("log", "no log"):
        ratio = medians[f"restored, {kind}"] / medians[f"nginx, {kind}"]
        checks.expect(ratio >= 0.5, f"{kind}: {ratio:.2f} of nginx's requests/s, at least 0.50")
    checks.finish()


if __name__ == "__main__":
    main()
