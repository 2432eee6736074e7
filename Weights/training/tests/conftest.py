import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from restored_training.pool import Pool, make_pool  # noqa: E402


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(0)
    for number in range(12):
        coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        coarse.resize((320, 260), Image.BICUBIC).save(folder / f"{number:02}.png")
    return folder


@pytest.fixture(scope="module")
def pool(photographs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pool")
    make_pool(folder, sorted(photographs.iterdir()), 24, 3, 1)
    return Pool(folder)
