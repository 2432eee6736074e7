"""The pipeline's parts: views, pool, optimiser, sessions that resume."""

import json
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from restored_training.bundle import UNET, load_daclip, load_unet, new_daclip, new_unet, write_bundle
from restored_training.controller import ControllerTraining, describe_pool, fitted_feature, label_features, tiled_whole_view
from restored_training.muon import MuonWithAdamW, orthogonalised
from restored_training.photographs import split_photographs
from restored_training.pool import LABELS, Pool, make_pool, plain_surface
from restored_training.restoration import RestorationTraining, Teacher, example_errors, follow_encoder
from restored_training.session import Budget, Session
from restored_training.unet import ConditionalUNet
from restored_training.views import SIDE, views, whole_view
from restored_training.widening import Widening


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


def test_held_out_photographs_are_never_among_those_trained_on(photographs):
    training, held_out = split_photographs(photographs)
    assert len(training) + len(held_out) == 12 and held_out and not {*training} & {*held_out}


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="0 photographs"):
        split_photographs(tmp_path)


def test_views_are_the_whole_and_native_windows():
    picture = np.random.default_rng(1).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    found = views(picture, 3)
    assert [view.shape for view in found] == [(SIDE, SIDE, 3)] * 4
    assert np.array_equal(found[1], picture[38:262, 88:312])
    assert np.array_equal(found[2], picture[19:243, 44:268])
    assert len(views(picture[:200], 5)) == 1 and whole_view(picture[:200]).shape == (SIDE, SIDE, 3)


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


def test_label_features_are_orthonormal_and_keep_those_known():
    known = label_features(10, 128)
    grown = label_features(11, 128, known)
    assert torch.equal(grown[:10], known)
    assert torch.allclose(grown @ grown.T, torch.eye(11), atol=1e-5)


@pytest.mark.parametrize("shape", [(32, 48), (48, 32), (16, 8, 3, 3)])
def test_newton_schulz_brings_singular_values_near_one(shape):
    gradient = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalised(gradient).flatten(1))
    assert values.min() > 0.4 and values.max() < 1.4


def test_the_optimiser_learns_what_least_squares_would():
    torch.manual_seed(0)
    model, wanted = nn.Linear(8, 8), nn.Linear(8, 8)
    optimiser = MuonWithAdamW(model, 0.02)
    x = torch.randn(256, 8)
    errors = []
    for step in range(300):
        error = (model(x) - wanted(x)).square().mean()
        errors.append(error.item())
        error.backward()
        optimiser.step(1 - step / 300)
    assert errors[-1] < 0.01 * errors[0]


def test_a_fitted_feature_names_its_label_beside_those_known():
    random = torch.Generator().manual_seed(0)
    known, hidden = label_features(10, 128), label_features(11, 128, label_features(10, 128))[10]
    shown = [LABELS[index % 12] if index % 12 < 11 else "mixture" for index in range(600)]
    rows = torch.cat([known, hidden[None], torch.zeros(1, 128)])
    embeddings = rows[torch.arange(600) % 12] + 0.02 * torch.randn(600, 128, generator=random)
    row = fitted_feature(known, embeddings, shown, "clean")
    assert abs(float(row.norm()) - 1) < 1e-5 and float(row @ hidden) > 0.6
    found = (embeddings @ torch.cat([known, row[None]]).T).argmax(dim=1)
    named = [LABELS[index] == name for index, name in zip(found, shown) if name != "mixture"]
    assert np.mean(named) > 0.97


def test_an_anchored_encoder_may_move_along_new_labels_only(pool):
    torch.manual_seed(0)
    anchor, model = new_daclip(10), new_daclip(11)
    model.label_features[:10] = anchor.label_features
    model.load_state_dict({**anchor.state_dict(), "label_features": model.label_features})
    training = ControllerTraining(model, pool, pool, 2, 1, anchor)
    pixels = torch.randn(2, 3, SIDE, SIDE)

    def loss(change):
        control = model.visual_control
        kept = control.proj.detach().clone()
        control.proj.data += change
        degradation, recorded = model.degradation(pixels)
        value = float(training.anchor_loss(pixels, recorded, degradation).detach())
        control.proj.data = kept
        return value

    width = model.visual_control.proj.shape[0]
    assert loss(0) < 1e-3
    assert loss(torch.ones(width, 1) * model.label_features[10]) < 1e-3
    assert loss(torch.randn(width, 1) * model.label_features[0]) > 0.01


def test_windows_of_partial_degradations_show_nothing_at_times(pool):
    training = ControllerTraining(new_daclip(11), pool, pool, 2, 1)
    clean, degraded = np.zeros((240, 300, 3), np.uint8), np.full((240, 300, 3), 255, np.uint8)

    def untouched(names):
        return np.mean([found.max() == 0 for _ in range(200) for found in training.drawn_windows(clean, degraded, names, 0)])

    assert 0.15 < untouched(["shadowed"]) < 0.35
    assert untouched(["noisy"]) == untouched(["shadowed", "noisy"]) == untouched(["clean"]) == 0


