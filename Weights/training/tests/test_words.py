"""Words: the frozen networks and both mappers against recorded numbers, and their training on these small networks."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from restored_training.words.frozen import NoiseNetwork, TextTower
from restored_training.words.mappers import CleanMapper, Mapper
from restored_training.words.training import Stage, Towers, WordHyperparameters, new_clean_mapper, new_mapper, train_words
from test_parity import PARITY

FIXTURES = PARITY / "textual"
pytestmark = pytest.mark.skipif(not FIXTURES.is_dir(), reason=f"{FIXTURES} is missing")
SMALL = {"words": 5, "hidden": 24, "head_width": 16, "text_head_width": 8, "vision_head_width": 16, "place": 5, "steps": 2, "batch": 1, "side": 64, "rate": 3e-3}


@pytest.fixture(scope="module")
def recorded():
    return {**load_file(FIXTURES / "run.safetensors"), **{f"words.{key}": value for key, value in load_file(FIXTURES / "words.safetensors").items()}}


@pytest.fixture(scope="module")
def towers(recorded):
    prompt = recorded["words.input_ids"][0].tolist()
    choice = WordHyperparameters(**SMALL, prompt=prompt)
    towers = Towers(load_file(FIXTURES / "latent_diffusion.safetensors"), load_file(FIXTURES / "vision.safetensors"), choice)
    towers.place = int(recorded["words.index"][0])
    return towers


def published(name):
    return torch.load(FIXTURES / f"{name}.pt", weights_only=True)


def assert_close(found, expected, share=1e-5):
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= share * expected.abs().max()


@torch.inference_mode()
def test_words_and_context_are_those_recorded(towers, recorded):
    choice = WordHyperparameters(**SMALL)
    mapper, clean_mapper = new_mapper(towers, choice), new_clean_mapper(towers, choice)
    mapper.load_state_dict(published("mapper"))
    clean_mapper.load_state_dict(published("clean_mapper"))
    tokens = towers.tokens([recorded["words.crop224_u8"][0].numpy()])
    assert_close(tokens, recorded["words.vision.tokens"][:1])
    words = mapper(tokens)
    assert_close(words, recorded["words.words"][:1])
    cleaned = clean_mapper(words)
    assert_close(cleaned, recorded["words.words_clean"][:1])
    embedded = towers.text.injected(towers.prompt, towers.place, cleaned)
    assert_close(embedded, recorded["words.text_in"][:1])
    context = towers.text(embedded)
    assert_close(context, recorded["words.context"][:1])
    assert torch.allclose(towers.kept, recorded["alphas_cumprod"], rtol=2e-6)
    for step, time in enumerate(recorded["timesteps"]):
        noise = towers.network(recorded["latents"][step:step + 1], time[None].float(), context, mapper.project)
        assert_close(noise, recorded["eps_text"][step:step + 1])


def test_what_is_written_has_the_published_names_and_shapes(towers, pool, tmp_path):
    train_words(towers, pool, tmp_path, WordHyperparameters(**SMALL))
    for name in ("mapper", "clean_mapper"):
        written = torch.load(tmp_path / f"{name}.pt", weights_only=True)
        assert {key: value.shape for key, value in written.items()} == {key: value.shape for key, value in published(name).items()}
    # It goes on where it stands: nothing is left to do.
    before = torch.load(tmp_path / "mapper.pt", weights_only=True)
    train_words(towers, pool, tmp_path, WordHyperparameters(**SMALL))
    after = torch.load(tmp_path / "mapper.pt", weights_only=True)
    assert all(torch.equal(value, after[key]) for key, value in before.items())


def test_both_stages_learn_from_one_batch(towers, pool, tmp_path):
    choice = WordHyperparameters(**{**SMALL, "steps": 12})
    pictures = [np.ascontiguousarray(pool.pictures(index)[0][:64, :64]) for index in (0, 1)]
    latents, tokens = towers.latents(pictures, 8), towers.tokens(pictures)
    torch.manual_seed(0)
    mapper, clean_mapper = new_mapper(towers, choice), new_clean_mapper(towers, choice)
    stages = []
    for name, module, words in (("mapper", mapper, lambda: mapper(tokens)), ("clean_mapper", clean_mapper, lambda: clean_mapper(mapper(tokens)))):
        stage = Stage(name, tmp_path, module, choice)
        stage.run(lambda _: towers.loss(latents, words(), mapper, torch.Generator().manual_seed(1)))
        stages.append([entry["loss"] for entry in stage.history])
        module.requires_grad_(False)
    assert all(losses[-1] < losses[0] for losses in stages)
    assert stages[0][-1] < 0.95 * stages[0][0]


def test_projections_begin_as_the_networks_own(towers):
    mapper = new_mapper(towers, WordHyperparameters(**SMALL))
    own = towers.network.own_projections()
    assert len(own) == 8
    for name, weight in own.items():
        assert torch.equal(mapper.state_dict()[f"{name.replace('.', '_')}.weight"], weight)


def test_a_mapper_knows_its_words(towers):
    mapper = Mapper(2, 4, 6, 3, {})
    assert mapper(torch.rand(1, 5, 4)).shape == (1, 2, 3) and CleanMapper(2, 3, 6)(torch.rand(1, 2, 3)).shape == (1, 2, 3)
    assert isinstance(towers.text, TextTower) and isinstance(towers.network, NoiseNetwork)
