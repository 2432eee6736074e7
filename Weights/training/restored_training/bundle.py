"""Reading a bundle to start from, and writing one: bundle.json and the files of float16 weights."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from .controller import LOGIT_SCALE, label_features
from .daclip import DegradationAwareCLIP, VisionTower
from .degradations import DEGRADATIONS
from .guided_nafnet import GuidedNAFNet
from .nafnet import ConditionalNAFNet
from .pool import LABELS
from .restoration import start_as_identity
from .unet import ConditionalUNet

DACLIP = {
    "embed_dim": 128,
    "vision_cfg": {"image_size": 224, "layers": 4, "width": 256, "patch_size": 32, "head_width": 32,
                   "stem": [32, 64, 128, 192]},
    # Noise, blocks and drops show in few pixels: the controller looks longer before it halves the picture again.
    "controller_cfg": {"stem_blocks": [0, 2, 2, 2, 1], "pool": "patches"},
}
UNET = {
    "in_nc": 3, "out_nc": 3, "nf": 64, "ch_mult": [1, 1, 2, 2], "context_dim": 128, "use_degra_context": True,
    "use_image_context": True, "scale": 0.5,
}
DIFFUSION = {"T": 100, "schedule": "cosine", "eps": 0.005, "max_sigma": 50, "note": "max_sigma on the 0-255 scale"}


def new_daclip(label_count: int = len(LABELS)) -> DegradationAwareCLIP:
    model = DegradationAwareCLIP(**DACLIP, label_count=label_count)
    model.label_features.copy_(label_features(label_count, DACLIP["embed_dim"]))
    start_as_stem(model.visual_control)
    return model.to(memory_format=torch.channels_last)


@torch.no_grad()
def start_as_stem(tower: VisionTower) -> None:
    """Before any training the transformer's blocks change nothing: what the stem sees is learned from at once."""
    for module in tower.conv1:
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)
    for block in tower.transformer.transformer.resblocks:
        for last in (block.attn.out_proj, block.mlp.c_proj):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)


def with_new_controller(model: DegradationAwareCLIP) -> DegradationAwareCLIP:
    """The model, with an untrained controller where its own has another shape than new ones have."""
    if model.shape["controller_cfg"] == DACLIP["controller_cfg"]:
        return model
    renewed = new_daclip(len(model.label_features))
    renewed.clip.load_state_dict(model.clip.state_dict())
    renewed.label_features.copy_(model.label_features)
    return renewed


def new_unet() -> ConditionalUNet:
    """A network that returns the degraded picture as it is."""
    model = ConditionalUNet(**UNET)
    start_as_identity(model)
    return model.to(memory_format=torch.channels_last)


def read_labels(folder: Path) -> list[str]:
    return _read(folder)["labels"]


def read_native_windows(folder: Path) -> int:
    return _read(folder)["daclip"].get("native_windows", 0)


def read_prediction(folder: Path) -> str:
    return _read(folder)["prediction"]


def load_daclip(folder: Path, label_count: int | None = None) -> DegradationAwareCLIP:
    """The bundle's encoder; labels beyond those that it knows get features of their own."""
    state = load_file(_file(folder, "daclip"))
    known = state.pop("label_features").float()
    label_count = label_count or len(known)
    described = _read(folder)["daclip"]
    model = DegradationAwareCLIP(**{name: described.get(name) for name in DACLIP}, label_count=label_count)
    state["label_features"] = label_features(label_count, known.shape[1], known)
    model.load_checkpoint(state)
    return model.to(memory_format=torch.channels_last)


def load_unet(folder: Path) -> ConditionalUNet:
    """The bundle's restoration network, of the shape described there; what is missing is the constructor's default."""
    described = _read(folder)["unet"]
    model = ConditionalUNet(**{name: described[name] for name in UNET if name in described})
    model.load_state_dict({key: value.float() for key, value in load_file(_file(folder, "unet")).items()})
    return model.to(memory_format=torch.channels_last)


