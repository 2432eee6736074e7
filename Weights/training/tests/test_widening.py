"""A wider network that goes on from a narrower one."""

import pytest
import torch

from networks import random_unet
from restored_training.bundle import UNET, new_unet
from restored_training.unet import ConditionalUNet
from restored_training.widening import Widening


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
