"""The evaluation's measures against recorded ones, and what is made of them."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(REPOSITORY / "Weights/evaluation"))

from measures import all_measures, gradient_deviation, multiscale_ssim, psnr, ssim  # noqa: E402
from report import gain, rounds_made, rounds_table, summarise, table  # noqa: E402
from untouched import MARGINS, margin_table, untouched_table  # noqa: E402

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


def test_clean_pictures_count_in_labels_and_not_in_gains():
    picture = np.random.default_rng(0).integers(0, 250, (40, 50, 3))

    def pair(degradation, label, before, after):
        return {"degradation": degradation, "label": label, "input": all_measures(picture + before, picture),
                "output": all_measures(picture + after, picture)}

    degraded = [pair("hazy", "hazy", 4, 2), pair("noisy", "clean", 4, 4), pair("noisy", "hazy", 3, 4)]
    clean = [pair("clean", "clean", 0, 0), pair("clean", "hazy", 0, 5)]
    alone, both = summarise(degraded), summarise(degraded + clean)
    assert both["gain"] == alone["gain"] and both["wrongly_labelled"] == alone["wrongly_labelled"]
    assert alone["wrongly_labelled"]["greatest_loss"] == pytest.approx(20 * np.log10(4 / 3))
    assert (alone["accuracy"], both["accuracy"]) == (1 / 3, 2 / 5) and both["degradations"]["clean"]["right"] == 1
    assert gain(clean[0]) == 0 and gain(clean[1]) < -50
    assert "mean of means" in table(both)
    json.dumps([both, summarise(clean[:1])], allow_nan=False)


def test_gains_are_told_by_the_rounds_that_were_made():
    once = {"unchanged": False, "degradation": "hazy", "confidence": 0.9}
    twice = once | {"rounds": [{"degradation": "hazy", "confidence": 0.9}, {"degradation": "noisy", "confidence": 0.8}]}
    assert rounds_made(once) == ["hazy"] and rounds_made(twice) == ["hazy", "noisy"]
    assert rounds_made(twice | {"unchanged": True}) == []

    def pair(before, one, auto, rounds):
        return {"input": {"psnr": before}, "by_rounds": {
            "1": {"output": {"psnr": one}, "rounds": ["hazy"]}, "auto": {"output": {"psnr": auto}, "rounds": rounds}}}

    rows = rounds_table([pair(10, 12, 15, ["hazy", "noisy"]), pair(20, 19, 19, ["hazy"]), pair(10, 14, 13, ["hazy", "rainy"])],
                        ["1", "auto"]).splitlines()
    assert rows[2] == "| 1 | 1 | 20.00 | -1.00 | -1.00 | -1.00 | -1.00 |"
    assert rows[3] == "| 2 | 2 | 10.00 | +3.00 | +4.00 | +2.00 | +3.00 |"
    assert rows[4].startswith("| all | 3 | 13.33 | +1.67 | +2.33 |")


def test_what_comes_back_is_counted_by_kind_with_the_reasons():
    def row(kind: str, psnr: float, declined: str | None = None) -> dict:
        return {"kind": kind, "same": psnr == 100, "psnr": psnr, "declined": declined}

    table = untouched_table([row("page", 100, "plain-ground"), row("page", 100), row("page", 24.3), row("grey", 100)])
    assert table.splitlines()[2:] == [
        "| grey | 1 | 1 | 100% | 1 | 0 | 0 | 0 |  |",
        "| page | 3 | 2 | 67% | 1 | 1 | 1 | 1 | 24.3 |",
        "| all | 4 | 3 | 75% | 2 | 1 | 1 | 1 | 24.3 |",
    ]


def test_a_margin_counts_what_it_loses_and_what_it_saves():
    def answer(label: str, confidence: float, clean: float) -> dict:
        return {"degradation": label, "confidence": confidence,
                "probabilities": [{"label": label, "probability": confidence}, {"label": "clean", "probability": clean}]}

    degraded = [answer("hazy", 0.48, 0.42), answer("hazy", 0.9, 0.01), answer("clean", 0.7, 0.7)]
    rows = {line.split(" | ")[0]: line.strip("| ").split(" | ") for line in margin_table(degraded, [answer("hazy", 0.4, 0.38)]).splitlines()}
    by_margin = dict(zip(MARGINS, rows["| hazy"][2:]))
    assert rows["| hazy"][1] == "2" and by_margin[0.05] == "0" and by_margin[0.1] == "1"
    assert rows["| all"][len(MARGINS) + 2] == "1" and rows["| all"][-len(MARGINS):][2:4] == ["1", "1"]
