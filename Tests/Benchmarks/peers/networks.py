"""The networks that are compared: the restoration network of mini as shipped, and with seeded random weights that of the
universal architecture, DA-CLIP of two sizes, the networks of one evaluation and those of latent diffusion."""

import hashlib
import json
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

REPOSITORY = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(REPOSITORY / "Weights/training"))

from restored_training.daclip import DegradationAwareCLIP  # noqa: E402
from restored_training.unet import ConditionalUNet  # noqa: E402

from latent import LATENT_NETWORKS, OTHERS, PREFIXES, latent_inputs, latent_network, latent_weights  # noqa: E402
from one_pass import ONE_PASS, one_pass_network  # noqa: E402

UNIVERSAL = {
    "in_nc": 3, "out_nc": 3, "nf": 64, "ch_mult": [1, 2, 4, 8], "context_dim": 512, "use_degra_context": True,
    "use_image_context": True,
}
# DA-CLIP as published: ViT-B/32 (universal) and ViT-L/14 (in the wild), 224x224 both.
ENCODERS = {
    "daclip-b32": (512, {"image_size": 224, "layers": 12, "width": 768, "patch_size": 32}),
    "daclip-l14": (768, {"image_size": 224, "layers": 24, "width": 1024, "patch_size": 14}),
}
# A bundle needs a classifier; a small one with the right embedding will do, since it isn't timed.
SMALL_VISION = {"image_size": 224, "layers": 1, "width": 64, "patch_size": 32, "head_width": 32}


def read_bundle(folder: Path) -> dict:
    for name in ("bundle.json", "config.json"):
        if (folder / name).exists():
            return json.loads((folder / name).read_text())
    raise SystemExit(f"{folder} holds neither bundle.json nor config.json")


class Encoder(torch.nn.Module):
    """Both embeddings of prepared pictures, side by side."""

    def __init__(self, network: DegradationAwareCLIP):
        super().__init__()
        self.network = network

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        return torch.cat(self.network(picture), dim=1)


def load_network(folder: Path, part: str) -> torch.nn.Module:
    """The network of a section of bundle.json: `unet`, `daclip`, one of one evaluation or of latent diffusion."""
    if part == "unet":
        return load_unet(folder)
    bundle = read_bundle(folder)
    if part in PREFIXES:
        return load_latent(folder, part, bundle)
    if part in ONE_PASS:
        network = one_pass_network(part, bundle[part])
        network.load_state_dict(load_file(folder / bundle[part]["file"]))
        return network.eval()
    network = DegradationAwareCLIP(label_count=len(bundle["labels"]), **bundle["daclip"])
    network.load_checkpoint(load_file(folder / bundle["daclip"]["file"]))
    return Encoder(network).eval()


def load_latent(folder: Path, part: str, bundle: dict) -> torch.nn.Module:
    """One network of the file that holds them all, which is never read whole."""
    with torch.device("meta"):
        network = latent_network(part, bundle)
    with safe_open(folder / bundle["model"]["file"], framework="pt") as file:
        weights = {key: file.get_tensor(PREFIXES[part] + key).float() for key in network.state_dict()}
    network.load_state_dict(weights, assign=True)
    return network.eval().requires_grad_(False)


def load_unet(folder: Path) -> ConditionalUNet:
    settings = dict(read_bundle(folder)["unet"])
    file = settings.pop("file")
    for key in ("sha256", "precisions"):
        settings.pop(key, None)
    network = ConditionalUNet(**settings).eval()
    network.load_state_dict({key: value.float() for key, value in load_file(folder / file).items()}, strict=True)
    return network


def write_universal_bundle(folder: Path) -> None:
    """Fills a folder with a bundle of the universal architecture, weights in fp16."""
    write_bundle(folder, "universal-random", 512, SMALL_VISION, UNIVERSAL)


def write_pair_bundle(folder: Path) -> None:
    """The same with a classifier of the published size."""
    write_bundle(folder, "universal-pair-random", *ENCODERS["daclip-b32"], UNIVERSAL)


def write_encoder_bundle(folder: Path, name: str) -> None:
    """A bundle with a DA-CLIP of `ENCODERS`, and a small restoration network, which isn't timed."""
    width, vision = ENCODERS[name]
    write_bundle(folder, f"{name}-random", width, vision, UNIVERSAL | {"nf": 32, "ch_mult": [1, 1], "context_dim": width})


