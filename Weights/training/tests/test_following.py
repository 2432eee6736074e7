"""The pool of what a bundle makes of another pool."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from restored_training import following
from restored_training.pool import Example, Pool


class Darkening:
    """Stands where the program is, and halves every picture."""

    def __init__(self, fails_after: int | None = None):
        self.runs, self.fails_after = 0, fails_after

    def restore(self, pictures: list[Path], folder: Path, options: list[str]) -> list[dict]:
        if self.runs == self.fails_after:
            raise RuntimeError("ended")
        self.runs += 1
        folder.mkdir(parents=True, exist_ok=True)
        for path in pictures:
            Image.fromarray(np.asarray(Image.open(path)) // 2).save(folder / path.name)
        return [{"output": str(folder / path.name)} for path in pictures]


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    rng, offset, folder = np.random.default_rng(1), 0, tmp_path / "pool"
    folder.mkdir()
    with (folder / "index.jsonl").open("w") as index, (folder / "pixels.bin").open("wb") as pixels:
        for number in range(7):
            height, width = 8 + number, 12
            example = Example(f"{number}.png", ["noisy"], height, width, offset, number > 4)
            index.write(json.dumps(example.__dict__) + "\n")
            pixels.write(rng.integers(0, 256, 2 * example.size, np.uint8).tobytes())
            offset += 2 * example.size
    return Pool(folder)


def test_clean_pictures_stay_and_each_has_what_was_made_of_its_degraded_one(pool, tmp_path):
    following.restored_pool(pool, Darkening(), tmp_path / "restored")
    found = Pool(tmp_path / "restored")
    assert [(one.photograph, one.labels, one.is_real) for one in found.examples] \
        == [(one.photograph, one.labels, one.is_real) for one in pool.examples]
    for number in range(len(pool)):
        (clean, degraded), (kept, made) = pool.pictures(number), found.pictures(number)
        assert np.array_equal(kept, clean) and np.array_equal(made, degraded // 2)


def test_a_part_is_spread_over_the_pool(pool, tmp_path):
    following.restored_pool(pool, Darkening(), tmp_path / "restored", 3)
    assert [one.photograph for one in Pool(tmp_path / "restored").examples] == ["0.png", "3.png", "6.png"]


def test_an_interrupted_one_goes_on_where_it_stopped(pool, tmp_path, monkeypatch):
    monkeypatch.setattr(following, "TOGETHER", 2)
    with pytest.raises(RuntimeError):
        following.restored_pool(pool, Darkening(fails_after=2), tmp_path / "restored")
    assert len(Pool(tmp_path / "restored")) == 4
    # What was written of the next one goes.
    with (tmp_path / "restored/pixels.bin").open("ab") as pixels:
        pixels.write(b"half")
    second = Darkening()
    following.restored_pool(pool, second, tmp_path / "restored")
    assert second.runs == 2
    following.restored_pool(pool, Darkening(), tmp_path / "whole")
    assert (tmp_path / "restored/pixels.bin").read_bytes() == (tmp_path / "whole/pixels.bin").read_bytes()