def test_a_teacher_is_asked_for_its_labels_alone_and_kept_where_it_restores(pool):
    torch.manual_seed(0)
    contexts = np.zeros((len(pool), 2, UNET["context_dim"]), np.float32)
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


def test_what_is_seen_from_afar_is_shrunk_at_times_and_nothing_else_is(pool):
    contexts = np.zeros((len(pool), 2, UNET["context_dim"]), np.float32)
    training = RestorationTraining(new_unet(), (pool, contexts), (pool, contexts), 100_000, 1)
    side = 96
    for label, may_shrink in (("shadowed", True), ("hazy", True), ("noisy", False)):
        index = next(index for index, example in enumerate(pool.examples) if example.labels == [label])
        whole = pool.pictures(index)
        drawn = [training.drawn_pictures(index, side) for _ in range(40)]
        assert all(clean.shape == degraded.shape and min(clean.shape[:2]) >= side for clean, degraded in drawn)
        shrunk = [clean.shape != whole[0].shape for clean, _ in drawn]
        assert any(shrunk) == may_shrink and not all(shrunk)


def test_a_network_that_follows_another_encoder_gives_what_it_gave():
    torch.manual_seed(0)
    width = UNET["context_dim"]
    known, turns, offset = torch.randn(400, 2, width), torch.randn(2, width, width), torch.randn(width)
    new = torch.einsum("nkc,kcd->nkd", known, turns)
    new[:, 0] += offset
    unet = new_unet()
    for parameter in unet.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    picture = torch.rand(1, 3, 32, 32)

    def told(embeddings):
        with torch.no_grad():
            return unet(picture, picture, torch.tensor([100.0]), embeddings[:1, 0], embeddings[:1, 1])

    before = told(known)
    difference = (told(new) - before).abs().max()
    follow_encoder(unet, known.numpy(), new.numpy())
    assert (told(new) - before).abs().max() < 0.01 * difference


def random_unet(**changes):
    unet = ConditionalUNet(**{**UNET, **changes})
    # A softmax over this many channels divides the prompt by as many.
    unet.prompt.data *= unet.prompt.shape[1]
    for parameter in unet.parameters():
        parameter.data += 0.03 * torch.randn_like(parameter)
    return unet


NARROW = {"nf": 32, "ch_mult": [1, 2, 4, 4]}


def test_a_wider_network_gives_what_the_narrower_gave_and_its_copies_of_channels_are_told_apart():
    torch.manual_seed(0)
    narrow, wide = random_unet(**NARROW), ConditionalUNet(**{**UNET, "nf": 64, "ch_mult": [1, 1, 2, 2]})
    Widening(narrow, wide).run()
    wide.half().float()  # as it is written
    state, mu = torch.rand(1, 3, 48, 80), torch.rand(1, 3, 48, 80)

    def given(unet, time, context):
        with torch.no_grad():
            return unet(state, mu, torch.tensor([time]), context, context)

    context, other = torch.randn(2, 1, UNET["context_dim"])
    for time in (100.0, 40.0):
        known = given(narrow, time, context)
        difference = (given(wide, time, context) - known).abs().mean()
        assert difference < 0.01 * known.std()
        assert difference < 0.1 * (given(wide, time, other) - known).abs().mean()
    first, second = wide.downs[0][0].block1.proj.weight.chunk(2, dim=1)
    assert (first - second).abs().mean() > 0.1 * first.abs().mean()


def test_a_network_that_is_as_wide_already_stays_as_it_is():
    torch.manual_seed(0)
    unet, same = random_unet(), new_unet()
    Widening(unet, same).run()
    for name, value in unet.state_dict().items():
        assert torch.equal(value, same.state_dict()[name]), name


@pytest.mark.parametrize("narrow, wide, reason", [
    (NARROW, {"nf": 48, "ch_mult": [1, 2, 2, 2]}, "width of the content's transformers"),
    ({"nf": 32, "ch_mult": [1, 2, 4]}, {}, "depth: 3, not 4"),
    ({**NARROW, "scale": 1}, {}, "scale"),
    ({**NARROW, "ch_mult": [1, 3, 4, 4]}, {}, "96 channels can't be repeated to make 64"),
])
def test_a_network_that_cannot_be_widened_is_refused_by_what_it_differs_in(narrow, wide, reason):
    with pytest.raises(ValueError, match=reason):
        Widening(random_unet(**narrow), random_unet(**wide)).run()


def test_errors_count_as_they_are_but_small_ones_by_their_squares_and_uneven_ones_more():
    clean = torch.full((1, 3, 8, 8), 0.5)
    stripes = torch.tensor([0.2, -0.2]).repeat(4)
    assert float(example_errors(clean + stripes, clean)) > 1.3 * float(example_errors(clean + 0.2, clean))
    large, small, smaller = (float(example_errors(clean + error, clean)) for error in (0.4, 0.004, 0.002))
    assert abs(large - 0.38) < 0.005
    assert 3.8 < small / smaller < 4.1