def write_one_pass_bundle(folder: Path, kind: str) -> None:
    """A bundle of a network of one evaluation; an instructed one without what reads instructions, which isn't timed."""
    if (folder / "bundle.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    network = one_pass_network(kind, ONE_PASS[kind])
    for name, parameter in network.named_parameters():
        if name.endswith((".beta", ".gamma")):
            torch.nn.init.normal_(parameter, std=0.1)  # nothing would come of zeros
    path = folder / f"{kind}.safetensors"
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, path)
    bundle = {
        "kind": kind, "name": f"{kind}-random", "version": "0", "licence": "MIT", "trainingDataTerms": "none: random numbers",
        kind: ONE_PASS[kind] | {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()},
    }
    (folder / "bundle.json").write_text(json.dumps(bundle, indent=1))


def write_latent_bundle(folder: Path, title: str) -> None:
    """A bundle of AutoDIR's kind with the network that diffuses and the autoencoder; nothing else is there, or read."""
    if (folder / "bundle.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    sizes, path = LATENT_NETWORKS[title], folder / "latent.safetensors"
    save_file(latent_weights(sizes), path)
    others = json.loads(json.dumps(OTHERS))
    others["clip"]["text_config"]["hidden_size"] = sizes["unet"]["context_dim"]
    bundle = {
        "kind": "autodir", "name": f"{title}-random", "version": "0", "licence": "MIT", "trainingDataTerms": "none: random numbers",
        "model": {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "precisions": ["fp32", "bf16"]},
        "unet": sizes["unet"], "vae": sizes["vae"], **others,
    }
    (folder / "bundle.json").write_text(json.dumps(bundle, indent=1))


def write_bundle(folder: Path, title: str, width: int, vision: dict, unet: dict) -> None:
    if (folder / "bundle.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    labels = read_bundle_labels()
    daclip = DegradationAwareCLIP(width, vision, label_count=len(labels))
    torch.nn.init.orthogonal_(daclip.label_features)
    for layer in daclip.visual_control.transformer.zero_modules:
        torch.nn.init.normal_(layer.weight, std=0.02)
    bundle = {
        "name": title, "version": "0", "prediction": "noise", "labels": labels, "logit_scale": 100.0,
        "licence": "MIT", "trainingDataTerms": "none: random numbers",
        "daclip": {"embed_dim": width, "quick_gelu": False, "vision_cfg": vision, "text_cfg": None},
        "unet": dict(unet),
        "diffusion": {"T": 100, "schedule": "cosine", "eps": 0.005, "max_sigma": 50},
    }
    for key, network in (("daclip", daclip), ("unet", ConditionalUNet(**unet))):
        path = folder / f"{key}.safetensors"
        save_file({name: value.half().contiguous() for name, value in network.state_dict().items()}, path)
        bundle[key] |= {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    (folder / "bundle.json").write_text(json.dumps(bundle, indent=1))


def read_bundle_labels() -> list[str]:
    return [
        "motion-blurry", "hazy", "jpeg-compressed", "low-light", "noisy", "raindrop", "rainy", "shadowed", "snowy",
        "uncompleted",
    ]


def inputs(bundle: dict, part: str, size: int, batch: int) -> dict[str, torch.Tensor]:
    """Seeded inputs by the names of the exported graph; the encoder's have its own size."""
    generator = torch.Generator().manual_seed(1)
    if part == "daclip":
        side = bundle["daclip"]["vision_cfg"]["image_size"]
        return {"picture": torch.randn(batch, 3, side, side, generator=generator)}
    if part in PREFIXES:
        return latent_inputs(part, bundle, size, batch, generator)
    if part in ONE_PASS:
        named = {"picture": torch.rand(batch, 3, size, size, generator=generator)}
        if width := bundle[part].get("txtdim"):
            named["instruction"] = torch.nn.functional.normalize(torch.randn(batch, width, generator=generator))
        return named
    settings = bundle["unet"]
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


def giga_macs(network: torch.nn.Module, named: dict[str, torch.Tensor]) -> float:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(**named)
    return counter.get_total_flops() / 2e9
