import numpy as np
import pytest

from restored_training.degradations import CLEAN, DEGRADATIONS, ORDER, as_sent, degrade, random_mixture
from restored_training.effects import to_bytes


def photograph(height=120, width=160):
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    channels = [0.5 + 0.4 * np.sin(rows / 9 + c) * np.cos(columns / (7 + c)) for c in range(3)]
    return np.rint(np.stack(channels, -1) * 255) / np.float32(255)


def psnr(one, other):
    return -10 * np.log10(np.mean((one - other) ** 2))


@pytest.mark.parametrize("strength", ["benchmark", "varied"])
@pytest.mark.parametrize("label", DEGRADATIONS)
@pytest.mark.parametrize("size", [(120, 160), (33, 47), (300, 64)])
def test_same_seed_same_picture_of_8_bits(label, strength, size):
    clean = photograph(*size).astype(np.float32)
    kept = clean.copy()
    spoilt = degrade(clean, label, 5, strength)
    assert spoilt.shape == clean.shape and spoilt.dtype == np.float32
    assert np.array_equal(spoilt, degrade(clean, label, 5, strength)) and np.array_equal(clean, kept)
    assert np.isfinite(spoilt).all() and spoilt.min() >= 0 and spoilt.max() <= 1
    assert np.array_equal(np.rint(spoilt * 255) / np.float32(255), spoilt)
    assert not np.array_equal(spoilt, degrade(clean, label, 6, strength)) or label == "jpeg-compressed"


def test_strengths_of_the_benchmarks():
    clean = np.full((200, 200, 3), 0.5, np.float32)
    assert abs(np.std(degrade(clean, "noisy", 1, "benchmark")) * 255 - 50) < 1.5
    holes = [(degrade(clean, "uncompleted", seed, "varied") == 1).all(-1).mean() for seed in range(12)]
    assert 0.03 <= min(holes) and max(holes) < 0.7
    dark = degrade(photograph(), "low-light", 0, "benchmark")
    assert dark.mean() < 0.35 * photograph().mean()


def test_every_degradation_does_damage():
    clean = photograph().astype(np.float32)
    for label in DEGRADATIONS:
        means = [psnr(degrade(clean, label, seed), clean) for seed in range(5)]
        assert max(means) < 45 and min(means) > 2, (label, means)


def test_clean_mixtures_and_errors():
    clean = photograph().astype(np.float32)
    assert np.array_equal(degrade(clean, CLEAN, 0), clean)
    assert sorted(ORDER) == sorted(DEGRADATIONS)
    one, other = degrade(clean, ["noisy", "hazy"], 3), degrade(clean, ["hazy", "noisy"], 3)
    assert np.array_equal(one, other)
    rng = np.random.default_rng(0)
    for _ in range(50):
        labels = random_mixture(rng)
        assert len(set(labels)) == 2 and set(labels) != {"noisy", "jpeg-compressed"}
    with pytest.raises(ValueError):
        degrade(clean, "foggy", 0)
    with pytest.raises(ValueError):
        degrade(clean, "hazy", 0, "strong")


def test_a_picture_is_sent_as_it_is_or_in_other_tones_or_grey_or_with_dark_corners_or_grainy_or_as_a_decent_jpeg():
    picture, rng = to_bytes(photograph()), np.random.default_rng(0)
    found = [as_sent(picture, rng) for _ in range(300)]
    assert 15 < sum(np.array_equal(one, picture) for one in found) < 120
    assert all(one.shape == picture.shape and one.dtype == np.uint8 for one in found)
    are_grey = [np.ptp(one, axis=2).max() == 0 for one in found]
    assert 0.1 < np.mean(are_grey) < 0.35
    assert min(likeness(one, picture) for one in found) > 0.9
    assert np.array_equal(as_sent(np.zeros_like(picture), rng), np.zeros_like(picture))
    grey = np.full((64, 64, 3), 128, np.uint8)
    sent = [as_sent(grey, rng).astype(int) for _ in range(300)]
    grain = np.array([np.diff(one[24:40, 24:40], axis=1).std() / 2**0.5 for one in sent])
    assert 0.1 < (grain > 0.5).mean() < 0.4 and grain.max() < 5
    corners = np.array([one[24:40, 24:40].mean() - one[:4, :4].mean() for one in sent])
    assert 0.05 < (corners > 5).mean() < 0.25 and -3 < corners.min() and corners.max() < 80


def likeness(one, picture):
    """How far the middle of a picture is explained by another's channels: 1 where it is."""
    rows, columns = (slice(side // 3, 2 * side // 3) for side in picture.shape[:2])
    known = picture[rows, columns].reshape(-1, 3).astype(float)
    known = np.concatenate([known, np.ones((len(known), 1))], axis=1)
    shown = one[rows, columns].reshape(-1, 3).astype(float)
    left = shown - known @ np.linalg.lstsq(known, shown, rcond=None)[0]
    return 1 - left.var() / shown.var(axis=0).mean()


@pytest.mark.parametrize("strength", ["benchmark", "varied"])
def test_a_shadow_covers_a_part_that_can_be_seen(strength):
    clean = np.full((150, 200, 3), 0.6, np.float32)
    shares = [(degrade(clean, "shadowed", seed, strength).mean(axis=2) < 0.57).mean() for seed in range(30)]
    assert min(shares) > 0.04 and max(shares) < 0.8


@pytest.mark.parametrize("strength", ["benchmark", "varied"])
def test_drops_can_be_seen_even_before_a_plain_wall(strength):
    textured, wall = photograph(150, 200).astype(np.float32), np.full((150, 200, 3), 0.4, np.float32)
    limit = 24.1 if strength == "benchmark" else 26.1
    for clean in (textured, wall):
        assert max(psnr(degrade(clean, "raindrop", seed, strength), clean) for seed in range(70)) < limit


def test_drops_are_at_times_large_smears_but_not_at_the_benchmarks_strength():
    clean = np.full((150, 200, 3), 0.3, np.float32)

    def steepest(seed, strength):
        return np.abs(np.diff(degrade(clean, "raindrop", seed, strength).mean(axis=2), axis=1)).max()

    varied, benchmark = ([steepest(seed, strength) for seed in range(60)] for strength in ("varied", "benchmark"))
    assert np.quantile(varied, 0.2) < np.quantile(benchmark, 0.1) < np.median(varied)


def test_rain_is_heavy_or_light_or_a_veil():
    clean = np.full((150, 200, 3), 0.3, np.float32)
    lit = [(degrade(clean, "rainy", seed) - clean).mean(axis=2) for seed in range(40)]
    assert min(light.min() for light in lit) > -0.01
    is_light = [np.median(light) < 0.02 and light.mean() < 0.1 for light in lit]
    is_veil = [np.quantile(light, 0.02) > 0.02 and light.std() < 0.12 for light in lit]
    is_heavy = [light.std() > 0.12 for light in lit]
    assert min(map(sum, (is_light, is_veil, is_heavy))) >= 4


def test_haze_hides_the_far_most_or_everything_about_alike():
    clean = photograph(150, 200).astype(np.float32)
    # Of a picture and one half as bright, what is left of their difference is nearly the transmission.
    through = [(degrade(clean, "hazy", seed) - degrade(clean * 0.5, "hazy", seed)) for seed in range(40)]
    kept = [np.median(difference[clean > 0.5] / (0.5 * clean[clean > 0.5])) for difference in through]
    assert 0.1 < min(kept) < 0.5 and 0.6 < max(kept) < 1
