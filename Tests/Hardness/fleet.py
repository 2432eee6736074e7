#!/usr/bin/env python3
"""Jobs that outlive processes: three replicas over one Redis, one killed with -9 every few seconds, Redis restarted once.

Every accepted job must end, none be lost, all bytes be those of a lone run, and no job be begun again once its result is
stored. Then: how long a small job takes with and without the store, and the throughput of replicas either way.
Needs redis-server; and pillow, which makes the pictures.
"""

import http.client
import io
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

import service
from PIL import Image
from redis_server import Redis

SIDES = [32, 48, 64, 96]


class Replica:
    """`restored serve` on a port that it keeps when it is started again."""

    def __init__(self, options, store, *settings, core=None):
        self.options, self.port, self.core = options, service.free_port(), core
        self.settings = [*settings, *(["--job-store", store.url] if store else [])]
        self.log = tempfile.TemporaryFile()
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("RESTORED_")}
        self.process = subprocess.Popen(
            [str(self.options.program), "serve", "--host", "127.0.0.1", "--port", str(self.port), "--bundle",
             str(self.options.bundle), "--threads", "1", "--workers", "1", "--log-level", "warning", "--job-lease", "2s",
             "--log-format", "json", *self.settings], stderr=self.log, env=environment,
            preexec_fn=None if self.core is None else lambda: os.sched_setaffinity(0, {self.core}))

    def wait(self):
        while True:
            try:
                answer = json.loads(urllib.request.urlopen(self.url + "/health/ready", timeout=5).read())
                if answer.get("job_store", "available") == "available":
                    return self
            except OSError:
                pass
            if self.process.poll() is not None:
                self.log.seek(0)
                sys.exit("a replica ended:\n" + self.log.read().decode(errors="replace")[-2000:])
            time.sleep(0.05)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def metric(self, name):
        text = urllib.request.urlopen(self.url + "/metrics", timeout=20).read().decode()
        return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(name + " "))


def ask(method, url, body=None, **headers):
    request = urllib.request.Request(url, data=body, method=method)
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read()


def persist(action, most_tries=600):
    """Tries again while replicas and the store come and go."""
    for _ in range(most_tries):
        try:
            outcome = action()
            if outcome[0] not in (429, 503):
                return outcome
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.1)
    sys.exit(f"no replica answered in {most_tries} tries")


def picture(number):
    draw = random.Random(number)
    side, other = draw.choice(SIDES), draw.choice(SIDES)
    image = Image.effect_noise((side, other), 60 + number % 60).convert("RGB")
    file = io.BytesIO()
    # The noise is drawn anew with every run; the bytes are kept for the whole of this one.
    image.save(file, "PNG")
    return file.getvalue()


def chaos(options, checks):
    store = Redis()
    replicas = [Replica(options, store) for _ in range(3)]
    alone = Replica(options, None)
    for replica in [*replicas, alone]:
        replica.wait()
    pictures = [picture(number) for number in range(options.jobs)]
    query = f"force=true&steps={options.steps}"
    expected = [ask("POST", f"{alone.url}/restore?seed={n}&{query}", p, Content_Type="image/png")[2]
                for n, p in enumerate(pictures)]
    alone.kill()

    over, kills, restarts = threading.Event(), [0], [0]
    begun = time.monotonic()

    def killer():
        draw, restart_at = random.Random(7), options.jobs // 2
        while not over.wait(options.every):
            victim = replicas[kills[0] % 3]
            victim.kill()
            kills[0] += 1
            if not restarts[0] and int(store.ask("hget", "restored:totals", "done") or 0) >= restart_at // 2:
                store.kill()
                time.sleep(draw.uniform(0.2, 0.8))
                store.start()
                restarts[0] += 1
            victim.start()

    thread = threading.Thread(target=killer, daemon=True)
    thread.start()
    jobs, cancelled = {}, set()
    for number, body in enumerate(pictures):
        def submit():
            replica = random.choice(replicas)
            return ask("POST", f"{replica.url}/restore?seed={number}&{query}", body, Content_Type="image/png",
                       Prefer="respond-async")
        status, headers, _ = persist(submit)
        if status != 202:
            sys.exit(f"job {number} was answered {status}")
        jobs[number] = headers["Location"]
        # Some are cancelled, at any replica.
        if number % 20 == 19:
            persist(lambda: ask("DELETE", random.choice(replicas).url + jobs[number]))
            cancelled.add(number)
    states, results, done_at = {}, {}, {}
    while len(states) < len(jobs):
        for number, path in jobs.items():
            if number in states:
                continue
            status, _, body = persist(lambda: ask("GET", random.choice(replicas).url + path))
            state = json.loads(body).get("state", status)
            if state in ("done", "failed", "cancelled", 404, 410):
                states[number] = state
            if state == "done":
                status, _, body = persist(lambda: ask("GET", random.choice(replicas).url + path + "/result"))
                results[number] = body if status == 200 else None
                done_at[number] = store.ask("hget", "restored:job:" + path.split("/")[2], "claims")
        time.sleep(0.05)
        if time.monotonic() - begun > options.minutes * 60:
            break
    # Killing goes on for a moment: a job that is done again would show.
    time.sleep(2 * options.every)
    over.set()
    thread.join()
    again = [number for number, claims in done_at.items()
             if store.ask("hget", "restored:job:" + jobs[number].split("/")[2], "claims") != claims]
    seconds = time.monotonic() - begun
    for replica in replicas:
        replica.wait()
    counts = {state: list(states.values()).count(state) for state in set(states.values())}
    claims = [int(c) for c in done_at.values() if c]
    print(f"{len(jobs)} jobs in {seconds:.0f} s, {kills[0]} kills, {restarts[0]} restarts of Redis: {counts}, "
          f"{sum(c > 1 for c in claims)} begun more than once, at most {max(claims, default=0)} times")
    checks.expect(len(states) == len(jobs), "every job ended")
    checks.expect(not {404, 410} & set(states.values()), "none was lost")
    checks.expect(all(states.get(n) == "done" or n in cancelled or states.get(n) == "failed" for n in jobs),
                  "each is done, failed with a reason, or cancelled on demand")
    checks.expect(all(states[n] in ("cancelled", "done", 410) for n in cancelled), "cancelling worked at any replica")
    checks.expect(all(results[n] == expected[n] for n in results), f"{len(results)} results have the bytes of a lone run")
    checks.expect(not again, "no job was begun again after its result was stored")
    checks.expect(store.ask("xlen", "restored:jobs") == "0", "no entry is left in the stream")
    for replica in replicas:
        replica.kill()
    store.kill()


