"""The evaluation's measures against recorded ones."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(REPOSITORY / "Weights/evaluation"))

from measures import gradient_deviation, multiscale_ssim, psnr, ssim  # noqa: E402

PARITY = Path(os.environ.get("RESTORED_PARITY", REPOSITORY.parent / "shared/parity"))


@pytest.mark.skipif(not PARITY.is_dir(), reason=f"{PARITY} is missing")
def test_recorded_measures():
    for entry in json.loads((PARITY / "metrics.json").read_text()):
        truth, output = (np.asarray(Image.open(PARITY / entry[key]).convert("RGB")) for key in ("gt", "out"))
        assert psnr(truth, output) == pytest.approx(entry["psnr"], rel=1e-9)
        assert ssim(truth, output) == pytest.approx(entry["ssim"], rel=1e-9)
        cut = (slice(4, -4), slice(4, -4))
        assert psnr(truth[cut], output[cut]) == pytest.approx(entry["psnr_crop4"], rel=1e-9)
        assert ssim(truth[cut], output[cut]) == pytest.approx(entry["ssim_crop4"], rel=1e-9)


def test_perceptual_measures_fall_with_damage():
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 256, (200, 240, 3)).astype(float)
    truth = np.cumsum(np.cumsum(truth - 127.5, 0), 1)
    truth = 255 * (truth - truth.min()) / np.ptp(truth)
    noisy = [truth + generator.normal(0, sigma, truth.shape) for sigma in (0, 5, 20, 60)]
    structure = [multiscale_ssim(truth, picture) for picture in noisy]
    gradients = [gradient_deviation(truth, picture) for picture in noisy]
    assert structure[0] == pytest.approx(1) and structure == sorted(structure, reverse=True)
    assert gradients[0] == 0 and gradients == sorted(gradients)
    assert np.isinf(psnr(truth, truth)) and multiscale_ssim(truth[:20, :30], noisy[1][:20, :30]) < 1
