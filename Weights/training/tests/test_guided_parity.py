"""The guided network against recorded numbers: RESTORED_PARITY, else ../shared/parity beside the repository."""

import json

import pytest
import torch
from safetensors.torch import load_file

from restored_training.guided_nafnet import GuidedNAFNet
from restored_training.matching import coarse_matches, transferred
from test_parity import PARITY

FIXTURES = PARITY / "textual"
NAMES = {"width": "width", "enc": "enc_blk_nums", "middle": "middle_blk_num", "dec": "dec_blk_nums", "ext": "ext_n_blocks",
         "fuse": "reffusion_n_blocks", "block": "lr_block_size", "ratio": "ref_down_block_size", "dilations": "dilations"}


def files():
    return sorted(path.name for path in FIXTURES.glob("nafnet_io_*.safetensors"))


def network():
    sizes = json.loads((FIXTURES / "config.json").read_text())["nafnet"]
    network = GuidedNAFNet(**{NAMES[key]: value for key, value in sizes.items() if key != "nf"}).eval()
    state = torch.load(FIXTURES / "nafnet_guided.pth", weights_only=True)["params"]
    network.load_state_dict({key: value.float() for key, value in state.items()})
    return network


def assert_close(found, expected, share=1e-5):
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= share * expected.abs().max()


@pytest.mark.skipif(not files(), reason=f"{FIXTURES} is missing")
@pytest.mark.parametrize("file", files())
@torch.inference_mode()
def test_the_guided_network_gives_the_recorded_numbers(file):
    guided, tensors = network(), load_file(FIXTURES / file)
    picture, reference = (tensors[name].permute(0, 3, 1, 2).float() / 255 for name in ("input_u8", "reference_u8"))
    own, levels = (guided.masa_enc(guided.padded(values)) for values in (picture, reference))
    assert_close(own[-1], tensors["feat_input_deep"])
    assert_close(levels[-1], tensors["feat_ref_deep"])
    owner = torch.arange(len(picture))
    scores, places = coarse_matches(own[-1], levels[-1], owner, guided.matching)
    assert_close(scores, tensors["coarse_score"].view_as(scores))
    clear = tensors["coarse_margin"].view_as(places) > 1e-5
    assert clear.any() and torch.equal(places[clear], tensors["coarse_index"].view_as(places)[clear].long())
    matches, _, _ = guided.matched(own, levels, owner)
    side = guided.matching.block
    height, width = own[-1].shape[-2:]
    recorded = tensors["fine_score"].view(len(picture), height // side, width // side, side, side)
    assert_close(matches.scores, recorded.transpose(2, 3).reshape_as(matches.scores))
    borrowed = transferred(levels, matches, owner, side)
    compared = [key for key in tensors if key.startswith("warp.")]
    assert compared
    for key in compared:
        values = borrowed[int(key[5:])]
        assert_close(values[:, :tensors[key].shape[1]], tensors[key])
    assert_close(guided(picture, reference), tensors["output"], 5e-5)


@pytest.mark.skipif(not files(), reason=f"{FIXTURES} is missing")
@torch.inference_mode()
def test_pictures_may_share_references():
    guided, tensors = network(), load_file(FIXTURES / files()[-1])
    picture, reference = (tensors[name].permute(0, 3, 1, 2).float() / 255 for name in ("input_u8", "reference_u8"))
    picture = torch.cat([picture, picture.flip(3)])
    owner = torch.tensor([0, len(reference) - 1, 0, 0])[:len(picture)]
    assert_close(guided(picture, reference, owner), guided(picture, reference[owner]))
