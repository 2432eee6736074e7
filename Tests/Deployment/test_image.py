"""The image is built from all that it needs: what its context leaves out, a build would miss."""

import re
import subprocess
from pathlib import PurePosixPath

import pytest
from conftest import ROOT

#: In their order, of which the last that fits decides: a pattern, and whether what it fits is let in.
RULES = [
    (line.removeprefix("!").strip("/"), line.startswith("!"))
    for line in (ROOT / "Deploy/Dockerfile.dockerignore").read_text().splitlines() if line and not line.startswith("#")
]


def is_in_context(path):
    """Whether Docker sends a file, by the part of its patterns that stands in the file."""
    sent = True
    for pattern, lets_in in RULES:
        places = [path, *PurePosixPath(path).parents]
        if pattern == "**" or any(PurePosixPath(place).match("/" + pattern) or str(place) == pattern for place in places):
            sent = lets_in
    return sent


def tracked(*paths):
    listed = subprocess.run(["git", "ls-files", *paths], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("this is no checkout")
    return [path for path in listed.stdout.splitlines() if (ROOT / path).exists() or (ROOT / path).is_symlink()]


def test_all_sources_are_in_the_context_and_so_is_what_they_link_to():
    sources = tracked("Sources", "Package.swift")
    links = [ROOT / path for path in sources if (ROOT / path).is_symlink()]
    assert len(links) >= 2
    needed = sources + [str(link.resolve().relative_to(ROOT)) for link in links]
    assert [path for path in needed if not is_in_context(path)] == []


def test_what_the_dockerfile_copies_is_in_the_context():
    text = (ROOT / "Deploy/Dockerfile").read_text()
    copied = [word for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.M) for word in line.split() if "*" not in word and word != "."]
    assert {"LICENSE", "Weights/mini"} <= set(copied)
    assert [path for path in tracked(*copied) if not path.endswith(".png") and not is_in_context(path)] == []


def test_what_is_large_and_not_needed_stays_out():
    for path in ("Tests/Fixtures/Images/source.png", "Weights/before-after.jpg", ".git/HEAD", ".build/debug/restored"):
        assert not is_in_context(path), path
