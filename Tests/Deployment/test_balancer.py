"""HAProxy, as Deploy/haproxy.cfg sets it up, before a running service."""

import http.client
import json
import os
import shutil
import subprocess
import time

import pytest
from balancer import CONFIGURATION, Balancer
from conftest import ROOT
from service import Service

PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
pytestmark = pytest.mark.skipif(not shutil.which("haproxy", path=PATH), reason="haproxy is not there")
PICTURE = (ROOT / "Tests/Fixtures/Images/source.png").read_bytes()


@pytest.fixture(scope="module")
def behind(options):
    """A service, and a way to ask it through HAProxy."""
    with Service(options, "--workers", "1", "--threads", "1") as service, Balancer(service.port) as balancer:
        yield service, balancer


def ask(port, method, path, body=None, **fields):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in fields.items()})
    return connection, connection.getresponse()


def test_haproxy_takes_the_configuration_without_a_warning():
    checked = subprocess.run(["haproxy", "-c", "-f", CONFIGURATION], capture_output=True, text=True, env={**os.environ, "PATH": PATH})
    assert checked.returncode == 0 and "WARNING" not in checked.stdout + checked.stderr, checked.stderr


def test_events_of_a_job_come_while_it_is_worked_on(behind):
    service, balancer = behind
    _, accepted = ask(balancer.port, "POST", "/restore?steps=100&force=true", PICTURE, Prefer="respond-async", Content_Type="image/png")
    job = json.loads(accepted.read())
    connection, events = ask(balancer.port, "GET", job["events"])
    assert events.status == 200 and events.getheader("Content-Type") == "text/event-stream"
    steps = []
    while len(steps) < 3:
        line = events.readline()
        if line.startswith(b"data:"):
            state = json.loads(line[5:])
            assert state["state"] in ("queued", "running"), "the event came when the job was over"
            steps.append(state.get("step"))
    # Asked without the balancer.
    _, state = ask(service.port, "GET", f"/jobs/{job['id']}")
    assert json.loads(state.read())["state"] == "running"
    _, gone = ask(balancer.port, "DELETE", f"/jobs/{job['id']}")
    assert gone.status == 204
    rest = events.read().decode()
    assert '"state":"cancelled"' in rest.replace(" ", ""), rest
    connection.close()


def test_work_of_a_client_that_leaves_stops(behind):
    service, balancer = behind
    connection = http.client.HTTPConnection("127.0.0.1", balancer.port)
    connection.request("POST", "/restore?steps=100&force=true&seed=1", PICTURE, {"Content-Type": "image/png"})
    until(lambda: service.metrics()["restored_running"] == 1)
    connection.close()
    until(lambda: any(line.get("status") == 499 or line.get("status") == "499" for line in service.log_lines()))
    until(lambda: service.metrics()["restored_running"] == 0)


def until(holds):
    for _ in range(600):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("not within half a minute")


def test_a_request_has_one_name_in_both_logs(behind):
    _, balancer = behind
    _, answer = ask(balancer.port, "GET", "/capabilities", X_Request_ID="mine-1")
    assert answer.getheader("X-Request-ID") == "mine-1"
    _, answer = ask(balancer.port, "GET", "/capabilities")
    assert len(answer.getheader("X-Request-ID")) == 36


def test_what_is_for_those_inside_alone_is_not_given_out(behind):
    service, balancer = behind
    assert ask(balancer.port, "GET", "/metrics")[1].status == 403
    assert ask(service.port, "GET", "/metrics")[1].status == 200


def test_a_body_over_the_limit_gets_the_services_own_answer(behind, tmp_path):
    _, balancer = behind
    (tmp_path / "large").write_bytes(bytes(33 << 20))
    # Reads the answer that comes before its last byte has gone.
    asked = subprocess.run(
        ["curl", "-sS", "-o", tmp_path / "answer", "-w", "%{http_code} %{content_type}", "--data-binary", f"@{tmp_path}/large",
         "-H", "Content-Type: image/png", f"http://127.0.0.1:{balancer.port}/restore"], capture_output=True, text=True, timeout=60)
    assert asked.stdout == "413 application/problem+json", asked.stderr


def test_its_times_are_over_the_services_own():
    times = dict(line.split()[1:3] for line in CONFIGURATION.read_text().splitlines() if line.strip().startswith("timeout "))
    units = {"s": 1, "m": 60, "h": 3600}
    rows = (ROOT / "Deploy/README.md").read_text().splitlines()

    def standard(flag):
        (row,) = [row for row in rows if row.startswith(f"| `--{flag}` |")]
        text = row.split("|")[3].strip()
        return int(text[:-1]) * units[text[-1]]

    assert int(times["server"][:-1]) > standard("timeout")
    assert int(times["client"][:-1]) >= standard("body-timeout")
    assert int(times["http-request"][:-1]) >= standard("head-timeout")
    assert int(times["http-keep-alive"][:-1]) < standard("idle-timeout")
