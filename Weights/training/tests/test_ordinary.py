"""Pictures that nothing is wrong with, drawn."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from restored_training.ordinary import KINDS, SPOILABLE, ordinary
from restored_training.ordinary.text import HELD_OUT_FONTS, font_files
from restored_training.photographs import listed_names
from restored_training.pool import make_example


@pytest.fixture(scope="module")
def photograph():
    return np.random.default_rng(0).integers(0, 256, (260, 320, 3), dtype=np.uint8)


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_draws_the_same_picture_and_another_seed_another(kind, photograph):
    first, again, other = (ordinary(np.random.default_rng(seed), photograph, [kind]) for seed in (1, 1, 2))
    assert first.dtype == np.uint8 and first.ndim == 3 and first.shape[2] == 3 and 224 <= min(first.shape[:2]) <= max(first.shape[:2]) <= 900
    assert np.array_equal(first, again) and not np.array_equal(first, other)


@pytest.mark.parametrize("kind", SPOILABLE)
def test_what_is_spoilt_shows_something(kind, photograph):
    pictures = [ordinary(np.random.default_rng(seed), photograph, [kind]) for seed in range(12)]
    assert np.mean([picture.std() > 4 for picture in pictures]) > 0.8


def test_fonts_that_are_held_out_are_not_drawn_with():
    try:
        said = subprocess.run(["fc-list", ":lang=en", "file", "family"], capture_output=True, text=True, check=True).stdout
    except OSError:
        pytest.skip("fontconfig is not here")
    families = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)
    held_out = listed_names(HELD_OUT_FONTS)
    assert held_out and all(held_out.isdisjoint(families[file].split(",")) for file in font_files("en"))


def test_fonts_that_pages_to_measure_with_are_set_in_are_held_out():
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "evaluation"))
    from ordinary import theme
    assert {*theme.SANS, *theme.SERIF, *theme.MONO} <= listed_names(HELD_OUT_FONTS)


def test_grey_pictures_are_grey_before_and_after_they_were_spoilt(photographs):
    path = sorted(photographs.iterdir())[0]
    made = [make_example(path, seed) for seed in range(60)]
    are_grey = [[np.ptp(picture, axis=2).max() <= 1 for picture in pictures] for _, *pictures in made]
    assert any(both == [True, True] for both in are_grey) and any(both == [False, False] for both in are_grey)
    assert all(degraded for clean, degraded in are_grey if clean and not degraded)