def test_a_session_resumes_where_it_stood(tmp_path):
    def session(minutes):
        torch.manual_seed(0)
        model = nn.Linear(6, 6)
        return model, Session("line", tmp_path, model, 0.01, Budget(minutes), measure_every=10)

    def loss_of(model):
        return lambda step, progress: model(torch.ones(1, 6)).square().mean()

    model, first = session(0.002)
    first.run(loss_of(model), lambda: {"quality": 1.0})
    steps = first.step
    assert steps > 0 and (tmp_path / "line.png").exists()
    model, second = session(0.004)
    assert second.step == steps and second.history == first.history
    second.run(loss_of(model), lambda: {"quality": 1.0})
    assert second.step > steps


@pytest.mark.parametrize("bad", [lambda value: value * float("nan"), lambda value: (value * 0).sqrt()])
def test_a_gradient_that_is_no_number_ends_a_session_and_is_not_saved(tmp_path, monkeypatch, bad):
    monkeypatch.setattr("restored_training.session.SAVE_SECONDS", 0)
    model = nn.Linear(3, 3)
    line = Session("line", tmp_path, model, 0.01, Budget(0.05), measure_every=1000)

    def loss_of(step, progress):
        value = model(torch.ones(1, 3)).square().mean()
        return bad(value) if step == 5 else value

    with pytest.raises(FloatingPointError, match="line, step 5: the gradient's norm is nan"):
        line.run(loss_of, lambda: {"quality": 1.0})
    saved = torch.load(line.file, weights_only=True)
    assert saved["step"] == 5
    assert all(torch.isfinite(value).all() for state in ("module", "average") for value in saved[state].values())


def test_a_session_without_time_changes_nothing_and_leaves_nothing_to_go_on_from(tmp_path):
    model = nn.Linear(3, 3)
    before = model.weight.detach().clone()
    Session("line", tmp_path, model, 0.01, Budget(0), 10).run(lambda step, progress: 1 / 0, lambda: {"quality": 1.0})
    assert torch.equal(model.weight, before) and not list(tmp_path.glob("*.pt"))


def test_a_step_takes_the_mean_gradient_of_its_parts(tmp_path):
    def after_a_step(parts, targets):
        torch.manual_seed(0)
        model = nn.Linear(4, 4)
        for parameter in model.parameters():
            parameter.data.zero_()
        session = Session("line", tmp_path / str(targets), model, 0.01, Budget(1), 1000, parts=parts)
        waiting = iter(targets)
        gradients = []

        def loss_of(step, progress):
            return (model(torch.ones(1, 4)) - next(waiting)).square().mean()

        session.optimiser.step = lambda rate: gradients.append(model.weight.grad.clone()) or setattr(session, "seconds", 1e9)
        session.run(loss_of, lambda: {"quality": 1.0})
        return gradients[0]

    one, other, both = (after_a_step(len(targets), targets) for targets in ([0.1], [0.3], [0.1, 0.3]))
    assert torch.allclose(both, (one + other) / 2, atol=1e-6) and not torch.allclose(one, other, atol=1e-3)


def test_a_new_network_returns_the_degraded_picture():
    unet = new_unet()
    mu = torch.rand(1, 3, 48, 64)
    context = torch.randn(1, UNET["context_dim"])
    with torch.no_grad():
        result = unet(torch.rand_like(mu), mu, torch.tensor([100.0]), context, context)
    assert (result - mu).abs().mean() < 0.02


def test_a_written_bundle_is_read_back(tmp_path):
    torch.manual_seed(0)
    daclip, unet = new_daclip(), new_unet()
    write_bundle(tmp_path, daclip, unet, LABELS, 5, 2, {"name": "test", "version": "0"})
    manifest = json.loads((tmp_path / "bundle.json").read_text())
    assert manifest["labels"] == LABELS and manifest["default"]["times"] == [100, 50]
    for written, read in ((daclip, load_daclip(tmp_path)), (unet, load_unet(tmp_path))):
        for name, value in written.state_dict().items():
            assert torch.equal(value.half().float(), read.state_dict()[name]), name


def test_a_bundle_is_read_back_with_the_shape_that_it_has(tmp_path):
    torch.manual_seed(0)
    narrow = random_unet(nf=32, ch_mult=[1, 2], scale=1)
    write_bundle(tmp_path, new_daclip(), narrow, LABELS, 5, 2, {"name": "test", "version": "0"})
    manifest = json.loads((tmp_path / "bundle.json").read_text())
    assert manifest["unet"]["nf"] == 32 and manifest["unet"]["ch_mult"] == [1, 2] and manifest["unet"]["scale"] == 1
    del manifest["unet"]["scale"]
    (tmp_path / "bundle.json").write_text(json.dumps(manifest))
    read = load_unet(tmp_path)
    assert read.shape == narrow.shape
    assert torch.equal(read.mid_block1.block1.proj.weight, narrow.mid_block1.block1.proj.weight.half().float())
