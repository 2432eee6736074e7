"""The encoder: views, labels, and what it says of a pool."""

import copy

import numpy as np
import torch

from restored_training.bundle import UNET, new_daclip
from restored_training.controller import ControllerLoss, ControllerTraining, content_loss, describe_pool, label_features, naming_loss, told
from restored_training.pool import LABELS, Pool, make_pool
from restored_training.processes import run_together
from restored_training.views import SIDE, views, whole_view


def test_views_are_the_whole_and_native_windows():
    picture = np.random.default_rng(1).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    found = views(picture, 3)
    assert [view.shape for view in found] == [(SIDE, SIDE, 3)] * 4
    assert np.array_equal(found[1], picture[38:262, 88:312])
    assert np.array_equal(found[2], picture[19:243, 44:268])
    assert len(views(picture[:200], 5)) == 1 and whole_view(picture[:200]).shape == (SIDE, SIDE, 3)


def test_what_an_encoder_says_is_written_once_and_read_by_the_next_run(pool, tmp_path):
    model = new_daclip().eval()
    described = describe_pool(model, pool, tmp_path / "contexts.npy", 1)
    (file,) = tmp_path.iterdir()
    assert described.shape == (len(pool), 2, UNET["context_dim"]) and np.array_equal(np.load(file), described)
    np.save(file, described + 1)
    assert np.array_equal(describe_pool(model, pool, tmp_path / "contexts.npy", 1), described + 1)
    model.visual_control.proj.data += 1
    assert not np.array_equal(describe_pool(model, pool, tmp_path / "contexts.npy", 1), described + 1)


def test_what_an_encoder_says_of_a_pool_is_not_taken_for_that_of_the_pool_made_in_its_place(photographs, tmp_path):
    model, paths = new_daclip().eval(), sorted(photographs.iterdir())
    said = []
    for seed in (3, 4):
        for file in tmp_path.glob("pool/*"):
            file.unlink()
        make_pool(tmp_path / "pool", paths, 4, seed, 1)
        said.append(describe_pool(model, Pool(tmp_path / "pool"), tmp_path / "contexts.npy", 1))
    assert not np.array_equal(*said)


def said_by_each(rank, folder):
    torch.manual_seed(0)
    said = describe_pool(new_daclip().eval(), Pool(folder / "pool"), folder / "contexts.npy", 1)
    np.save(folder / f"said-{rank}.npy", said)


def test_more_processes_than_pictures_describe_them_all(photographs, tmp_path):
    make_pool(tmp_path / "pool", sorted(photographs.iterdir()), 1, 3, 1)
    run_together(said_by_each, (tmp_path,), 2, tmp_path / "rendezvous")
    torch.manual_seed(0)
    alone = describe_pool(new_daclip().eval(), Pool(tmp_path / "pool"), tmp_path / "alone.npy", 1)
    for rank in range(2):
        assert np.allclose(np.load(tmp_path / f"said-{rank}.npy"), alone, atol=1e-5)


def test_label_features_are_orthonormal_and_keep_those_known():
    known = label_features(10, 128)
    grown = label_features(11, 128, known)
    assert torch.equal(grown[:10], known)
    assert torch.allclose(grown @ grown.T, torch.eye(11), atol=1e-5)


def test_an_anchor_holds_what_is_said_of_the_content_and_not_the_degradation():
    torch.manual_seed(0)
    model = new_daclip()
    anchor = copy.deepcopy(model)
    of_model = ControllerLoss(model, anchor)
    pixels = torch.randn(2, 3, SIDE, SIDE)

    def loss():
        return float(of_model.anchor_loss(pixels, model.degradation(pixels)[1]).detach())

    assert loss() < 1e-3
    model.visual_control.proj.data.normal_()
    assert loss() < 1e-3
    model.visual_control.transformer.zero_modules[0].bias.data.normal_()
    assert loss() > 0.01


def test_each_window_is_named_where_what_is_shown_is_everywhere():
    model = new_daclip(11)

    def loss(name, window_says):
        """Where the views' mean says `name`, and the windows something else that cancels out."""
        own, other = model.label_features[LABELS.index(name)], model.label_features[LABELS.index(window_says)]
        said = torch.stack([own, other, 2 * own - other])[None]
        return float(naming_loss(said, model.label_features, *told([[name]]), shows))

    shows = torch.tensor([[True, True]])
    for name in ("noisy", "clean"):
        assert loss(name, "hazy") > loss(name, name) + 1
    for name in ("shadowed", "hazy"):
        assert abs(loss(name, "snowy") - loss(name, name)) < 1e-3
    # Of plain ground nothing can be told.
    shows = torch.tensor([[False, False]])
    assert abs(loss("noisy", "hazy") - loss("noisy", "noisy")) < 1e-3


def test_the_windows_of_training_stand_for_those_that_are_looked_at_in_use():
    model = new_daclip(11)
    own, other = (model.label_features[LABELS.index(name)] for name in ("shadowed", "snowy"))

    def loss(said, name):
        return float(naming_loss(torch.stack(said)[None], model.label_features, *told([[name]]), torch.tensor([[True, True]])))

    # Two windows are drawn, five are looked at: a whole that speaks five times as loud as a window speaks as loud as all of them.
    balanced = [5 * own, other, other]
    assert abs(loss(balanced, "shadowed") - loss(balanced, "snowy")) < 1e-3
    assert loss([6 * own, other, other], "shadowed") < loss([6 * own, other, other], "snowy") - 1
    assert loss([4 * own, other, other], "shadowed") > loss([4 * own, other, other], "snowy") + 1


def test_a_clean_picture_that_is_in_a_batch_twice_is_no_wrong_answer_to_itself():
    torch.manual_seed(0)
    target = torch.randn(3, 16)
    target[1] = target[0]

    def loss(twins):
        alike = torch.eye(3, dtype=torch.bool)
        for one, other in twins:
            alike[one, other] = alike[other, one] = True
        return float(content_loss(target, target, alike))

    assert loss([(0, 1)]) < loss([]) - 0.1


def test_a_batch_tells_which_of_its_clean_pictures_are_the_same(pool, monkeypatch):
    seen = []
    training = ControllerTraining(new_daclip(11), pool, pool, 24, 1)
    monkeypatch.setattr(training, "loss_of", lambda step, pixels, wanted, are_alike, clean_wholes, twins: seen.append(
        (pixels, wanted, are_alike, clean_wholes(), twins)))
    for _ in range(6):
        training.loss(0, 0)
    for pixels, wanted, are_alike, wholes, twins in seen:
        assert len(pixels) == 72 and wanted.shape == (24, 11) and are_alike.shape == (24,) and len(wholes) == 24
        for one, other in twins.nonzero().tolist():
            assert torch.equal(wholes[one], wholes[other])
    assert any(int(twins.sum()) > 24 for *_, twins in seen)
