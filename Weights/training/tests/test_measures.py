"""The evaluation's measures against recorded ones, and what is made of them."""

import io
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

REPOSITORY = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(REPOSITORY / "Weights/evaluation"))

from measures import all_measures, gradient_deviation, multiscale_ssim, psnr, ssim  # noqa: E402
import perceptual  # noqa: E402
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


@pytest.fixture(scope="module")
def photograph():
    whole = Image.open(REPOSITORY / "Tests/Fixtures/Photographs/kodim20.png").convert("RGB")
    return np.asarray(whole.crop((0, 0, 256, 256)))


def bytes_of(picture):
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)


butteraugli_is_there = pytest.mark.skipif(not perceptual.is_there(), reason="butteraugli is not installed")


@butteraugli_is_there
def test_what_is_visible_grows_with_damage_of_each_kind(photograph):
    shown, noise = Image.fromarray(photograph), np.random.default_rng(1).normal(0, 1, photograph.shape)

    def compressed(quality):
        file = io.BytesIO()
        shown.save(file, "jpeg", quality=quality)
        return np.asarray(Image.open(file).convert("RGB"))

    kinds = {
        "jpeg": [compressed(quality) for quality in (95, 80, 60, 40, 20, 10)],
        "blur": [np.asarray(shown.filter(ImageFilter.GaussianBlur(radius))) for radius in (0.5, 0.8, 1.2, 2, 3)],
        "noise": [bytes_of(photograph + sigma * noise) for sigma in (2, 5, 10, 20, 40)]}
    assert perceptual.butteraugli(photograph, photograph) == 0
    for kind, pictures in kinds.items():
        found = [perceptual.butteraugli(photograph, picture) for picture in pictures]
        assert found == sorted(set(found)) and found[0] > 0, (kind, found)


@butteraugli_is_there
@pytest.mark.parametrize("decibels", [36, 33, 30])
def test_of_equal_errors_blocks_and_shifted_hues_are_more_visible_than_noise(photograph, decibels):
    generator = np.random.default_rng(1)
    means = np.kron(photograph.reshape(32, 8, 32, 8, 3).mean((1, 3)), np.ones((8, 8, 1)))
    changes = {"noise": generator.normal(0, 1, photograph.shape), "blocks": means - photograph, "hue": np.array([1.0, -1.0, 0.0])}

    def changed(change):
        """As far as the error is no less than asked for."""
        low, high = 0.0, 255.0
        while high - low > 1e-3:
            middle = (low + high) / 2
            low, high = (middle, high) if psnr(photograph, bytes_of(photograph + middle * change)) > decibels else (low, middle)
        return bytes_of(photograph + low * change)

    pictures = {kind: changed(change) for kind, change in changes.items()}
    found = {kind: perceptual.butteraugli(photograph, picture) for kind, picture in pictures.items()}
    assert all(psnr(photograph, pictures[kind]) >= psnr(photograph, pictures["noise"]) - 0.1 for kind in found)
    assert found["noise"] * 1.2 < min(found["blocks"], found["hue"]), found


def test_without_the_program_or_room_for_it_nothing_is_said_of_what_is_visible(photograph, monkeypatch):
    assert perceptual.butteraugli(photograph[:15], photograph[:15]) is None
    monkeypatch.setattr(perceptual, "PROGRAM", "no-such-program")
    assert perceptual.butteraugli(photograph, photograph) is None


def test_what_is_visible_is_told_where_all_pairs_have_it():
    def pair(**measures):
        sides = {"psnr": 20.0, "ssim": 0.5, "ms_ssim": 0.6, "gmsd": 0.1}
        return {"degradation": "noisy", "label": "noisy", "input": sides | measures, "output": sides | measures}

    with_it = table(summarise([pair(butteraugli=12.34), pair(butteraugli=12.36)]))
    assert "butteraugli in | out |" in with_it and "| 12.3 | 12.3 |" in with_it
    assert "butteraugli" not in table(summarise([pair(butteraugli=12.3), pair()]))


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
