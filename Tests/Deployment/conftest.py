"""What the tests of Deploy share: what the kustomizations make, and a running service."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
KUBERNETES = ROOT / "Deploy/kubernetes"
sys.path.insert(0, str(ROOT / "Tests/Hardness"))


def pytest_addoption(parser):
    parser.addoption("--program", help="the built program")


@pytest.fixture(scope="session")
def options(request):
    """The program and its bundle, as the service of Tests/Hardness takes them."""
    program = request.config.getoption("--program")
    if not program:
        pytest.skip("no --program")
    return SimpleNamespace(program=Path(program).resolve(), bundle=ROOT / "Weights/mini")


def build(folder):
    """The documents that a kustomization makes."""
    kubectl = shutil.which("kubectl")
    if not kubectl:
        pytest.skip("kubectl is not there")
    made = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    # What kustomize warns of is a field that will go.
    assert "Warning" not in made.stderr, made.stderr
    return list(yaml.safe_load_all(made.stdout))


#: The overlays, and an operator's own kustomization around each, as Deploy/README.md has it.
CHOICES = {"direct": False, "direct, of one's own": True, "fleet": False, "fleet, of one's own": True}


@pytest.fixture(scope="session", params=CHOICES, ids=str)
def documents(request, tmp_path_factory):
    overlay = request.param.split(",")[0]
    if not CHOICES[request.param]:
        return build(KUBERNETES / "overlays" / overlay)
    (own,) = re.findall(r"^```yaml\n(apiVersion: kustomize.*?)^```", (ROOT / "Deploy/README.md").read_text(), re.S | re.M)
    folder = tmp_path_factory.mktemp("overlay").resolve()
    own = own.replace("restored/Deploy/kubernetes", os.path.relpath(KUBERNETES, folder)).replace("overlays/direct", f"overlays/{overlay}")
    (folder / "kustomization.yaml").write_text(own)
    return build(folder)


def seconds(text):
    """A duration as settings take it."""
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h|)", text).groups()
    return int(number) * units.get(unit, 1)


def drain_seconds(variables):
    """How long a service with these variables takes to end at most: the delay, the drain, and the last answers."""
    standard = re.search(r"`--drain-timeout` \| `\w+` \| (\w+) ", (ROOT / "Deploy/README.md").read_text()).group(1)
    return seconds(variables["RESTORED_DRAIN_DELAY"]) + seconds(variables.get("RESTORED_DRAIN_TIMEOUT", standard)) + 2


def of_kind(documents, *kinds):
    return [document for document in documents if document["kind"] in kinds]
