"""Networks and sampler against recorded numbers: RESTORED_PARITY and RESTORED_MINI, else ../shared beside the repository."""

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from restored_training.daclip import DegradationAwareCLIP
from restored_training.diffusion import MeanRevertingSDE, sample_posterior
from restored_training.unet import ConditionalUNet

REPOSITORY = Path(__file__).resolve().parents[3]
PARITY = Path(os.environ.get("RESTORED_PARITY", REPOSITORY.parent / "shared/parity"))
MINI = Path(os.environ.get("RESTORED_MINI", REPOSITORY.parent / "shared/weights/mini"))
needs_parity = pytest.mark.skipif(not PARITY.is_dir(), reason=f"{PARITY} is missing")
needs_mini = pytest.mark.skipif(not MINI.is_dir(), reason=f"{MINI} is missing")


@pytest.fixture(autouse=True)
def inference():
    torch.set_num_threads(1)
    with torch.inference_mode():
        yield


def parity_json(name):
    return json.loads((PARITY / name).read_text())


def assert_close(found, file, tensor, expected, least=1e-6):
    recorded = parity_json("tolerances.json").get(file, {}).get(tensor, {})
    limit = max(10 * recorded.get("f32_vs_f64", 0), least)
    assert found.shape == expected.shape
    difference = (found - expected).abs().max().item()
    assert difference <= limit, f"{file} {tensor}: {difference} > {limit}"


def parity_unet(name):
    network = ConditionalUNet(**parity_json("config.json")[name]).eval()
    network.load_state_dict(torch.load(PARITY / f"{name}.pth", weights_only=True), strict=True)
    return network


def unet_files():
    return sorted(path.name for path in PARITY.glob("unet_*_io_*.safetensors"))


@needs_parity
@pytest.mark.parametrize("file", unet_files())
def test_unet_outputs(file):
    tensors = load_file(PARITY / file)
    network = parity_unet(file[:6])
    inputs = [tensors[f"input.{name}"] for name in ("xt", "mu", "time")]
    contexts = [tensors.get(f"input.{name}_context") for name in ("text", "image")]
    seen = {}
    for name, module in network.named_modules():
        wanted = {f"{kind}.{level}": f"{kind}{level}.output" for kind in ("downs", "ups") for level in range(network.depth)}
        parent, _, last = name.rpartition(".")
        if last == "3" and parent in wanted:
            module.register_forward_hook(lambda _, __, out, key=wanted[parent]: seen.__setitem__(key, out))
        if name == "mid_block2":
            module.register_forward_hook(lambda _, __, out: seen.__setitem__("mid.output", out))
        if name == "init_conv":
            module.register_forward_hook(lambda _, __, out: seen.__setitem__("init_conv", out))
    seen["output"] = network(*inputs, *contexts)
    compared = [key for key in seen if key in tensors]
    assert "output" in compared and "mid.output" in compared
    for key in compared:
        assert_close(seen[key], file, key, tensors[key])


@needs_parity
def test_daclip():
    config = parity_json("config.json")["daclip_small"]
    network = DegradationAwareCLIP(**config).eval()
    network.load_checkpoint(torch.load(PARITY / "daclip_small.pth", weights_only=True))
    file = "daclip_small_io.safetensors"
    tensors = load_file(PARITY / file)
    degradation, content = network(tensors["input.image"])
    key = next(k for k in tensors if k.startswith("control.projected"))
    assert_close(degradation, file, key, tensors[key])
    key = next(k for k in tensors if k.startswith("image.projected"))
    assert_close(content, file, key, tensors[key])


@needs_parity
@pytest.mark.parametrize("name", ["irsde_run_posterior", "irsde_run_posterior_sample20"])
def test_recorded_runs(name):
    tensors = load_file(PARITY / f"{name}.safetensors")
    network = parity_unet("unet_a")
    steps = len(tensors["model_times"])
    process = MeanRevertingSDE(**{**parity_json("config.json")["irsde_default"], "sample_T": steps})
    contexts = tensors["input.text_context"], tensors["input.image_context"]
    final = sample_posterior(
        process, tensors["input.mu"], lambda state, time: network(state, tensors["input.mu"], time, *contexts),
        range(steps, 0, -1), lambda k: tensors["initial_noise"] if k == 0 else tensors["step_noises"][k - 1][None],
        predicts="noise", clamp=False)
    limit = 1e-3 if steps == 100 else 1e-4
    assert (final - tensors["final"]).abs().max() < limit


@needs_mini
def test_mini_check_vectors():
    path = MINI / "config.json"
    config = json.loads((path if path.exists() else MINI / "bundle.json").read_text())
    check = load_file(MINI / "check.safetensors")

    def agrees(found, expected):
        return (found - expected).abs().max() <= 1e-5 * expected.abs().max()

    daclip = DegradationAwareCLIP(**config["daclip"], label_count=len(config["labels"])).eval()
    daclip.load_checkpoint(load_file(MINI / config["daclip"]["file"]))
    degradation, content = daclip(check["input.preprocessed"])
    assert agrees(degradation, check["degradation_embedding"]) and agrees(content, check["content_embedding"])
    assert agrees(daclip.probabilities(degradation, config["logit_scale"]), check["probabilities"])

    settings = {key: value for key, value in config["unet"].items() if key not in ("file", "sha256")}
    unet = ConditionalUNet(**settings).eval()
    unet.load_state_dict({key: value.float() for key, value in load_file(MINI / config["unet"]["file"]).items()})
    outputs = {}

    def network(state, time):
        output = unet(state, check["mu"], time, check["degradation_embedding"], check["content_embedding"])
        outputs[f"t{int(time[0]):03d}"] = (state, output)
        return output

    final = sample_posterior(
        MeanRevertingSDE(**config["diffusion"]), check["mu"], network, config["default"]["times"],
        lambda k: check["initial_noise"] if k == 0 else check[f"step_noise_{k - 1}"])
    for time, (state, output) in outputs.items():
        assert agrees(state, check[f"state_{time}"]) and agrees(output, check[f"unet_output_{time}"])
    assert agrees(final, check["final"])


@needs_parity
@pytest.mark.parametrize("title", ["unet_test_yml", "unet_wild_ir", "unet_plain_irsde", "unet_image_context_only"])
def test_official_keys_and_shapes(title):
    settings = {
        "unet_test_yml": {}, "unet_image_context_only": {"use_degra_context": False},
        "unet_wild_ir": {"context_dim": 768, "use_degra_context": False, "scale": 0.5},
        "unet_plain_irsde": {"context_dim": None, "use_degra_context": False, "use_image_context": False},
    }[title]
    with torch.device("meta"):
        network = ConditionalUNet(**settings)
    text = (PARITY / "STATE_DICTS.md").read_text().split(f"## Keys: {title}\n")[1].split("```")[1]
    expected = {line.split(" ")[0]: json.loads(line.split(" ", 1)[1]) for line in text.strip().splitlines()}
    assert {key: list(value.shape) for key, value in network.state_dict().items()} == expected
