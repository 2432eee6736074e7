"""What the restoration network is told: labels, and nothing else of what an encoder says."""

import numpy as np
import pytest
import torch

from networks import random_unet
from restored_training.bundle import UNET
from restored_training.controller import label_features
from restored_training.label_prompts import label_prompts, tell_labels
from restored_training.restoration import RestorationTraining, train_unet
from restored_training.session import Budget

LABELS = ["hazy", "noisy", "clean"]
WIDTH = UNET["context_dim"]
FEATURES = label_features(len(LABELS), WIDTH)
SIZE = {"nf": 32, "ch_mult": [1, 1]}


def restored(unet, embedding):
    random = torch.Generator().manual_seed(5)
    picture, content = torch.rand(1, 3, 32, 32, generator=random), torch.randn(1, WIDTH, generator=random)
    with torch.no_grad():
        return unet(picture, picture, torch.tensor([100.0]), embedding[None], content)


@pytest.fixture
def unet():
    torch.manual_seed(1)
    return random_unet(**SIZE)


@pytest.fixture
def said():
    """What an encoder says of 60 pictures: mostly their label, and much that has nothing to do with it."""
    shown = [LABELS[index % 3] for index in range(60)]
    rest = torch.randn(60, WIDTH, generator=torch.Generator().manual_seed(2))
    rest -= rest @ FEATURES.T @ FEATURES
    return 12 * FEATURES[torch.arange(60) % 3] + rest, shown


def test_of_what_the_encoder_says_only_the_label_matters(unet, said):
    embeddings, shown = said
    assert (restored(unet, embeddings[0]) - restored(unet, embeddings[3])).abs().max() > 1e-3
    tell_labels(unet, FEATURES, label_prompts(unet, embeddings, FEATURES, shown, LABELS))
    assert torch.allclose(restored(unet, embeddings[0]), restored(unet, embeddings[3]), atol=1e-5)
    assert torch.allclose(restored(unet, embeddings[0]), restored(unet, 0.5 * embeddings[0]), atol=1e-4)
    assert (restored(unet, embeddings[0]) - restored(unet, embeddings[1])).abs().max() > 1e-3


def test_a_label_begins_with_the_mean_of_what_the_network_made_of_its_pictures(unet, said):
    embeddings, shown = said

    def prompts(values):
        with torch.no_grad():
            return unet.prompted(values)

    means = torch.stack([prompts(embeddings[index::3]).mean(dim=0) for index in range(3)])
    tell_labels(unet, FEATURES, label_prompts(unet, embeddings, FEATURES, shown, LABELS))
    unet.half().float()  # as it is written
    assert torch.allclose(prompts(embeddings[:3]), means, rtol=0.01, atol=0.01)
    between = prompts((FEATURES[0] + FEATURES[1])[None] * 6)[0]
    assert torch.allclose(between, means[:2].mean(dim=0), rtol=0.02, atol=0.02)


def test_a_label_without_pictures_begins_with_the_mean_of_all(unet, said):
    embeddings, shown = said
    found = label_prompts(unet, embeddings, FEATURES, shown, [*LABELS, "snowy"])
    assert torch.allclose(found[3], found[:3].mean(dim=0), atol=1e-5)


def test_labels_mean_the_same_to_a_network_that_is_told_another_encoders(unet, said):
    embeddings, shown = said
    tell_labels(unet, FEATURES, label_prompts(unet, embeddings, FEATURES, shown, LABELS))
    before = restored(unet, embeddings[1])
    others = label_features(len(LABELS), WIDTH, seed=9)
    tell_labels(unet, others, label_prompts(unet, embeddings, FEATURES, shown, LABELS))
    assert torch.allclose(restored(unet, 12 * others[1]), before, atol=1e-4)


def test_a_network_that_is_told_labels_keeps_them_where_pictures_are_named_wrongly(unet, said):
    embeddings, shown = said
    tell_labels(unet, FEATURES, label_prompts(unet, embeddings, FEATURES, shown, LABELS))
    before = [restored(unet, 12 * feature) for feature in FEATURES]
    misnamed = [LABELS[(LABELS.index(name) + (place < 20)) % 3] for place, name in enumerate(shown)]
    tell_labels(unet, FEATURES, label_prompts(unet, embeddings, FEATURES, misnamed, LABELS))
    for feature, known in zip(FEATURES, before):
        assert torch.allclose(restored(unet, 12 * feature), known, atol=1e-4)


def test_more_labels_than_a_network_has_channels_for_are_refused(unet):
    count = unet.prompt.shape[1] // 2 + 1
    with pytest.raises(ValueError, match=f"{count} labels"):
        tell_labels(unet, torch.zeros(count, WIDTH), torch.zeros(count, unet.prompt.shape[1]))


def test_training_changes_what_labels_mean_and_not_how_they_are_read(unet, said, pool, tmp_path, monkeypatch):
    embeddings, shown = said
    tell_labels(unet, FEATURES, label_prompts(unet, embeddings, FEATURES, shown, LABELS))
    monkeypatch.setattr(RestorationTraining, "quality", lambda self: {"gain": 0.0})
    before = {name: value.clone() for name, value in unet.state_dict().items()}
    contexts = np.zeros((len(pool), 2, WIDTH), np.float32)
    contexts[:, 0] = embeddings[torch.arange(len(pool)) % 60]
    train_unet(unet, (pool, contexts), (pool, contexts), tmp_path, Budget(0.02), 30_000, 0.001, 1)
    after = unet.state_dict()
    for name in before:
        if name.startswith("text_mlp") or name == "prompt":
            assert torch.equal(after[name], before[name]), name
    meanings = before["prompt_mlp.weight"], after["prompt_mlp.weight"]
    count = len(LABELS)
    assert not torch.equal(*(values[:, :count] for values in meanings))
    assert all(values[:, count:].abs().max() == 0 for values in meanings)
