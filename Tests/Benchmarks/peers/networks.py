"""The networks that are compared: mini as shipped, and the universal architecture with seeded random weights."""

import hashlib
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

REPOSITORY = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(REPOSITORY / "Weights/training"))

from restored_training.daclip import DegradationAwareCLIP  # noqa: E402
from restored_training.unet import ConditionalUNet  # noqa: E402

UNIVERSAL = {
    "in_nc": 3, "out_nc": 3, "nf": 64, "ch_mult": [1, 2, 4, 8], "context_dim": 512, "use_degra_context": True,
    "use_image_context": True,
}
# A bundle needs a classifier; a small one with the right embedding will do, since it isn't timed.
SMALL_VISION = {"image_size": 224, "layers": 1, "width": 64, "patch_size": 32, "head_width": 32}


def read_bundle(folder: Path) -> dict:
    for name in ("bundle.json", "config.json"):
        if (folder / name).exists():
            return json.loads((folder / name).read_text())
    raise SystemExit(f"{folder} holds neither bundle.json nor config.json")


def load_unet(folder: Path) -> ConditionalUNet:
    settings = dict(read_bundle(folder)["unet"])
    file = settings.pop("file")
    settings.pop("sha256", None)
    network = ConditionalUNet(**settings).eval()
    network.load_state_dict({key: value.float() for key, value in load_file(folder / file).items()}, strict=True)
    return network


def write_universal_bundle(folder: Path) -> None:
    """Fills a folder with a bundle of the universal architecture, weights in fp16."""
    if (folder / "bundle.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    labels = read_bundle_labels()
    daclip = DegradationAwareCLIP(512, SMALL_VISION, label_count=len(labels))
    torch.nn.init.orthogonal_(daclip.label_features)
    bundle = {
        "name": "universal-random", "version": "0", "prediction": "noise", "labels": labels, "logit_scale": 100.0,
        "licence": "MIT", "trainingDataTerms": "none: random numbers",
        "daclip": {"embed_dim": 512, "quick_gelu": False, "vision_cfg": SMALL_VISION, "text_cfg": None},
        "unet": dict(UNIVERSAL),
        "diffusion": {"T": 100, "schedule": "cosine", "eps": 0.005, "max_sigma": 50},
        "default": {"sampler": "posterior", "steps": 100},
    }
    for key, network in (("daclip", daclip), ("unet", ConditionalUNet(**UNIVERSAL))):
        path = folder / f"{key}.safetensors"
        save_file({name: value.half().contiguous() for name, value in network.state_dict().items()}, path)
        bundle[key] |= {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    (folder / "bundle.json").write_text(json.dumps(bundle, indent=1))


def read_bundle_labels() -> list[str]:
    return [
        "motion-blurry", "hazy", "jpeg-compressed", "low-light", "noisy", "raindrop", "rainy", "shadowed", "snowy",
        "uncompleted",
    ]


def inputs(network: ConditionalUNet, settings: dict, size: int, batch: int) -> dict[str, torch.Tensor]:
    """Seeded inputs by the names of the exported graph."""
    generator = torch.Generator().manual_seed(1)
    mu = torch.rand(batch, 3, size, size, generator=generator)
    named = {
        "state": mu + torch.randn(mu.shape, generator=generator) * 50 / 255, "mu": mu,
        "time": torch.full((batch,), 50.0),
    }
    width = settings["context_dim"]
    if width and settings["use_degra_context"]:
        named["degradation"] = torch.randn(batch, width, generator=generator)
    if width and settings["use_image_context"]:
        named["content"] = torch.randn(batch, width, generator=generator)
    return named


def giga_macs(network: ConditionalUNet, named: dict[str, torch.Tensor]) -> float:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(**named)
    return counter.get_total_flops() / 2e9
