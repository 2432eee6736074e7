#!/usr/bin/env python3
"""Sends payloads on which recipients have disagreed to the service, directly and through nginx and haproxy.

Directly the statuses must be those of the table. Behind a proxy the service must have seen the requests that the proxy
says it forwarded, by number and path, and a client that comes after on the same connection to the service must get its
own answer.
"""

import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from payloads import ALL
from service import Checks, Service, arguments, connect, need

NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/nginx-error.log;
events {{ worker_connections 256; }}
http {{
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  log_format asked escape=json '{{"request":"$request","upstream":"$upstream_addr","status":"$upstream_status"}}';
  access_log {folder}/proxy-log asked;
  upstream service {{ server 127.0.0.1:{service}; keepalive 1; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_request_buffering off; proxy_next_upstream off;
    }}
  }}
}}
"""
HAPROXY = """
global
  nbthread 1
  log stdout format raw local0 info
defaults
  mode http
  log global
  log-format '{{"request":"%[var(txn.asked),json(utf8s)]","upstream":"%s","status":"%ST"}}'
  timeout connect 5s
  timeout client 10s
  timeout server 10s
  retries 0
frontend proxy
  bind 127.0.0.1:{port}
  http-request set-var(txn.asked) req.hdr(x-none)
  http-request set-var-fmt(txn.asked) "%[method] %[url]"
  default_backend service
backend service
  http-reuse always
  server service 127.0.0.1:{service}
"""


class Proxy:
    def __init__(self, name, service, folder):
        self.name, self.port = name, {"nginx": 18482, "haproxy": 18483}[name]
        self.log = pathlib.Path(folder) / "proxy-log"
        config = pathlib.Path(folder) / "config"
        template = {"nginx": NGINX, "haproxy": HAPROXY}[name]
        config.write_text(template.format(folder=folder, service=service.port, port=self.port))
        command = ["nginx", "-c", config, "-p", folder] if name == "nginx" else ["haproxy", "-db", "-f", config]
        output = open(self.log, "ab") if name == "haproxy" else subprocess.DEVNULL
        self.process = subprocess.Popen(command, stdout=output, stderr=open(f"{folder}/stderr", "wb"))
        for _ in range(100):
            try:
                connect(self.port).close()
                return
            except OSError:
                time.sleep(0.05)
        sys.exit(f"{name} did not start: {pathlib.Path(folder, 'stderr').read_text()}")

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def begin(self):
        """Nothing logged before counts for the next payload."""
        self.start = self.log.stat().st_size

    def forwarded(self, number):
        """The paths of the payload's requests that went to the service, counted."""
        paths = collections.Counter()
        for line in self.log.read_bytes()[self.start:].decode(errors="replace").splitlines():
            try:
                entry = json.loads(line, strict=False)
            except ValueError:
                continue
            if entry["upstream"] in ("", "-", "<NOSRV>"):
                continue
            path = path_of(entry["request"])
            if path.endswith(f"/{number}") or path == "?":
                paths[path] += 1
        return paths


def path_of(text):
    found = re.search(r"/(?:first|next|hidden|victim)/\d+", text)
    return found[0] if found else "?"


def exchange(port, payload, wait):
    """Sends bytes and reads until the connection closes or is quiet; the statuses of final answers."""
    answer = b""
    with connect(port) as connection:
        try:
            connection.sendall(payload)
            connection.settimeout(wait)
            while piece := connection.recv(65536):
                answer += piece
        except OSError:
            pass
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] ([2-5]\d\d) ", answer)]


def ask(port, number):
    """A good request; whether its answer is its own."""
    identifier = f"victim-{number}".encode()
    with connect(port) as connection:
        connection.sendall(b"GET /victim/%d HTTP/1.1\r\nHost: a\r\nX-Request-ID: %s\r\nConnection: close\r\n\r\n"
                           % (number, identifier))
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer.startswith(b"HTTP/1.1 404") and answer.count(b"HTTP/1.1 ") == 1 and identifier in answer.split(b"\r\n\r\n")[0]


def seen(service, number, start):
    """The paths of requests in the service's log from a line on; `?` is what it could not read."""
    return collections.Counter(
        path for line in list(service.log_lines())[start:] if line["message"] == "request"
        for path in [path_of(line.get("path") or "")] if path == "?" or path.endswith(f"/{number}"))


def agree(service, proxy, number, start):
    """Waits until the service saw what the proxy forwarded; both, and whether it did.

    What the service refuses to read has no path in its log, while the proxy may have read one.
    """
    for _ in range(20):
        forwarded, received = proxy.forwarded(number), seen(service, number, start)
        known = collections.Counter({path: count for path, count in received.items() if path != "?"})
        if sum(forwarded.values()) == sum(received.values()) and not known - forwarded:
            return forwarded, received, True
        time.sleep(0.1)
    return forwarded, received, False


def main():
    parser = arguments(__doc__)
    parser.add_argument("--wait", type=float, default=0.25, help="seconds of quiet after which an answer is over")
    options = parser.parse_args()
    need("nginx", "haproxy")
    checks = Checks()
    with Service(options) as service:
        wrong = 0
        for number, (name, payload, expected) in enumerate(ALL, 1000):
            found = exchange(service.port, payload.replace(b"@@@@", b"%04d" % number), options.wait)
            if found != expected:
                wrong += 1
                checks.expect(False, f"directly, {name}: expected {expected}, found {found}")
        checks.expect(not wrong, f"directly: {len(ALL)} payloads, {len(ALL) - wrong} answered as in the table")
        for proxy_name in ("nginx", "haproxy"):
            through(proxy_name, service, options, checks)
        checks.expect(service.get("/health")[0] == 200, "the service is well afterwards")
    checks.finish()


def through(proxy_name, service, options, checks):
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder).chmod(0o755)
        proxy = Proxy(proxy_name, service, folder)
        sent = forwarded_all = seen_all = mixed = poisoned = 0
        try:
            for number, (name, payload, _) in enumerate(ALL, 2000 if proxy_name == "nginx" else 3000):
                start = len(list(service.log_lines()))
                proxy.begin()
                exchange(proxy.port, payload.replace(b"@@@@", b"%04d" % number), options.wait)
                poisoned += not all(ask(proxy.port, number) for _ in range(2))
                forwarded, received, agrees = agree(service, proxy, number, start)
                sent += 1
                forwarded_all += sum(forwarded.values())
                seen_all += sum(received.values())
                if not agrees:
                    mixed += 1
                    checks.expect(False, f"{proxy_name}, {name}: forwarded {dict(forwarded)}, seen {dict(received)}")
        finally:
            proxy.stop()
        checks.expect(mixed == 0, f"{proxy_name}: {sent} payloads, each with 2 good requests after it; forwarded {forwarded_all}, "
                                  f"seen {seen_all}, {mixed} payloads disagree")
        checks.expect(poisoned == 0, f"{proxy_name}: {poisoned} good requests got another's answer")


if __name__ == "__main__":
    main()