def _read(folder: Path) -> dict:
    return json.loads((folder / "bundle.json").read_text())


def _file(folder: Path, network: str) -> Path:
    return folder / _read(folder)[network]["file"]


def write_bundle(
    folder: Path, daclip: DegradationAwareCLIP, unet: ConditionalUNet, labels: list[str], native_windows: int, steps: int,
    description: dict, prediction: str = "clean",
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    digests = {network: _write_network(module, folder / f"{network}.safetensors")
               for network, module in (("daclip", daclip), ("unet", unet))}
    configuration = {
        **description, "prediction": prediction, "labels": labels, "logit_scale": LOGIT_SCALE,
        "daclip": {**digests["daclip"], **daclip.shape, "quick_gelu": False, "text_cfg": None, "native_windows": native_windows,
                   "note": "label_features replaces the text tower: one row a label, unit length"},
        "unet": {**digests["unet"], **unet.shape},
        "diffusion": DIFFUSION,
    }
    if prediction == "clean":
        # What predicts noise gets the program's own default.
        times = [round(100 * k / steps) for k in range(steps, 0, -1)]
        configuration["default"] = {"sampler": "posterior", "steps": steps, "times": times}
    (folder / "bundle.json").write_text(json.dumps(configuration, indent=1) + "\n")


def _write_network(module: nn.Module, path: Path) -> dict[str, str]:
    """In float16; the file's name and digest as bundle.json has them."""
    save_file({key: value.half().contiguous().cpu() for key, value in module.state_dict().items()}, path)
    return _digested(path)


def _digested(path: Path) -> dict[str, str]:
    return {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


NAFNET = "conditional-nafnet"


def write_network_bundle(folder: Path, encoder: Path, network: ConditionalNAFNet, training: dict, description: dict) -> None:
    """A bundle of a network of one evaluation behind the DA-CLIP of the bundle in the folder `encoder`, which stays as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    known = _read(encoder)
    file = folder / known["daclip"]["file"]
    shutil.copyfile(encoder / file.name, file)
    configuration = {
        **description, "kind": NAFNET, "labels": known["labels"], "logit_scale": known["logit_scale"],
        "daclip": {**known["daclip"], **_digested(file)},
        NAFNET: {**_write_network(network, folder / "nafnet.safetensors"), **network.shape}, "training": training}
    (folder / "bundle.json").write_text(json.dumps(configuration, indent=1) + "\n")


def load_network(folder: Path) -> ConditionalNAFNet:
    """The bundle's network of one evaluation."""
    described = {key: value for key, value in _read(folder)[NAFNET].items() if key not in ("file", "sha256")}
    network = ConditionalNAFNet(**described)
    network.load_state_dict({key: value.float() for key, value in load_file(_file(folder, NAFNET)).items()})
    return network.to(memory_format=torch.channels_last)


GUIDED, GUIDED_TYPE = "guided", "NAFNetRefFusion"


def write_guided_bundle(folder: Path, network: GuidedNAFNet, training: dict, description: dict, after: str | None = None) -> None:
    """A bundle of a network that borrows from a reference: it is told no label, and does something about every one; or it follows the
    bundle of that name beside it, which looks and restores first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    section = {**_write_network(network, folder / "nafnet.safetensors"), "type": GUIDED_TYPE, **network.shape}
    before = {"after": {"bundle": after}} if after else {"labels": [*DEGRADATIONS], "needs_reference": False}
    configuration = {**description, "kind": GUIDED, **before, "network_g": section, "training": training}
    (folder / "bundle.json").write_text(json.dumps(configuration, indent=1) + "\n")


def load_guided_network(folder: Path) -> GuidedNAFNet:
    """The bundle's network that borrows from a reference."""
    described = _read(folder)["network_g"]
    network = GuidedNAFNet(**{key: value for key, value in described.items() if key not in ("file", "sha256", "type", "nf")})
    network.load_state_dict({key: value.float() for key, value in load_file(_file(folder, "network_g")).items()})
    return network.to(memory_format=torch.channels_last)
