"""A run on a machine with a GPU, rehearsed on a processor with small networks: what travels, what is made, the run, what comes back."""

import json
import os
import signal
import time

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch._dynamo.backends.debugging import aot_eager

import restored_training.bundle as bundles
from restored_training.bundle import load_daclip, load_unet, new_daclip, new_unet, write_bundle
from restored_training.on_gpu import drawing_kit, makers, packing, running
from restored_training.on_gpu.clock import Clock, TookTooLong
from restored_training.on_gpu.compact import read_compact, write_compact
from restored_training.on_gpu.learning import Learner
from restored_training.on_gpu.makers import Makers
from restored_training.on_gpu.packing import leaving_behind, pack, unpacked
from restored_training.pairs import found_pairs
from restored_training.on_gpu.parts import join_parts, write_parts
from restored_training.on_gpu.program import main
from restored_training.on_gpu.rounds import ExamplesInMemory, Material, controller_round, made_examples, network_round
from restored_training.on_gpu.slots import Slots
from restored_training.on_gpu.state import State, read_state
from restored_training.on_gpu.tasks import NetworkTask
from restored_training.ordinary.drawings import clip_art
from restored_training.ordinary.text import font_files
from restored_training.pool import LABELS, make_pool
from restored_training.session import Budget, Session

SMALL_DACLIP = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 224, "layers": 1, "width": 32, "patch_size": 32, "head_width": 32, "stem": [8, 8, 8, 8]},
    "controller_cfg": {"stem_blocks": [0, 1, 0, 0, 0], "pool": "patches"}}
SMALL_UNET = {**bundles.UNET, "nf": 32, "ch_mult": [1, 1], "context_dim": 32}
LEAST_WORK = ["--processes", "1", "--examples", "4", "--described", "12", "--held-out", "12", "--steps", "3", "--minutes", "300"]


@pytest.fixture(scope="module", autouse=True)
def small_networks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundles, "DACLIP", SMALL_DACLIP)
        patch.setattr(bundles, "UNET", SMALL_UNET)
        patch.setattr(drawing_kit, "FONTS", {"la": 3, "ru": 1})
        patch.setattr(drawing_kit, "ART", 2)
        yield


@pytest.fixture(autouse=True)
def no_kit_stays():
    yield
    os.environ.pop("RESTORED_DRAWING_KIT", None)
    font_files.cache_clear()
    clip_art.cache_clear()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("start")
    torch.manual_seed(0)
    write_bundle(folder, new_daclip(), new_unet(), LABELS, 5, 1, {"name": "small", "version": "3", "licence": "none", "trainingDataTerms": "-"})
    return folder


