"""The restoration network's batches and what it learns from."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from networks import random_unet
from restored_training.bundle import UNET, new_unet
from restored_training.pool import LABELS
from restored_training.restoration import RestorationTraining, Teacher, decibel_loss, follow_encoder, squared_errors, train_unet
from restored_training.session import Budget


@pytest.fixture(scope="module")
def contexts(pool):
    """Of an encoder that says nothing."""
    return np.zeros((len(pool), 2, UNET["context_dim"]), np.float32)


def test_a_teacher_is_asked_for_its_labels_alone_and_kept_where_it_restores(pool, contexts):
    torch.manual_seed(0)
    kept = frozenset({"jpeg-compressed", "rainy", "low-light"})
    with torch.no_grad():
        network = new_unet()
        network.final_conv.bias += 0.25
    training = RestorationTraining(new_unet(), (pool, contexts), (pool, contexts), 100_000, 1,
                                   Teacher(network, contexts, kept))
    _, mu, indices = training.drawn_batch(64)
    time = torch.full((len(indices),), 100)
    asked = [bool(kept & set(pool.examples[index].labels)) for index in indices]
    assert any(asked) and not all(asked)
    for change, does_restore in ((0.22, True), (-0.22, False)):
        clean = (mu + change).clamp(0, 1)
        wanted = training.wanted(clean, mu, mu, time, indices)
        for is_asked, answer, own, degraded in zip(asked, wanted, clean, mu):
            if is_asked and does_restore:
                assert not torch.equal(answer, own)
                assert (answer - (degraded + 0.25).clamp(0, 1)).abs().mean() < 0.02
            else:
                assert torch.equal(answer, own)


def test_a_teacher_has_no_say_in_real_pairs(pool, contexts, monkeypatch):
    torch.manual_seed(0)
    monkeypatch.setattr(pool, "examples", [replace(example, is_real=True) for example in pool.examples])
    network = new_unet()
    training = RestorationTraining(new_unet(), (pool, contexts), (pool, contexts), 100_000, 1,
                                   Teacher(network, contexts, frozenset(LABELS)))
    clean, mu, indices = training.drawn_batch(64)
    assert training.wanted(clean, mu, mu, torch.full((len(indices),), 100), indices) is clean


def test_a_stage_that_goes_on_draws_other_batches_and_noise(pool, contexts, tmp_path, monkeypatch):
    unet = random_unet(nf=32, ch_mult=[1, 1])
    drawn = []
    draw = RestorationTraining.drawn_batch

    def recorded(self, side):
        batch = draw(self, side)
        drawn.append((batch[2].tolist(), torch.randn(4).tolist()))
        return batch

    monkeypatch.setattr(RestorationTraining, "drawn_batch", recorded)
    monkeypatch.setattr(RestorationTraining, "quality", lambda self: {"gain": 0.0})
    starts = []
    done = 0.0
    for _ in range(2):
        starts.append(len(drawn))
        train_unet(unet, (pool, contexts), (pool, contexts), tmp_path, Budget(done + 0.001), 30_000, 0.001, 7)
        done = torch.load(tmp_path / "unet.state.pt", weights_only=True)["seconds"] / 60
    assert len(drawn) > starts[1] > 0
    first, second = (drawn[start] for start in starts)
    assert first[0] != second[0] and first[1] != second[1]


def test_what_is_seen_from_afar_is_shrunk_at_times_and_nothing_else_is(pool, contexts):
    training = RestorationTraining(new_unet(), (pool, contexts), (pool, contexts), 100_000, 1)
    side = 96
    for label, may_shrink in (("shadowed", True), ("hazy", True), ("noisy", False)):
        index = next(index for index, example in enumerate(pool.examples) if example.labels == [label])
        whole = pool.pictures(index)
        drawn = [training.drawing.pictures(index, side) for _ in range(40)]
        assert all(clean.shape == degraded.shape and min(clean.shape[:2]) >= side for clean, degraded in drawn)
        shrunk = [clean.shape != whole[0].shape for clean, _ in drawn]
        assert any(shrunk) == may_shrink and not all(shrunk)


def test_a_network_that_follows_another_encoder_makes_of_the_content_what_it_made():
    torch.manual_seed(0)
    width = UNET["context_dim"]
    known, turn = torch.randn(400, width), torch.randn(width, width)
    new = known @ turn
    unet = new_unet()
    for parameter in unet.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    picture = torch.rand(1, 3, 32, 32)

    def told(content):
        with torch.no_grad():
            return unet(picture, picture, torch.tensor([100.0]), known[:1], content[:1])

    before = told(known)
    difference = (told(new) - before).abs().max()
    follow_encoder(unet, known.numpy(), new.numpy())
    assert (told(new) - before).abs().max() < 0.01 * difference


def test_a_decibel_counts_alike_however_large_the_error_but_not_of_what_cannot_be_seen():
    clean = torch.full((1, 3, 8, 8), 0.5)

    def won_by_halving(error):
        return float(decibel_loss(clean + error, clean) - decibel_loss(clean + error / 2, clean))

    assert abs(won_by_halving(0.4) - math.log(4)) < 0.02
    assert abs(won_by_halving(0.4) - won_by_halving(0.1)) < 0.1
    assert won_by_halving(0.004) < 0.05
    two = clean.expand(2, -1, -1, -1)
    both, one_halved = (torch.tensor([0.4, small]).view(2, 1, 1, 1) for small in (0.1, 0.05))
    assert abs(float(decibel_loss(two + both, two) - decibel_loss(two + one_halved, two)) - math.log(4) / 2) < 0.05


def test_uneven_errors_count_more():
    clean = torch.full((1, 3, 8, 8), 0.5)
    stripes = torch.tensor([0.2, -0.2]).repeat(4)
    assert float(squared_errors(clean + stripes, clean)) > 1.3 * float(squared_errors(clean + 0.2, clean))


def test_a_new_network_returns_the_degraded_picture():
    unet = new_unet()
    mu = torch.rand(1, 3, 48, 64)
    context = torch.randn(1, UNET["context_dim"])
    with torch.no_grad():
        result = unet(torch.rand_like(mu), mu, torch.tensor([100.0]), context, context)
    assert (result - mu).abs().mean() < 0.02
