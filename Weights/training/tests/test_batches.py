"""What the encoder is shown in training."""

import numpy as np
import pytest
from PIL import Image

from restored_training import batches as batches_module
from restored_training.batches import Batches, greyed, joined, tiled_whole_view, turned
from restored_training.pool import Pool, make_pool
from restored_training.views import SIDE, whole_view


@pytest.mark.parametrize("shape", [(60, 90), (90, 60), (240, 250)])
def test_a_tiled_view_is_that_of_the_picture_continued_by_its_mirror_images(shape):
    rng = np.random.default_rng(3)
    coarse = Image.fromarray(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8))
    picture = np.asarray(coarse.resize(shape[::-1], Image.BICUBIC))
    for seed in range(8):
        down, right = np.random.default_rng(seed).integers(1, 6, 2)
        rows = np.concatenate([picture[::1 - 2 * (index % 2)] for index in range(down)])
        whole = np.concatenate([rows[:, ::1 - 2 * (index % 2)] for index in range(right)], axis=1)
        found = tiled_whole_view(picture, np.random.default_rng(seed)).astype(float)
        assert found.shape == (SIDE, SIDE, 3)
        assert np.corrcoef(found.ravel(), whole_view(whole).ravel())[0, 1] > 0.95, (down, right)


def test_windows_of_partial_degradations_show_nothing_at_times(pool):
    batches = Batches(pool, 2, 1)
    clean, degraded = np.zeros((240, 300, 3), np.uint8), np.full((240, 300, 3), 255, np.uint8)

    def untouched(names):
        return np.mean([found.max() == 0 for _ in range(200) for found in batches.windows(clean, degraded, names, 0)])

    assert 0.15 < untouched(["shadowed"]) < 0.35
    assert untouched(["noisy"]) == untouched(["shadowed", "noisy"]) == untouched(["clean"]) == 0


@pytest.fixture(scope="module")
def larger_pool(photographs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("larger")
    make_pool(folder, sorted(photographs.iterdir()), 60, 8, 1)
    return Pool(folder)


def test_joined_pictures_show_one_on_each_side_of_a_line_alike_in_both():
    rng = np.random.default_rng(1)
    shares = []
    for _ in range(50):
        own = np.full((240, 300, 3), 10, np.uint8), np.full((240, 300, 3), 20, np.uint8)
        other = np.full((250, 230, 3), 30, np.uint8), np.full((250, 230, 3), 40, np.uint8)
        clean, degraded = joined(own, other, rng)
        assert clean.shape == (240, 230, 3) and set(np.unique(clean)) <= {10, 30} and np.array_equal(degraded, clean + 10)
        shares.append((clean == 30).mean())
    assert 0.1 < min(shares) and max(shares) < 0.9


def test_what_is_shown_was_joined_with_others_of_its_labels_and_then_turned(larger_pool, monkeypatch):
    """Numbers stand for pictures: the example's, 1,000 more where it was joined, 10,000 more where it was turned."""
    joins, turns = [], []

    def join(own, other, rng):
        joins.append((int(own[0]), int(other[0])))
        return tuple(number + 1_000 for number in own)

    def turn(pictures, names, rng):
        turns.append((int(pictures[0]), names))
        return tuple(number + 10_000 for number in pictures)

    monkeypatch.setattr(batches_module, "joined", join)
    monkeypatch.setattr(batches_module, "turned", turn)
    monkeypatch.setattr(batches_module, "greyed", lambda pictures, rng: pictures)
    batches = Batches(larger_pool, 16, 1)
    monkeypatch.setattr(batches.pool, "pictures", lambda index: (np.array(index), np.array(index)))
    shown = [int(shown.degraded) for _ in range(20) for shown in batches.pictures()]

    examples = larger_pool.examples
    assert set(shown) == {number + 10_000 for number, _ in turns}
    assert all(names == examples[number % 1_000].labels for number, names in turns)
    assert [number - 1_000 for number, _ in turns if number >= 1_000] == [own for own, _ in joins]
    assert all(examples[own].labels == examples[other].labels for own, other in joins)
    assert 0.3 < len(joins) / len(turns) < 0.5 and any(own != other for own, other in joins)


@pytest.mark.parametrize("names, ways", [(["shadowed"], 8), (["rainy"], 4), (["hazy", "snowy"], 4)])
def test_pictures_are_turned_together_but_what_falls_is_never_on_its_side(names, ways):
    picture = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    rng, found = np.random.default_rng(1), set()
    for _ in range(300):
        clean, degraded = turned((picture, picture + 100), names, rng)
        assert np.array_equal(clean + 100, degraded) and sorted(clean.ravel()) == list(range(18))
        assert ways == 8 or clean.shape == picture.shape
        found.add((clean.shape, clean.tobytes()))
    assert len(found) == ways


def test_grey_pictures_are_grey_before_and_after_alike_and_as_dark_as_they_were():
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    flat = np.full((4, 5, 3), 130, np.uint8)
    for _ in range(20):
        first, second = greyed((picture, picture), rng)
        assert np.array_equal(first, second) and first.dtype == np.uint8 and first.shape == picture.shape
        assert (np.ptp(first, axis=2) == 0).all()
        assert np.array_equal(greyed((flat, flat), rng)[0], flat)


def test_some_clean_pictures_are_those_of_a_shadow_or_haze_in_the_same_batch(larger_pool):
    batches = Batches(larger_pool, 16, 1)
    twins, clean = [], 0
    for _ in range(40):
        batch = list(batches.pictures())
        clean += sum(shown.labels == ["clean"] for shown in batch)
        assert len(batch) == 16 and all(np.array_equal(shown.clean, shown.degraded) for shown in batch if shown.labels == ["clean"])
        for place, twin in enumerate(batch):
            spoilt = [shown for shown in batch[:place] if shown.clean is twin.clean]
            assert len(spoilt) <= 1 and all(twin.labels == ["clean"] and shown.appearance == twin.appearance for shown in spoilt)
            twins += ["+".join(shown.labels) for shown in spoilt]
    assert set(twins) == {"shadowed", "hazy"} and 0.2 < len(twins) / clean < 0.5


def test_a_twin_is_sent_as_the_spoilt_picture_was(larger_pool, monkeypatch):
    sent = []

    def noted(picture, rng):
        sent.append((picture, int(rng.integers(2**32))))
        return picture

    monkeypatch.setattr(batches_module, "as_sent", noted)
    batches = Batches(larger_pool, 16, 1)
    twins = 0
    for _ in range(20):
        sent.clear()
        clean_pictures = batches.views()[1]
        for place, twin in enumerate(clean_pictures):
            if any(twin is picture for picture in clean_pictures[:place]):
                twins += 1
                (seed,) = {seed for picture, seed in sent if picture is twin}
                assert any(picture is not twin for picture, other in sent if other == seed)
    assert twins > 10
