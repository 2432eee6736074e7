"""The network of one evaluation: the twin of the Swift one, both stages of its training, and what is exported."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from restored_training import one_evaluation
from restored_training.bundle import DACLIP, load_daclip, load_network, new_daclip, new_unet, read_native_windows, write_bundle, write_network_bundle
from restored_training.check import write_network_check
from restored_training.hyperparameters import Hyperparameters, current_commit
from restored_training.nafnet import ConditionalNAFNet
from restored_training.one_evaluation import DegradationClassifier, gains, new_network, train_network
from restored_training.photographs import REPOSITORY
from restored_training.pool import LABELS
from test_parity import PARITY

FIXTURES = PARITY / "singlepass"
needs_fixtures = pytest.mark.skipif(not FIXTURES.is_dir(), reason=f"{FIXTURES} is missing")
PHOTOGRAPH = REPOSITORY / "Tests/Fixtures/Photographs/kodim20.png"
SMALL = {"width": 8, "enc_blk_nums": [1, 1], "middle_blk_num": 1, "dec_blk_nums": [1, 1], "measured_side": 96,
         "measured_a_label": 1, "pixels": 30_000, "parts": 1, "crops": [[0.0, 64]], "pretraining_share": 0.4}


@pytest.fixture(scope="module")
def described(pool):
    return pool, np.random.default_rng(0).normal(size=(len(pool), 2, DACLIP["embed_dim"])).astype(np.float32)


def files():
    return sorted(path.name for path in FIXTURES.glob("conditional_*_io_*.safetensors")) if FIXTURES.is_dir() else []


@needs_fixtures
@pytest.mark.parametrize("file", files())
def test_the_network_gives_the_recorded_numbers(file):
    tensors, name = load_file(FIXTURES / file), file[:13]
    network = ConditionalNAFNet(**json.loads((FIXTURES / "config.json").read_text())[name]["config"])
    network.load_state_dict(torch.load(FIXTURES / f"{name}.pth", weights_only=True))
    with torch.inference_mode():
        result = network(tensors["input"], tensors["input.degradation"], tensors["input.content"])
    assert result.shape == tensors["output"].shape
    assert (result - tensors["output"]).abs().max() <= 3e-5 * tensors["output"].abs().max()


def test_a_new_network_returns_any_picture_as_it_is():
    network = new_network(Hyperparameters(**SMALL), 6)
    picture = torch.rand(2, 3, 13, 21)
    with torch.no_grad():
        assert torch.equal(network(picture, torch.randn(2, 6), torch.randn(2, 6)), picture)


def test_both_stages_learn_and_the_second_goes_on_from_the_first(described, tmp_path):
    choice = Hyperparameters(**{**SMALL, "minutes": 0.08})
    torch.manual_seed(0)
    network = new_network(choice, DACLIP["embed_dim"])
    before = {key: value.clone() for key, value in network.state_dict().items()}
    train_network(network, described, described, tmp_path, choice, 1)
    for name, figure in (("nafnet-pretraining", "accuracy"), ("nafnet", "gain")):
        state = torch.load(tmp_path / f"{name}.state.pt", weights_only=True)
        history = json.loads(state["history"])
        assert all(figure in entry for entry in history) and (tmp_path / f"{name}.png").stat().st_size > 1000
    pretrained = torch.load(tmp_path / "nafnet-pretraining.state.pt", weights_only=True)["average"]
    assert not torch.equal(pretrained["network.intro.weight"], before["intro.weight"])
    # What is added to the picture is learned in the second stage alone.
    assert torch.equal(pretrained["network.ending.weight"], before["ending.weight"])
    assert not torch.equal(network.ending.weight, before["ending.weight"])
    assert gains(network, described, choice)["gain"] > 0


def test_the_classifier_is_told_nothing_of_what_it_is_asked_for(described):
    classifier = DegradationClassifier(new_network(Hyperparameters(**SMALL), 6))
    seen = []
    classifier.network.features = lambda picture, *told: seen.append(told) or [torch.rand(2, 16, 4, 4), torch.rand(2, 8, 8, 8)]
    assert classifier(torch.rand(2, 3, 8, 8)).shape == (2, len(LABELS))
    assert all(not values.any() for values in seen[0])


def test_strangers_are_told_as_often_as_they_should_be(described):
    network = new_network(Hyperparameters(**SMALL), DACLIP["embed_dim"])
    for share, least, most in ((0.0, 0, 0), (1.0, 0.5, 1)):
        batches = one_evaluation.Batches(network, described, Hyperparameters(**{**SMALL, "stranger_share": share}), 3)
        indices = np.arange(len(described[0]))
        told = batches.told(indices).numpy()
        assert least <= np.mean(np.any(told != described[1][indices], axis=(1, 2))) <= most


def test_the_same_hyperparameters_draw_the_same_batches(described):
    network = new_network(Hyperparameters(**SMALL), DACLIP["embed_dim"])
    first, again, other = (one_evaluation.Batches(network, described, Hyperparameters(**SMALL), seed) for seed in (5, 5, 6))
    drawn = [batches.crops(0.0)[2].tolist() for batches in (first, again, other)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_hyperparameters_are_read_and_misspelt_ones_refused(tmp_path):
    file = tmp_path / "wanted.json"
    file.write_text('{"width": 32, "seed": 4}')
    assert Hyperparameters.read(file, commit="c") == Hyperparameters(width=32, seed=4, commit="c")
    file.write_text('{"widht": 32}')
    with pytest.raises(ValueError, match="widht"):
        Hyperparameters.read(file)


def test_a_bundle_holds_what_it_was_made_with(tmp_path):
    choice = Hyperparameters(**SMALL, seed=7, commit=current_commit())
    encoder = tmp_path / "encoder"
    write_bundle(encoder, new_daclip(), new_unet(), LABELS, 5, 1, {"name": "e", "version": "0", "licence": "l", "trainingDataTerms": "t"})
    torch.manual_seed(0)
    network = new_network(choice, DACLIP["embed_dim"])
    bundle = tmp_path / "bundle"
    write_network_bundle(bundle, encoder, network, asdict(choice), {"name": "b", "version": "1", "licence": "l", "trainingDataTerms": "t"})
    choice.write(tmp_path)
    written = json.loads((bundle / "bundle.json").read_text())
    assert written["training"] == json.loads((tmp_path / "hyperparameters.json").read_text()) == asdict(choice)
    assert written["training"]["seed"] == 7 and written["training"]["commit"]
    assert written["kind"] == "conditional-nafnet" and written["labels"] == LABELS and read_native_windows(bundle) == 5
    again = load_network(bundle)
    assert again.shape == network.shape
    assert all(torch.allclose(value, again.state_dict()[key], rtol=1e-3, atol=1e-6) for key, value in network.state_dict().items())
    for key, value in load_daclip(encoder).state_dict().items():
        assert torch.equal(value, load_daclip(bundle).state_dict()[key])
    write_network_check(bundle, PHOTOGRAPH, 5)
    check = load_file(bundle / "check.safetensors")
    # The new network changes nothing.
    assert torch.equal(check["picture"], check["restored"]) and check["probabilities"].shape == (1, len(LABELS))
