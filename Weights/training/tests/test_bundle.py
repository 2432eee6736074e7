"""What is written is read back."""

import json

import torch

from networks import random_unet
from restored_training.bundle import load_daclip, load_unet, new_daclip, new_unet, write_bundle
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
