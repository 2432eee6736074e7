"""The composition is one of Docker's, and says what it is meant to."""

import re
import shutil
import subprocess
import sys

import pytest
import yaml
from conftest import ROOT, drain_seconds, seconds

FILE = ROOT / "Deploy/compose.yaml"
SERVICES = yaml.safe_load(FILE.read_text())["services"]
FLEET = {name for name, service in SERVICES.items() if service.get("profiles") == ["fleet"]}


def test_it_is_of_the_schema():
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", FILE], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("profile", [[], ["--profile", "fleet"]], ids=["one", "fleet"])
def test_docker_takes_it(profile):
    commands = [["docker", "compose"], ["docker-compose"]]
    there = [command for command in commands
             if shutil.which(command[0]) and subprocess.run([*command, "version"], capture_output=True).returncode == 0]
    if not there:
        pytest.skip("docker compose is not there")
    checked = subprocess.run([*there[0], "-f", FILE, *profile, "config", "--quiet"], capture_output=True, text=True)
    assert checked.returncode == 0 and not checked.stderr, checked.stderr


def test_one_service_is_all_that_comes_up_without_a_profile():
    assert set(SERVICES) - FLEET == {"restored"}


def test_a_fleet_has_two_front_ends_three_workers_a_store_and_a_balancer():
    assert FLEET == {"balancer", "front", "worker", "store"}
    assert (SERVICES["front"]["scale"], SERVICES["worker"]["scale"]) == (2, 3)
    variables = {name: SERVICES[name]["environment"] for name in ("front", "worker")}
    assert {name: variables[name]["RESTORED_ROLE"] for name in variables} == {"front": "front", "worker": "worker"}
    assert {variables[name]["RESTORED_JOB_STORE"] for name in variables} == {"redis://store:6379/0"}
    # Workers that share a machine say how many threads they take.
    assert variables["worker"]["RESTORED_WORKERS"] == "1" and variables["worker"]["RESTORED_THREADS"]
    # Nothing but the balancer can be reached from outside, and nothing but it has a way out.
    assert [name for name in FLEET if "ports" in SERVICES[name]] == ["balancer"]
    assert all(SERVICES[name]["networks"] == ["fleet"] for name in FLEET - {"balancer"})
    assert yaml.safe_load(FILE.read_text())["networks"]["fleet"] == {"internal": True}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_can_do_no_more_than_it_needs(name):
    service = SERVICES[name]
    assert service["read_only"] and service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"] and service["pids_limit"]


def test_the_store_keeps_what_was_accepted_and_its_memory_is_bounded():
    command = SERVICES["store"]["command"].split()
    settings = dict(zip(command[1::2], command[2::2]))
    assert settings["--appendonly"] == "yes" and settings["--maxmemory-policy"] == "noeviction"
    assert settings["--maxmemory"] == "1gb" and SERVICES["store"]["mem_limit"] == "2g"
    assert SERVICES["store"]["volumes"] == ["jobs:/data"]


def test_the_balancer_sees_that_a_front_end_goes_before_it_refuses_work():
    balancer = (ROOT / "Deploy/haproxy.cfg").read_text()
    interval, fall = re.search(r"check inter (\w+) fall (\d+)", balancer).groups()
    front = SERVICES["front"]
    # Each look may take as long as the time between two.
    assert 2 * seconds(interval) * int(fall) < seconds(front["environment"]["RESTORED_DRAIN_DELAY"])
    assert seconds(front["stop_grace_period"]) > drain_seconds(front["environment"])
    assert seconds(re.search(r"hard-stop-after (\w+)", balancer).group(1)) <= seconds(SERVICES["balancer"]["stop_grace_period"])
    # The balancer's servers are those of the composition.
    assert re.search(r"server-template front \d+ front:8080 resolvers docker ", balancer)


def test_every_variable_is_a_setting():
    readme = (ROOT / "Deploy/README.md").read_text()
    for name in ("front", "worker"):
        for variable in SERVICES[name]["environment"]:
            assert f"| `{variable}` |" in readme, variable