def throughput(replicas, clients, requests, path):
    """Requests a second of so many clients that take turns at the replicas."""
    body, lock, left, times = picture(2), threading.Lock(), [requests], []

    def client(number):
        while True:
            with lock:
                if left[0] == 0:
                    return
                left[0] -= 1
            start = time.perf_counter()
            status = ask("POST", replicas[number % len(replicas)].url + path, body, Content_Type="image/png")[0]
            times.append(time.perf_counter() - start)
            if status != 200:
                sys.exit(f"a request was answered {status}")

    threads = [threading.Thread(target=client, args=(n,)) for n in range(clients)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return requests / (time.perf_counter() - start), times


def replica_cores(options):
    """The core of each replica: none, so that three share what the machine has, or with `--core-each` one each, up to three; then
    this program, the front end and the store, which inherit that from it, take the rest."""
    if not options.core_each:
        return [None] * 3
    *own, last = sorted(os.sched_getaffinity(0))
    if not own:
        sys.exit("--core-each needs two cores")
    os.sched_setaffinity(0, {*own[3:], last})
    return own[:3]


def cost(options, checks):
    cores = replica_cores(options)
    store = Redis()
    workers = [Replica(options, store, "--role", "worker", core=core) for core in cores]
    front = Replica(options, store, "--role", "front")
    direct = [Replica(options, None, core=core) for core in cores]
    for replica in [*workers, front, *direct]:
        replica.wait()
    path = f"/restore?seed=1&force=true&steps={options.steps}"
    # In turn, so that what else the machine does concerns both.
    through, beside = [], []
    for _ in range(options.rounds):
        through += throughput([front], 1, options.requests, path)[1]
        beside += throughput(direct[:1], 1, options.requests, path)[1]
    added = 1000 * (service.quantile(through, 0.5) - service.quantile(beside, 0.5))
    print(f"one client: {1000 * service.quantile(beside, 0.5):.1f} ms direct, {1000 * service.quantile(through, 0.5):.1f} ms "
          f"through the store")
    shares, clients = [], 2 * len(cores)
    for _ in range(options.rounds):
        a = throughput([front], clients, clients * options.requests, path)[0]
        b = throughput(direct, clients, clients * options.requests, path)[0]
        shares.append(a / b)
        print(f"{clients} clients, {len(cores)} replicas: {a:.1f}/s through the store, {b:.1f}/s direct, {100 * a / b:.0f} %")
    if options.judge:
        checks.expect(added < 20, f"the store adds {added:.1f} ms to a small job, under 20")
        checks.expect(service.quantile(shares, 0.5) > 0.9, "throughput is within 10 % of direct")
    for replica in [*workers, front, *direct]:
        replica.kill()
    store.kill()


def main():
    parser = service.arguments(__doc__)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--every", type=float, default=3, help="seconds between kills (default: 3)")
    parser.add_argument("--minutes", type=float, default=10, help="time for all jobs (default: 10)")
    parser.add_argument("--requests", type=int, default=20, help="of each measurement (default: 20)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--core-each", action="store_true", help="measure the cost with a core for each replica and one for the rest")
    parser.add_argument("--judge", action="store_true", help="whether times have to be within their bounds")
    parser.add_argument("--only", choices=["chaos", "cost"])
    options = parser.parse_args()
    if not shutil.which("redis-server"):
        print("redis-server is not installed: nothing was tried")
        return
    checks = service.Checks()
    if options.only != "cost":
        chaos(options, checks)
    if options.only != "chaos":
        cost(options, checks)
    checks.finish()


if __name__ == "__main__":
    main()
