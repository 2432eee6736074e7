"""Photographs, and the pool of examples made of them."""

import shutil
from collections import Counter
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from PIL import Image

from restored_training.photographs import held_out_names, split_photographs
from restored_training.pool import Pool, drawn_region, make_pool, plain_surface


def test_held_out_photographs_are_never_among_those_trained_on(photographs):
    training, held_out = split_photographs(photographs)
    assert len(training) + len(held_out) == 12 and held_out and not {*training} & {*held_out}


def test_photographs_of_the_test_split_are_those_held_out(photographs, tmp_path):
    for file in photographs.iterdir():
        shutil.copy(file, tmp_path)
    listed = sorted(held_out_names())[:2]
    for name in listed:
        with Image.open(next(photographs.iterdir())) as picture:
            picture.save(tmp_path / name)
    training, held_out = split_photographs(tmp_path)
    assert [path.name for path in held_out] == listed and len(training) == 12


def test_a_photograph_more_moves_no_other_to_the_other_side(photographs, tmp_path):
    first = next(photographs.iterdir())
    for number in range(60):
        shutil.copy(first, tmp_path / f"{number}.png")
    training, held_out = map(set, split_photographs(tmp_path))
    assert 1 <= len(held_out) <= 15
    for name in ("0-first.png", "30-middle.png", "99-last.png"):
        shutil.copy(first, tmp_path / name)
    more_training, more_held_out = map(set, split_photographs(tmp_path))
    assert training <= more_training and held_out <= more_held_out


def test_photographs_of_which_all_are_held_out_are_refused(photographs, tmp_path):
    for name in sorted(held_out_names())[:3]:
        with Image.open(next(photographs.iterdir())) as picture:
            picture.save(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="3 photographs, all of them held out"):
        split_photographs(tmp_path)


def test_a_pool_is_not_gone_on_with_when_it_holds_other_photographs(photographs, tmp_path):
    paths = sorted(photographs.iterdir())
    make_pool(tmp_path, paths, 6, 3, 1)
    used = {example.photograph for example in Pool(tmp_path).examples}
    left = [path for path in paths if path.name != min(used)]
    before = (tmp_path / "index.jsonl").read_bytes()
    with pytest.raises(ValueError, match=f"{min(used)}, which is not among its 11 photographs"):
        make_pool(tmp_path, left, 12, 3, 1)
    assert (tmp_path / "index.jsonl").read_bytes() == before


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="0 photographs"):
        split_photographs(tmp_path)


def test_an_interrupted_pool_goes_on_to_the_same_bytes(photographs, tmp_path):
    paths = sorted(photographs.iterdir())
    make_pool(tmp_path / "whole", paths, 6, 3, 1)
    make_pool(tmp_path / "parts", paths, 4, 3, 1)
    with (tmp_path / "parts/pixels.bin").open("ab") as file:
        file.write(b"half an example")
    make_pool(tmp_path / "parts", paths, 6, 3, 1)
    for name in ("index.jsonl", "pixels.bin"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()
    pool = Pool(tmp_path / "whole")
    for index, example in enumerate(pool.examples):
        clean, degraded = pool.pictures(index)
        assert clean.shape == degraded.shape == (example.height, example.width, 3)
        assert np.array_equal(clean, degraded) == (example.labels == ["clean"])


def test_a_share_decides_how_often_a_label_is_drawn_and_batches_hold_many_labels(pool):
    draws = pool.draws({"clean": 3.0, "mixture": 0.0}, np.random.default_rng(0))
    shown = [pool.examples[next(draws)].shown for _ in range(24 * 200)]
    there = Counter(example.shown for example in pool.examples)
    times = {label: shown.count(label) / there[label] for label in there}
    assert times.pop("mixture", 0) == 0
    once = np.mean([value for label, value in times.items() if label != "clean"])
    assert all(abs(times[label] / once / (3 if label == "clean" else 1) - 1) < 0.2 for label in times), times
    for start in range(0, len(shown), 24):
        assert len(set(shown[start:start + 24])) >= len(times) - 3


def test_real_examples_are_drawn_more_often_than_others_of_their_label(pool, monkeypatch):
    of_rain = [index for index, example in enumerate(pool.examples) if example.shown == "rainy"]
    monkeypatch.setattr(pool, "examples", [replace(example, is_real=index == of_rain[0]) for index, example in enumerate(pool.examples)])
    drawn = Counter(islice(pool.draws({}, np.random.default_rng(0), share_of_real=3), 24 * 400))
    others = [drawn[index] for index in range(len(pool)) if index != of_rain[0]]
    assert abs(drawn[of_rain[0]] / np.mean(others) / 3 - 1) < 0.2


def test_the_same_examples_with_other_pixels_have_another_fingerprint(photographs, tmp_path):
    make_pool(tmp_path, sorted(photographs.iterdir()), 4, 3, 1)
    first = Pool(tmp_path).fingerprint()
    assert Pool(tmp_path).fingerprint() == first
    pixels = np.memmap(tmp_path / "pixels.bin", np.uint8, "r+")
    example = Pool(tmp_path).examples[2]
    degraded = pixels[example.offset + example.size:example.offset + 2 * example.size]
    degraded[:] = 255 - degraded
    pixels.flush()
    assert Pool(tmp_path).fingerprint() != first


@pytest.mark.parametrize("shape", [(600, 1000, 3), (321, 481, 3), (224, 230, 3)])
def test_regions_are_parts_of_a_photograph_some_of_them_large(shape):
    photograph = np.broadcast_to(np.linspace(0, 1, shape[1], dtype=np.float32)[None, :, None], shape)
    rng = np.random.default_rng(0)
    regions = [drawn_region(photograph, rng) for _ in range(80)]
    sizes = np.array([region.shape[:2] for region in regions])
    assert sizes.min() >= 224 and (sizes <= np.minimum(shape[:2], 768)).all()
    shares = [np.mean(sizes.max(axis=1) > side) for side in (400, 480)]
    if min(shape[:2]) > 480:
        assert shares[0] > 0.15 and 0.1 < shares[1] < 0.6
    turns = [np.diff(region[0, :, 0]).mean() > 0 for region in regions]
    assert 20 < sum(turns) < 60


def test_plain_surfaces_are_greyish_and_half_of_them_show_nothing_of_the_photograph(photographs):
    photograph = np.asarray(Image.open(sorted(photographs.iterdir())[0]), np.float32) / 255
    likeness = []
    for seed in range(30):
        surface = plain_surface(photograph, np.random.default_rng(seed))
        assert surface.shape == photograph.shape and surface.dtype == np.float32
        assert 0 <= surface.min() and surface.max() <= 1 and surface.std() > 0.01
        assert np.array_equal(surface, plain_surface(photograph, np.random.default_rng(seed)))
        tones = surface.mean(axis=(0, 1))
        assert 0.2 < tones.mean() < 0.9 and np.ptp(tones) < 0.15, (seed, tones)
        likeness.append(np.corrcoef(surface.mean(axis=2).ravel(), photograph.mean(axis=2).ravel())[0, 1])
    strangers = sum(abs(value) < 0.3 for value in likeness)
    assert 8 <= strangers <= 22, likeness
