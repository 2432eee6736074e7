"""An encoder that comes back alone: the restoration network, which is no part of its training and stayed at home, is made to follow it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from ..bundle import load_unet, write_bundle
from ..check import write_check
from ..daclip import DegradationAwareCLIP
from ..label_prompts import label_prompts, tell_labels
from ..photographs import REPOSITORY
from ..pool import LABELS, Pool
from ..restoration import follow_encoder
from ..views import NATIVE_WINDOWS

PHOTOGRAPH = REPOSITORY / "Tests/Fixtures/Photographs/kodim20.png"
ENCODER, SAID, ABOUT = "daclip.safetensors", "said.safetensors", "encoder.json"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def described_in(bundle: Path) -> dict:
    return json.loads((bundle / "bundle.json").read_text())


def write_encoder(folder: Path, encoder: DegradationAwareCLIP, start: dict, pool: Pool, known: np.ndarray, known_features: torch.Tensor,
                  said: np.ndarray) -> None:
    """The encoder, and what it and the one before it, of the bundle that `start` describes, say of the pool's pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.half().contiguous().cpu() for name, value in encoder.state_dict().items()}, folder / ENCODER)
    save_file({"known": torch.from_numpy(known), "said": torch.from_numpy(said), "known_features": known_features.cpu()}, folder / SAID)
    about = {"encoder": digest(folder / ENCODER), "said": digest(folder / SAID), "before": start["daclip"]["sha256"],
             "shape": encoder.shape, "shown": [example.shown for example in pool.examples]}
    (folder / ABOUT).write_text(json.dumps(about))


def finish_bundle(came_back: Path, start: Path, out: Path) -> None:
    """Writes the bundle of the encoder that came back and the restoration network of `start`. Throws a ValueError where training did
    not begin with that.
    """
    about, description = json.loads((came_back / ABOUT).read_text()), described_in(start)
    if about["before"] != description["daclip"]["sha256"]:
        raise ValueError(f"{start} is not the bundle that training began with: give that one")
    for name, expected in ((ENCODER, about["encoder"]), (SAID, about["said"])):
        if digest(came_back / name) != expected:
            raise ValueError(f"{came_back / name} is damaged")
    encoder = DegradationAwareCLIP(**about["shape"], label_count=len(LABELS))
    encoder.load_checkpoint(load_file(came_back / ENCODER))
    unet, told = load_unet(start), load_file(came_back / SAID)
    follow_encoder(unet, told["known"][:, 1].numpy(), told["said"][:, 1].numpy())
    tell_labels(unet, encoder.label_features,
                label_prompts(unet, told["known"][:, 0], told["known_features"], about["shown"], LABELS))
    write_whole(out, encoder, unet, LABELS, description)


def write_whole(folder: Path, daclip: DegradationAwareCLIP, unet: torch.nn.Module, labels: list[str], description: dict) -> None:
    """A bundle that is called as the one that `description` is of."""
    kept = {name: description[name] for name in ("name", "version", "licence", "trainingDataTerms") if name in description}
    write_bundle(folder, daclip, unet, labels, NATIVE_WINDOWS, description["default"]["steps"], kept)
    write_check(folder, PHOTOGRAPH, NATIVE_WINDOWS)
