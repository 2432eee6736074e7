"""What the README tells programs to do works as it stands there."""

import os
import re
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT, Service
from PIL import Image

SECTION = re.search(r"\n## Call it\n(.*?)\n## ", (ROOT / "README.md").read_text(), re.S).group(1)
SNIPPETS = re.findall(r"^```(\w+)\n(.*?)^```", SECTION, re.S | re.M)

#: How a snippet of each language is run, and what it is called.
RUNNERS = {
    "sh": ("snippet.sh", ["bash", "-euo", "pipefail", "snippet.sh"]),
    "python": ("snippet.py", [sys.executable, "snippet.py"]),
    "js": ("snippet.mjs", ["node", "snippet.mjs"]),
    "swift": ("main.swift", ["sh", "-c", "swiftc -o snippet main.swift && ./snippet"]),
}


@pytest.fixture(scope="module")
def service(program):
    """With both bundles, as Deploy/run has it."""
    service = Service(program, "--bundle", str(ROOT / "Weights/guided"))
    yield service
    service.stop()


def test_there_is_a_snippet_of_every_language():
    assert {language for language, _ in SNIPPETS} == set(RUNNERS)


@pytest.mark.parametrize("number", range(len(SNIPPETS)), ids=lambda number: f"{SNIPPETS[number][0]}-{number}")
def test_a_snippet_runs_as_it_stands(service, tmp_path, number):
    language, text = SNIPPETS[number]
    name, command = RUNNERS[language]
    wanted = {"js": "node", "swift": "swiftc"}.get(language, command[0])
    if not shutil.which(wanted):
        pytest.skip(f"{wanted} is not there")
    for file in ("photo.jpg", "other.jpg"):
        Image.open(ROOT / "Tests/Fixtures/Images/source.png").convert("RGB").save(tmp_path / file)
    (tmp_path / name).write_text(text.replace("localhost:8080", service.url.removeprefix("http://")))
    # A refusal is no success, which curl would otherwise take it for.
    (tmp_path / ".curlrc").write_text("fail-with-body\nno-progress-meter\n")
    run = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "CURL_HOME": str(tmp_path)}, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
    written = set(re.findall(r"restored\.(?:png|jpg|json)", text))
    for file in written - {"restored.json"}:
        assert Image.open(tmp_path / file).size == (61, 45)
    if "restored.json" in written:
        assert '"media_type"' in (tmp_path / "restored.json").read_text()
    assert written or language == "sh"
