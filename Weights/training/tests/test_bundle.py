"""What is written is read back."""

import json

import pytest
import torch

from networks import random_unet
from restored_training.bundle import (
    DACLIP, load_daclip, load_unet, new_daclip, new_unet, read_prediction, with_new_controller, write_bundle)
from restored_training.daclip import DegradationAwareCLIP
from restored_training.on_gpu.packing import pack
from restored_training.pool import LABELS


def test_a_written_bundle_is_read_back(tmp_path):
    torch.manual_seed(0)
    daclip, unet = new_daclip(), new_unet()
    write_bundle(tmp_path, daclip, unet, LABELS, 5, 2, {"name": "test", "version": "0"})
    manifest = json.loads((tmp_path / "bundle.json").read_text())
    assert manifest["labels"] == LABELS and manifest["default"]["times"] == [100, 50]
    for written, read in ((daclip, load_daclip(tmp_path)), (unet, load_unet(tmp_path))):
        for name, value in written.state_dict().items():
            assert torch.equal(value.half().float(), read.state_dict()[name]), name


def test_a_bundle_that_predicts_noise_says_so_and_leaves_its_sampler_to_the_program(tmp_path):
    write_bundle(tmp_path, new_daclip(), new_unet(), LABELS, 5, 1, {"name": "test", "version": "0"}, "noise")
    assert read_prediction(tmp_path) == "noise" and "default" not in json.loads((tmp_path / "bundle.json").read_text())
    with pytest.raises(ValueError, match="predicts noise"):
        pack(tmp_path / "pack", "network", [], [], None, tmp_path, None, 8_000_000)
    assert not (tmp_path / "pack").exists()


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


def test_a_controller_of_another_shape_begins_anew_and_the_image_encoder_stays(tmp_path):
    torch.manual_seed(0)
    old = DegradationAwareCLIP(128, DACLIP["vision_cfg"], 11)
    write_bundle(tmp_path, old, new_unet(), LABELS, 5, 2, {"name": "test", "version": "0"})
    read = load_daclip(tmp_path)
    assert read.shape["controller_cfg"] is None
    renewed = with_new_controller(read)
    assert renewed.shape["controller_cfg"] == DACLIP["controller_cfg"]
    assert torch.equal(renewed.label_features, read.label_features)
    picture = torch.rand(1, 3, 224, 224)
    assert torch.equal(renewed.content(picture), read.content(picture))
    assert with_new_controller(renewed) is renewed


def test_blocks_that_are_not_trained_change_nothing():
    torch.manual_seed(0)
    model = new_daclip().eval()
    tower = model.visual_control
    plain = torch.nn.Sequential(*[layer for layer in tower.conv1 if not hasattr(layer, "reduce")])
    assert len(plain) == len(tower.conv1) - sum(DACLIP["controller_cfg"]["stem_blocks"])
    picture = torch.rand(1, 3, 224, 224)
    assert torch.equal(tower.conv1(picture), plain(picture))