@pytest.fixture(scope="module")
def pairs(photographs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    for number, path in enumerate(sorted(photographs.iterdir())[:3]):
        picture = Image.open(path)
        for side in ("gt", "lq"):
            (folder / "low-light" / side).mkdir(parents=True, exist_ok=True)
            picture.point(lambda value: value if side == "gt" else value // 8).save(folder / f"low-light/{side}/{number}.png")
    return folder


@pytest.fixture(scope="module")
def packed(photographs, pairs, bundle, tmp_path_factory):
    """What each is trained with."""
    folder, paths = tmp_path_factory.mktemp("pack"), sorted(photographs.iterdir())
    for of in ("controller", "network"):
        pack(folder / of, of, paths[:8], paths[8:], pairs, bundle, None, 8_000_000)
    return {of: folder / of for of in ("controller", "network")}


def test_weights_come_back_as_they_were_and_the_same_weights_give_the_same_bytes(tmp_path):
    tensors = {"a": torch.randn(40, 30), "b": torch.tensor(2.5), "none": torch.zeros(0, 3)}
    assert write_compact(tmp_path / "one", tensors, {"step": 3}) == 10
    write_compact(tmp_path / "other", tensors, {"step": 3})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    known, about = read_compact(tmp_path / "one")
    assert about["step"] == 3 and known.keys() == tensors.keys()
    for name, value in tensors.items():
        assert known[name].shape == value.shape and torch.equal(known[name], value.half())


def test_what_is_too_large_for_a_file_is_rounded_until_it_fits_and_refused_where_that_is_not_enough(tmp_path):
    tensors = {"a": torch.randn(100, 200)}
    write_compact(tmp_path / "whole", tensors, {})
    limit = (tmp_path / "whole").stat().st_size - 3000
    bits = write_compact(tmp_path / "file", tensors, {}, limit)
    assert 5 <= bits < 10 and (tmp_path / "file").stat().st_size <= limit
    assert torch.allclose(read_compact(tmp_path / "file")[0]["a"].float(), tensors["a"], rtol=2.0**-bits, atol=1e-6)
    with pytest.raises(ValueError, match="the limit is 9,000"):
        write_compact(tmp_path / "none", tensors, {}, 9000)
    assert not (tmp_path / "none").exists()


def test_a_state_of_train_is_gone_on_from_and_another_network_s_or_none_is_refused(tmp_path):
    model = new_daclip()
    session = Session("controller", tmp_path, model, 0.01, Budget(1), 10)
    session.average.values["visual_control.proj"] += 1
    session.step, session.seconds, session.history = 7, 33.0, [{"step": 7, "minutes": 0.5, "accuracy": 0.5}]
    session.save()
    state = read_state(tmp_path / "controller.state.pt", "controller")
    assert (state.of, state.step, state.seconds, state.history) == ("controller", 7, 33.0, session.history)
    assert torch.equal(state.weights["visual_control.proj"], session.average.values["visual_control.proj"].half())
    state.write(tmp_path / "state")
    assert torch.equal(read_state(tmp_path / "state").weights["visual_control.proj"], state.weights["visual_control.proj"])
    with pytest.raises(ValueError, match="a state of the controller, not of the network"):
        read_state(tmp_path / "state", "network")
    for content in (b"", b"nothing", b"PK\x05\x06" + bytes(18)):
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(ValueError, match="is no state of training"):
            read_state(tmp_path / "bad")


def test_a_bundle_comes_back_in_parts_and_never_without_one_or_of_two(bundle, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "bundle.tar.5-of-9").write_bytes(b"of an earlier one")
    paths = write_parts(bundle, out, limit=60_000)
    assert sorted(out.iterdir()) == sorted(paths) and len(paths) > 2 and all(path.stat().st_size <= 60_000 for path in paths)
    joined = join_parts(out, bundle, tmp_path / "joined")
    for path in bundle.iterdir():
        assert (joined / path.name).read_bytes() == path.read_bytes()
    changed = bytearray(paths[1].read_bytes())
    changed[100] ^= 1
    paths[1].write_bytes(changed)
    with pytest.raises(ValueError, match="is not the file that"):
        join_parts(out, bundle, tmp_path / "changed")
    paths[1].unlink()
    with pytest.raises(ValueError, match="not all of one"):
        join_parts(out, bundle, tmp_path / "lacking")


def test_a_pack_holds_everything_and_says_how_large_its_parts_are(packed, bundle, tmp_path):
    folder = unpacked(packed["network"], "network", tmp_path)
    assert len(list((folder / "photographs").iterdir())) == 8 and len(list((folder / "held-out").iterdir())) == 4
    assert len(found_pairs(folder / "pairs")) == 3
    for load in (load_daclip, load_unet):
        known, there = load(bundle).state_dict(), load(folder / "bundle").state_dict()
        assert all(torch.equal(known[name], there[name]) for name in known)


def test_the_restoration_network_stays_at_home_where_the_controller_is_trained_and_a_pack_is_for_one_of_them(packed, tmp_path):
    folder = unpacked(packed["controller"], "controller", tmp_path / "one")
    assert sorted(path.name for path in (folder / "bundle").iterdir()) == ["bundle.json", "daclip.compact", "daclip.safetensors"]
    with pytest.raises(ValueError, match="was packed to train the controller, not the network"):
        unpacked(packed["controller"], "network", tmp_path / "other")


def test_a_pack_that_would_be_too_large_is_refused_and_the_one_before_stays(photographs, pairs, bundle, tmp_path):
    paths, file = sorted(photographs.iterdir()), tmp_path / "pack.zip"
    file.write_bytes(b"the one before")
    with pytest.raises(ValueError, match="are left"):
        pack(file, "network", paths[:8], paths[8:], pairs, bundle, None, 300_000)
    assert file.read_bytes() == b"the one before"


def test_photographs_are_packed_in_as_much_detail_as_there_is_room_for_then_fewer_of_them_and_never_too_few(photographs, monkeypatch):
    monkeypatch.setattr(packing, "LEAST_PHOTOGRAPHS", 5)
    paths = sorted(photographs.iterdir())

    def needed(detail):
        return sum(len(packing.as_webp(path, *detail)) + 250 for path in paths)

    best, least = packing.DETAIL["network"][0], packing.DETAIL["network"][-1]
    assert packing.chosen_detail("network", paths, needed(best) + 1) == (*best, 12)
    assert packing.chosen_detail("network", paths, needed(best))[:2] != best
    assert packing.chosen_detail("network", paths, needed(least) // 2 + 1) == (*least, 6)
    with pytest.raises(ValueError, match="room for 3 of 12"):
        packing.chosen_detail("network", paths, needed(least) // 4 + 1)


def test_the_weights_of_a_state_travel_once(bundle):
    same = State("network", load_unet(bundle).state_dict(), 5)
    other = State("network", {name: value + 1 for name, value in same.weights.items()}, 5)
    sizes = [len(packing.state_file(state, bundle)[1]) for state in (same, other)]
    assert sizes[0] < 2000 < sizes[1]


def test_what_stays_behind_leaves_what_a_run_needs_and_comes_back(tmp_path):
    def git(command):
        os.system(f"cd {tmp_path} && {command} > /dev/null 2>&1")

    files = ["Weights/training/train", "Weights/mini/unet.safetensors", "Sources/a.swift", "Tests/Fixtures/Photographs/kodim20.png",
             "Tests/Fixtures/other", ".gitignore", "README.md"]
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("text")
    git("git init && git add -A && git -c user.name=a -c user.email=a commit -m all")
    away, back = leaving_behind()
    git(away)
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file() and ".git/" not in str(path))
    assert left == sorted([files[0], files[3], files[5]])
    git(back)
    assert all((tmp_path / name).is_file() for name in files)


def test_a_kit_stands_in_for_the_machine_s_fonts_and_art(packed, tmp_path, monkeypatch):
    folder = unpacked(packed["network"], "network", tmp_path)
    monkeypatch.setenv("RESTORED_DRAWING_KIT", str(folder))
    font_files.cache_clear()
    clip_art.cache_clear()
    fonts = list((folder / "fonts").rglob("*.ttf"))
    if not fonts:
        pytest.skip("fontconfig is not here")
    assert {*font_files("la")} == {str(path) for path in fonts if path.parent.name == "la"} and font_files("zh") == []
    assert all(path.parent == folder / "art" for path in clip_art())


@pytest.fixture(scope="module")
def material(photographs, pairs):
    return Material(sorted(photographs.iterdir()), found_pairs(pairs), 0.3, 5, 8, batch=4)


def test_a_round_is_the_same_again_and_another_is_another(material):
    first, again, other = (controller_round(material, number) for number in (1, 1, 2))
    assert first["views"].shape == (4, 4, 3, 224, 224, 3) and first["cleans"].shape == (4, 4, 224, 224, 3)
    assert all(np.array_equal(first[name], again[name]) for name in first) and not np.array_equal(first["views"], other["views"])
    for cleans, originals in zip(first["cleans"], first["originals"]):
        for place, original in enumerate(originals):
            assert original <= place and np.array_equal(cleans[place], cleans[original])


def test_a_round_of_the_network_s_holds_its_examples_pixel_by_pixel(material, monkeypatch):
    monkeypatch.setattr("restored_training.on_gpu.rounds.AFAR_SHARE", 0)
    round_ = network_round(material, 3)
    for place, (labels, clean, degraded) in enumerate(made_examples(material, 3)):
        if round_["weights"][place] == 0:
            continue
        start = round_["offsets"][place]
        assert (round_["heights"][place], round_["widths"][place]) == clean.shape[:2]
        assert np.array_equal(round_["pixels"][start:start + clean.size].reshape(clean.shape), clean)
        assert np.array_equal(round_["pixels"][start + clean.size:start + 2 * clean.size].reshape(clean.shape), degraded)
        assert [name for name, is_there in zip(LABELS, round_["labels"][place]) if is_there] == sorted(labels, key=LABELS.index)
    assert (round_["weights"] > 0).sum() >= 6


def test_real_pairs_are_among_the_examples_and_their_parts_belong_together(material):
    made = [example for number in range(4) for example in made_examples(material, number)]
    dark = [(clean, degraded) for labels, clean, degraded in made if labels == ["low-light"] and np.array_equal(clean // 8, degraded)]
    assert 4 <= len(dark) <= 20 and all(min(clean.shape[:2]) >= 224 for clean, _ in dark)


def numbered(material, number):
    if number == 2 and material.seed == 1:
        os._exit(1)
    if material.seed == 2:
        raise ValueError("no picture")
    return {"number": np.array([number])}


def taken(there):
    found = []
    while (round_ := there.take()) is not None:
        found.append(int(round_["number"][0]))
        if len(found) == 6:
            there.end()
        if len(found) > 200:
            break
    return found


@pytest.mark.parametrize("seed", [0, 1])
def test_rounds_come_in_order_and_one_that_was_lost_is_left_out(tmp_path, monkeypatch, seed):
    if seed == 1:
        monkeypatch.setattr(makers, "PATIENCE", 2)
    there = Makers(numbered, Material([], [], 0, seed, 1), tmp_path / "rounds", 2)
    found = taken(there)
    there.close()
    assert found == sorted(found) and found[:2] == [0, 1] and len(found) >= 6 and (2 in found) == (seed == 0)
    assert not (tmp_path / "rounds").exists() and not any(process.is_alive() for process in there.processes)


def test_makers_that_can_make_nothing_end(tmp_path):
    there = Makers(numbered, Material([], [], 0, 2, 1), tmp_path / "rounds", 2)
    assert there.take() is None
    there.close()


def test_slots_take_the_newest_rounds_in_place_of_the_oldest():
    slots = Slots(3 * 16, torch.device("cpu"))
    for number in range(5):
        slots.add({"values": torch.full((4,), float(number))})
    assert slots.count == slots.filled == 3 and slots.taken == 5
    assert sorted(slots.values["values"][:, 0].tolist()) == [2, 3, 4]


@pytest.fixture(scope="module")
def network_task(bundle, material, tmp_path_factory):
    held = ExamplesInMemory(made_examples(material, 50))
    task = NetworkTask(bundle, held, held, torch.device("cpu"), 10**8, 1, folder=tmp_path_factory.mktemp("said"), pixels=64**2 * 48, side=64,
                       keep=frozenset({"noisy"}))
    rows, columns = np.mgrid[:230, :240].astype(np.uint8)
    for number in range(2):
        round_ = network_round(material, number)
        # One picture in place of all, whose colours are its rows, its columns and its round.
        clean = np.stack([rows, columns, np.full_like(rows, 100 * number)], axis=-1)
        round_["offsets"][:], round_["heights"][:], round_["widths"][:] = 7000, 230, 240
        round_["pixels"][7000:7000 + 2 * clean.size] = np.concatenate([clean.ravel(), 255 - clean.ravel()])
        round_["weights"][:] = 0
        round_["weights"][7] = 1 + 2 * number
        task.add(task.prepare(round_))
    return task


def test_crops_are_parts_of_both_pictures_turned_alike(network_task):
    clean, mu = network_task.crops(torch.tensor([7, 15] * 60))
    assert clean.shape == mu.shape == (120, 3, 64, 64) and torch.allclose(clean + mu, torch.ones(1))
    steps = torch.stack([clean[:, :2, 1, 0] - clean[:, :2, 0, 0], clean[:, :2, 0, 1] - clean[:, :2, 0, 0]], dim=1).mul(255).round().int()
    kinds = {tuple(map(tuple, one)) for one in steps.tolist()}
    assert kinds == {((down, 0), (0, right)) for down in (1, -1) for right in (1, -1)} | {
        ((0, right), (down, 0)) for down in (1, -1) for right in (1, -1)}
    assert torch.equal((clean[:, 2] * 255).round().int().flatten(1).amax(dim=1), torch.tensor([0, 100] * 60, dtype=torch.int32))
    starts = (clean[:, :2].flatten(2).amin(dim=2) * 255).round()
    assert starts.min() >= 0 and starts[:, 0].max() <= 230 - 64 and starts[:, 1].max() <= 240 - 64


def test_examples_are_drawn_by_their_weights(network_task):
    drawn = torch.cat([network_task.draws() for _ in range(20)])
    share = (drawn == 15).float().mean()
    assert {*drawn.tolist()} == {7, 15} and abs(share - 0.75) < 0.03
    loss = network_task.loss(0)
    loss.backward()
    assert torch.isfinite(loss)


class Broken:
    """A task whose loss is no number in some steps."""

    name, device = "controller", torch.device("cpu")

    def __init__(self):
        torch.manual_seed(0)
        self.module, self.slots = nn.Linear(3, 3), Slots(1, torch.device("cpu"))

    def loss(self, step):
        value = self.module(torch.ones(1, 3)).square().mean()
        return value * float("nan") if step == 6 else value

    def quality(self, module):
        return {"accuracy": 0.5}

    def pictures(self):
        return 1


class Large(Broken):
    """A task whose steps fit with three pictures at most."""

    size = 16

    def loss(self, step):
        if self.size > 3:
            raise torch.cuda.OutOfMemoryError("too much")
        return super().loss(0)

    def pictures(self):
        return self.size

    def shrink(self):
        self.size //= 2
        return self.size > 1


def test_steps_become_smaller_until_they_fit_in_memory(tmp_path, capsys):
    learner = Learner(Large(), State("controller"), 0.01, tmp_path)
    learner.step(0)
    assert learner.steps == 1 and learner.task.size == 2 and capsys.readouterr().out.count("out of memory") == 3
    learner.task.loss = lambda step: Large.loss(Large(), step)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        learner.step(0)


class NoFeeder:
    def arrived(self, wait=0):
        return []


def test_a_gradient_that_is_no_number_costs_the_steps_since_the_last_good_weights(tmp_path, monkeypatch):
    monkeypatch.setattr("restored_training.on_gpu.learning.SAY_SECONDS", 0)
    learner, clock = Learner(Broken(), State("controller"), 0.01, tmp_path), Clock(time.monotonic(), 1)
    try:
        learner.run(clock, NoFeeder(), time.monotonic() + 50, None, time.monotonic() + 60, most=12)
    finally:
        clock.close()
    assert learner.steps == 12 and learner.rate == 0.005
    assert all(torch.isfinite(value).all() for value in (*learner.module.parameters(), *learner.average.values.values()))


def test_a_run_that_hangs_is_ended_by_force_before_its_time_is_over():
    codes = []
    clock = Clock(time.monotonic(), 3.2 / 60)
    clock.watch(lambda: "the state of step 3 is saved", codes.append)
    for _ in range(300):
        if codes:
            break
        time.sleep(0.1)
    clock.close()
    assert codes == [3]


def test_pictures_whose_time_is_over_are_cut_off_and_the_run_goes_on_with_what_is_there(packed, tmp_path, monkeypatch, capsys):
    def cut_off(folder, photographs, count, seed, workers):
        make_pool(folder, photographs, 6, seed, workers)
        raise TookTooLong()

    monkeypatch.setattr(running, "make_pool", cut_off)
    assert run("controller", packed, tmp_path, "--batch", "4") == 0
    assert "pool is cut off: its time is over" in capsys.readouterr().out and read_state(tmp_path / "state").step == 3


def run(task, packed, out, *more):
    return main([task, "--pack", str(packed[task]), "--out", str(out), *LEAST_WORK, *more], time.monotonic())


def test_the_controller_s_run_leaves_state_bundle_and_curves_and_goes_on(packed, bundle, tmp_path, capsys):
    assert run("controller", packed, tmp_path / "one", "--batch", "4") == 0
    said = capsys.readouterr().out
    assert "reached: controller step" in said.splitlines()[-1], said
    state = read_state(tmp_path / "one/state", "controller")
    assert state.step > 0 and (tmp_path / "one/controller.png").stat().st_size > 0
    joined = join_parts(tmp_path / "one", bundle, tmp_path / "joined")
    trained, before = load_daclip(joined).state_dict(), load_daclip(bundle).state_dict()
    assert any(not torch.equal(trained[name], before[name]) for name in before)
    assert all(torch.equal(trained[name], state.weights[name].float()) for name in before)
    known, there = load_unet(bundle).state_dict(), load_unet(joined).state_dict()
    followed = {name for name in known if not torch.equal(known[name], there[name])}
    assert any("attn2.to_v" in name for name in followed) and not any(name.startswith("downs.0.0") for name in followed)
    with pytest.raises(ValueError, match="is not the bundle that training began with"):
        join_parts(tmp_path / "one", joined, tmp_path / "again")
    assert json.loads((joined / "bundle.json").read_text())["name"] == "small" and (joined / "check.safetensors").exists()
    assert run("controller", packed, tmp_path / "two", "--batch", "4", "--state", str(tmp_path / "one/state"), "--anchor") == 0
    again = read_state(tmp_path / "two/state")
    assert again.step > state.step and again.seconds > state.seconds and again.history[:len(state.history)] == state.history
    assert f"goes on from step {state.step}" in capsys.readouterr().out


def test_the_network_s_run_leaves_a_network_that_was_trained(packed, bundle, tmp_path, capsys):
    assert run("network", packed, tmp_path, "--pixels", "20000", "--side", "96", "--keep", "low-light") == 0
    joined = join_parts(tmp_path, bundle, tmp_path / "joined")
    trained, before = load_unet(joined).state_dict(), load_unet(bundle).state_dict()
    assert any(not torch.equal(trained[name], before[name]) for name in before)
    known, there = load_daclip(bundle).state_dict(), load_daclip(joined).state_dict()
    assert all(torch.equal(known[name], there[name]) for name in known)
    assert read_state(tmp_path / "state", "network").step > 0 and (tmp_path / "network.png").exists()


def test_a_signal_in_the_middle_ends_with_everything_saved(packed, bundle, tmp_path, monkeypatch, capsys):
    step = Learner.step

    def signalled(self, progress):
        if self.steps == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(self, progress)

    monkeypatch.setattr(Learner, "step", signalled)
    assert run("controller", packed, tmp_path, "--batch", "4", "--steps", "100000") == 0
    assert read_state(tmp_path / "state").step == 3
    join_parts(tmp_path, bundle, tmp_path / "joined")
    assert "SIGTERM: ends and saves" in capsys.readouterr().out


@pytest.mark.parametrize(("task", "more"), [("controller", ["--batch", "4"]), ("network", ["--pixels", "20000", "--side", "96"])])
def test_networks_are_compiled_once_and_whole(packed, tmp_path, monkeypatch, capsys, task, more):
    compile, graphs = torch.compile, []
    torch._dynamo.reset()

    def counting(graph, inputs):
        graphs.append(graph)
        return aot_eager(graph, inputs)

    # Traced and differentiated as for a GPU; what makes kernels of it would take minutes here.
    monkeypatch.setattr(torch, "compile", lambda function, dynamic: compile(function, dynamic=dynamic, backend=counting, fullgraph=True))
    assert run(task, packed, tmp_path, *more, "--compile", "--compile-seconds", "3000", "--steps", "6") == 0
    said = capsys.readouterr().out
    assert "compiled, in" in said and "not compiled" not in said, said
    # The controller, and the encoder with its help and without.
    assert len(graphs) == (3 if task == "controller" else 1) and read_state(tmp_path / "state").step == 6
    torch._dynamo.reset()


@pytest.mark.parametrize("failure", ["fails", "takes too long"])
def test_a_run_whose_compiler_fails_or_takes_too_long_trains_without(packed, tmp_path, monkeypatch, capsys, failure):
    def bad(function, dynamic):
        def compiled(*arguments):
            if failure == "fails":
                raise RuntimeError("no compiler here")
            time.sleep(60)
        return compiled

    monkeypatch.setattr(torch, "compile", bad)
    assert run("network", packed, tmp_path, "--pixels", "10000", "--side", "96", "--compile", "--compile-seconds", "0.5") == 0
    said = capsys.readouterr().out
    assert "not compiled, after" in said and ("no compiler here" in said) == (failure == "fails")
    assert read_state(tmp_path / "state").step > 0


def test_a_run_that_fails_on_the_way_saves_what_it_learned_until_then(packed, bundle, tmp_path, monkeypatch, capsys):
    step = Learner.step

    def failing(self, progress):
        if self.steps == 2:
            raise RuntimeError("the device does not answer")
        return step(self, progress)

    monkeypatch.setattr(Learner, "step", failing)
    assert run("network", packed, tmp_path, "--pixels", "10000", "--side", "96") == 1
    assert "the device does not answer" in capsys.readouterr().err and read_state(tmp_path / "state").step == 2
    join_parts(tmp_path, bundle, tmp_path / "joined")


def test_what_is_no_pack_is_refused_at_once(tmp_path, capsys):
    for name, content in (("nothing", None), ("empty", b""), ("other", b"PK\x05\x06" + bytes(18))):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        assert run("controller", {"controller": tmp_path / name}, tmp_path / "out") == 1
        assert "on-gpu: " in capsys.readouterr().err
    assert main(["pack", "controller", "--out", str(tmp_path / "pack.zip"), "--photos", str(tmp_path / "out")], 0) == 1
    assert "holds 0 photographs" in capsys.readouterr().err
