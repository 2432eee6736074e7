"""The network that borrows from a reference: what it is trained with, its training, and what is exported."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from restored_training.bundle import load_guided_network, write_guided_bundle
from restored_training.check import write_guided_check
from restored_training.guided_nafnet import FEATURE_SIZE, level_features
from restored_training.guided_restoration import GuidedBatches, GuidedQuality, evaluated, new_guided_network, train_guided, true_places
from restored_training.hyperparameters import GuidedHyperparameters
from restored_training.photographs import REPOSITORY
from restored_training.reference_views import draw_view, reflected, warped

PHOTOGRAPH = REPOSITORY / "Tests/Fixtures/Photographs/kodim20.png"
SMALL = {"width": 8, "middle_blk_num": 1, "dec_blk_nums": [1], "ext_n_blocks": [0, 1, 0], "reffusion_n_blocks": [1, 1],
         "lr_block_size": 8, "dilations": [2], "pixels": 30_000, "crops": [[0.0, 48, 64]], "measured_side": 48, "measured_reference": 64,
         "measured_a_label": 1, "matched_places": 32}


def picture(height=120, width=150, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_a_view_shows_what_its_map_says():
    # A smooth picture whose colours say where they are.
    down, across = np.mgrid[:200, :240]
    source = np.stack([across, down, np.full_like(down, 128)], axis=2).astype(np.uint8)
    from_view = np.array([[1.1, 0.1, 20.0], [-0.1, 1.1, 30.0]])
    seen = warped(source, from_view, (80, 60)).astype(float)
    y, x = 40, 25
    there = from_view @ [x + 0.5, y + 0.5, 1]
    assert np.abs(seen[y, x, :2] - (there - 0.5)).max() <= 1
    view = draw_view(source, (80, 60), (110.0, 90.0), np.random.default_rng(3), source)
    assert view.picture.shape == (80, 60, 3) and view.picture.dtype == np.uint8
    assert np.allclose(view.to_view @ [110, 90, 1], [30, 40])


def test_beyond_a_picture_it_is_mirrored():
    assert reflected(np.arange(-2, 6), 4).tolist() == [2, 1, 0, 1, 2, 3, 2, 1]
    assert reflected(np.array([-1, 0, 7]), 1).tolist() == [0, 0, 0]


def test_true_places_are_those_where_an_unchanged_view_is_matched():
    torch.manual_seed(0)
    choice = GuidedHyperparameters(**SMALL)
    network = new_guided_network(choice).float()
    source = picture()
    crop = (40, 50, 48)
    rng = np.random.default_rng(0)
    view = draw_view(source, (64, 64), (74.0, 64.0), rng, source)
    # Without turn, scale and colours: shifted by 42 and 32, which are whole cells.
    view.picture, view.is_seen[:] = source[32:96, 42:106], True
    view.to_view = np.array([[1.0, 0, -42], [0, 1, -32]])
    cells, places, weights = true_places(view, crop, 2, 200, rng)
    assert len(cells) > 100 and np.allclose(weights.sum(axis=1), 1)
    found = {}
    degraded = torch.from_numpy(source[40:88, 50:98].copy()).permute(2, 0, 1)[None].float() / 255
    reference = torch.from_numpy(view.picture.copy()).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        network(degraded, reference, None, lambda matches, patches, other: found.update(matches=matches))
    wanted = places[np.arange(len(places)), weights.argmax(axis=1)]
    inner = (cells // 24 > 7) & (cells // 24 < 16) & (cells % 24 > 7) & (cells % 24 < 16)
    rows, columns = (found["matches"].rows[0].flatten()[cells], found["matches"].columns[0].flatten()[cells])
    assert inner.sum() > 20 and (rows * 32 + columns).numpy()[inner].tolist() == wanted[inner].tolist()


def test_a_new_network_returns_any_picture_as_it_is():
    network = new_guided_network(GuidedHyperparameters(**SMALL))
    degraded, references = torch.rand(2, 3, 37, 21), torch.rand(1, 3, 40, 50)
    with torch.no_grad():
        assert torch.equal(network(degraded, references, torch.tensor([0, 0])), degraded)


def test_references_are_views_unrelated_and_the_picture_itself_in_their_shares(pool):
    choice = GuidedHyperparameters(**{**SMALL, "pixels": 48 * 48 * 20})
    batches = GuidedBatches(new_guided_network(choice), pool, choice, 5)
    batch = batches.drawn(0.0)
    count, owned = len(batch.clean), len(batch.references)
    assert count == 20 and owned == count - round(choice.unrelated_share * count)
    assert batch.owner[:owned].tolist() == list(range(owned)) and (batch.owner[owned:] < owned).all()
    assert 0 < len(batch.true.crop.unique()) < owned and batch.true.crop.max() < owned
    # The views see clean pictures, which no reference repeats to the byte.
    for number in batch.true.crop.unique():
        assert not torch.equal(batch.references[number][:, :48, :48], batch.clean[number])


def test_behind_another_restoration_no_picture_is_its_own_reference(pool, monkeypatch):
    def never(*_):
        raise AssertionError("a picture that sees itself")

    monkeypatch.setattr(GuidedBatches, "surroundings", never)
    choice = GuidedHyperparameters(**SMALL, after="mini")
    batches = GuidedBatches(new_guided_network(choice), pool, choice, 1)
    for _ in range(20):
        batches.drawn(0)


def test_the_same_hyperparameters_draw_the_same_batches(pool):
    choice = GuidedHyperparameters(**SMALL)
    network = new_guided_network(choice)
    first, again, other = (GuidedBatches(network, pool, choice, seed).drawn(0.0) for seed in (5, 5, 6))
    assert torch.equal(first.references, again.references) and torch.equal(first.true.place, again.true.place)
    assert not torch.equal(first.degraded, other.degraded)


def test_features_learn_to_find_and_then_the_network_to_restore(pool, tmp_path):
    torch.manual_seed(0)
    choice = GuidedHyperparameters(**{**SMALL, "pixels": 10_000, "minutes": 0.04, "feature_share": 0.5})
    network = new_guided_network(choice)
    train_guided(network, pool, pool, tmp_path, choice, 1)
    states = [torch.load(tmp_path / f"{name}.state.pt", weights_only=True) for name in ("guided-features", "guided")]
    found, restored = (json.loads(state["history"]) for state in states)
    assert found[-1]["matched"] > found[0]["matched"]
    assert all({"view", "alone", "unrelated", "helps", "harms", "matched"} <= set(entry) for entry in restored)
    assert not torch.equal(network.ending.weight, torch.zeros_like(network.ending.weight))
    # The features stay as the first stage has left them, but for their size.
    assert restored[0]["matched"] == restored[-1]["matched"] and "masa_enc.conv_L2.weight" in states[1]["average"]


def test_features_of_another_size_find_the_same(pool):
    torch.manual_seed(0)
    network = new_guided_network(GuidedHyperparameters(**SMALL))
    pictures, references = torch.rand(2, 3, 48, 48), torch.rand(2, 3, 64, 64)
    matches = []
    for _ in range(2):
        with torch.no_grad():
            network(pictures, references, None, lambda found, *_: matches.append(found))
        level_features(network.masa_enc, pictures)
    for level in network.masa_enc(pictures):
        assert abs(float(level.square().mean().sqrt()) - FEATURE_SIZE) < 1e-3
    assert torch.equal(matches[0].rows, matches[1].rows) and torch.allclose(matches[0].scores, matches[1].scores, atol=1e-4)


def test_a_bundle_holds_what_it_was_made_with(tmp_path):
    torch.manual_seed(0)
    choice = GuidedHyperparameters(**SMALL, seed=7)
    network = new_guided_network(choice)
    torch.nn.init.normal_(network.ending.weight, std=0.05)
    write_guided_bundle(tmp_path, network, asdict(choice), {"name": "g", "version": "1", "licence": "l", "trainingDataTerms": "t"})
    written = json.loads((tmp_path / "bundle.json").read_text())
    assert written["kind"] == "guided" and written["training"]["seed"] == 7 and written["network_g"]["type"] == "NAFNetRefFusion"
    again = load_guided_network(tmp_path)
    assert again.shape == network.shape
    assert all(torch.allclose(value, again.state_dict()[key], rtol=1e-3, atol=1e-6) for key, value in network.state_dict().items())
    write_guided_check(tmp_path, PHOTOGRAPH)
    check = load_file(tmp_path / "check.safetensors")
    assert check["picture"].shape == check["restored"].shape and check["reference"].shape == (144, 144, 3)
    assert not torch.equal(check["picture"], check["restored"])


@pytest.mark.parametrize("side", [48, 37])
def test_an_evaluation_gives_pictures_of_the_size_that_came(side):
    network = new_guided_network(GuidedHyperparameters(**SMALL))
    result, matched = evaluated(network, torch.rand(1, 3, side, side), torch.rand(1, 3, 64, 64), torch.zeros(1, dtype=torch.long))
    assert result.shape == (1, 3, side, side) and matched.matches.scores.max() <= 1.01
