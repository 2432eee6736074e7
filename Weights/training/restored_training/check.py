"""Numbers to check an implementation with: what a bundle's weights give for one picture, stage by stage, in float32."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from .bundle import load_daclip, load_guided_network, load_network, load_unet, read_labels, read_prediction
from .controller import LOGIT_SCALE
from .degradations import degrade
from .effects import to_bytes
from .diffusion import MeanRevertingSDE, sample_posterior
from .photographs import read_picture
from .reference_views import draw_view
from .restoration import as_batch
from .views import prepared, views

WINDOW = (slice(100, 388), slice(90, 410))  # of the photograph: 288 rows, 320 columns
CROP = (slice(112, 208), slice(150, 278))  # of that, for the diffusion: 96 rows, 128 columns
TIMES = (100, 75, 50, 25)
# For a network that borrows: of the photograph, less than its reference shows.
GUIDED_WINDOW = (slice(180, 276), slice(190, 310))
GUIDED_REFERENCE = 144


@torch.no_grad()
def write_check(bundle: Path, photograph: Path, native_windows: int) -> None:
    """Writes check.safetensors into a bundle, from its own float16 weights widened to float32."""
    daclip, unet, process = load_daclip(bundle), load_unet(bundle), MeanRevertingSDE()
    degraded = to_bytes(degrade(read_picture(photograph), "rainy", 1, "benchmark"))[WINDOW]
    embeddings, contents = daclip(prepared(views(degraded, native_windows)))
    degradation, content = embeddings.mean(dim=0, keepdim=True), contents[:1]
    logits = LOGIT_SCALE * F.normalize(degradation, dim=-1) @ F.normalize(daclip.label_features, dim=-1).T

    mu = torch.from_numpy(np.ascontiguousarray(degraded[CROP])).permute(2, 0, 1)[None].float() / 255
    noise = torch.randn(len(TIMES) + 1, *mu.shape, generator=torch.Generator().manual_seed(1))
    recorded = {}

    def network(state: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        suffix = f"t{int(time):03d}"
        recorded[f"state_{suffix}"] = state.clone()
        recorded[f"unet_output_{suffix}"] = unet(state, mu, time, degradation, content)
        return recorded[f"unet_output_{suffix}"]

    final = sample_posterior(process, mu, network, TIMES, lambda index: noise[index], predicts=read_prediction(bundle))
    tensors = {
        "picture": torch.from_numpy(np.ascontiguousarray(degraded)), "degradation_embedding": degradation,
        "content_embedding": content, "probabilities": logits.softmax(dim=-1), "mu": mu, "initial_noise": noise[0],
        **{f"step_noise_{index}": noise[index + 1] for index in range(len(TIMES))}, **recorded, "final": final}
    save_file({name: value.contiguous() for name, value in tensors.items()}, bundle / "check.safetensors",
              metadata={"picture": f"{photograph.name}, rainy", "crop": "150,112,128x96"})


@torch.no_grad()
def write_network_check(bundle: Path, photograph: Path, native_windows: int) -> None:
    """The same for a network of one evaluation: a picture, what it is labelled and what it becomes, as bytes."""
    daclip, network = load_daclip(bundle), load_network(bundle)
    degraded = np.ascontiguousarray(to_bytes(degrade(read_picture(photograph), "rainy", 1, "benchmark"))[WINDOW])
    embeddings, contents = daclip(prepared(views(degraded, native_windows)))
    degradation = embeddings.mean(dim=0, keepdim=True)
    logits = LOGIT_SCALE * F.normalize(degradation, dim=-1) @ F.normalize(daclip.label_features, dim=-1).T
    picture = torch.from_numpy(degraded).permute(2, 0, 1)[None].float() / 255
    result = network(picture, degradation, contents[:1]).clamp(0, 1)
    tensors = {"picture": torch.from_numpy(degraded), "probabilities": logits.softmax(dim=-1),
               "restored": (result[0].permute(1, 2, 0) * 255).round().to(torch.uint8)}
    # Told its label, the picture is restored however the network does; what it is conditioned on is the same.
    label = read_labels(bundle)[int(logits.argmax())]
    save_file({name: value.contiguous() for name, value in tensors.items()}, bundle / "check.safetensors",
              metadata={"picture": f"{photograph.name}, rainy", "degradation": label})


@torch.no_grad()
def write_guided_check(bundle: Path, photograph: Path) -> None:
    """The same for a network that borrows from a reference: a picture, its reference and what the picture becomes, as bytes."""
    network = load_guided_network(bundle)
    clean = to_bytes(read_picture(photograph))
    degraded = np.ascontiguousarray(to_bytes(degrade(read_picture(photograph), "noisy", 1, "benchmark"))[GUIDED_WINDOW])
    middle = tuple((part.start + part.stop) / 2 + 9 for part in reversed(GUIDED_WINDOW))
    reference = draw_view(clean, (GUIDED_REFERENCE, GUIDED_REFERENCE), middle, np.random.default_rng(2), clean).picture
    picture, other = (as_batch([values]) for values in (degraded, reference))
    result = network(picture, other).clamp(0, 1)
    tensors = {"picture": torch.from_numpy(degraded), "reference": torch.from_numpy(reference.copy()),
               "restored": (result[0].permute(1, 2, 0) * 255).round().to(torch.uint8).contiguous()}
    save_file(tensors, bundle / "check.safetensors", metadata={"picture": f"{photograph.name}, noisy"})
