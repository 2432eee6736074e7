"""A reference that is drawn from words, on the page: a choice beside the reference, and the drawing beside the result."""

import base64
import hashlib
import io
import json
import os
import shutil
from pathlib import Path

import pytest
import requests
from conftest import ROOT, Service
from PIL import Image

pytest.importorskip("selenium")
numbers = pytest.importorskip("safetensors.numpy")
from page import Page
from test_page import downloaded

SOURCE = ROOT / "Tests/Fixtures/Images/source.png"  # 61x45
RECORDED = Path(os.environ.get("RESTORED_PARITY", ROOT.parent / "shared/parity")) / "textual"
NETWORK = {"width": "width", "nf": "nf", "enc_blk_nums": "enc", "middle_blk_num": "middle", "dec_blk_nums": "dec",
           "ext_n_blocks": "ext", "reffusion_n_blocks": "fuse", "lr_block_size": "block", "dilations": "dilations",
           "ref_down_block_size": "ratio"}
DIFFUSION = {
    "unet": ["in_channels", "out_channels", "model_channels", "num_res_blocks", "channel_mult", "attention_resolutions",
             "num_head_channels", "context_dim", "use_linear_in_transformer"],
    "vae": ["in_channels", "out_ch", "ch", "ch_mult", "num_res_blocks", "z_channels", "embed_dim"],
    "text": ["width", "heads", "context_length"], "visual": ["image_size", "patch_size", "width", "layers", "head_width"]}
TOKENS = 514  # bytes and their ends, no merges, start and end


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """The recorded small networks, which draw something, whatever their words mean."""
    if not (RECORDED / "latent_diffusion.safetensors").exists():
        pytest.skip(f"{RECORDED} is not there")
    folder, sizes = tmp_path_factory.mktemp("words"), json.loads((RECORDED / "config.json").read_text())

    def file(name):
        if not (folder / name).exists():
            shutil.copyfile(RECORDED / name, folder / name)
        return {"file": name, "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest()}

    def part(name):
        return {key: sizes["single_file"][name][key] for key in DIFFUSION[name] if key in sizes["single_file"][name]}

    tensors = numbers.load_file(RECORDED / "latent_diffusion.safetensors")
    embedding = "cond_stage_model.model.token_embedding.weight"
    rows = tensors[embedding]
    tensors[embedding] = rows[[row % len(rows) for row in range(TOKENS)]]
    numbers.save_file(tensors, folder / "diffusion.safetensors")
    (folder / "merges.txt").write_text("#version: none\n")
    words = {
        "mapper": file("mapper.pt"), "clean_mapper": file("clean_mapper.pt"), "merges": file("merges.txt"), "template": "a S",
        "latent": sizes["guidance"]["latent"], "default": {"sampler": "ddim", "steps": 4, "guidance": 2},
        "diffusion": file("diffusion.safetensors"), "unet": part("unet"), "vae": part("vae"),
        "text": part("text") | {"layers": sizes["text"]["layers"], "vocab_size": TOKENS},
        "vision": part("visual") | file("vision.safetensors")}
    network = {key: sizes["nafnet"][own] for key, own in NETWORK.items() if own in sizes["nafnet"]}
    (folder / "bundle.json").write_text(json.dumps({
        "kind": "guided", "name": "words", "version": "1", "licence": "none: random numbers", "trainingDataTerms": "none",
        "network_g": network | {"type": "NAFNetRefFusion"} | file("nafnet_guided.pth"), "words": words}))
    return folder


@pytest.fixture(scope="module")
def drawing(program, bundle):
    service = Service(program, "--bundle", str(bundle))
    yield service
    service.stop()


def parts(answer):
    """The bodies of a multipart answer."""
    boundary = b"\r\n--" + answer.headers["Content-Type"].split("boundary=")[1].encode()
    return [part.split(b"\r\n\r\n", 1)[1] for part in (b"\r\n" + answer.content).split(boundary)[1:-1]]


def shown_drawing(page):
    text = page.run("""
        const image = document.querySelector(".drawn img"), canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
        canvas.getContext("2d").drawImage(image, 0, 0);
        return canvas.toDataURL();""")
    return Image.open(io.BytesIO(base64.b64decode(text.split(",")[1]))).convert("RGB")


def test_a_reference_is_drawn_on_demand_and_shown_beside_the_result(drawing, browser, tmp_path):
    Image.open(SOURCE).convert("RGB").save(tmp_path / "photo.png")
    with Page(browser, drawing.url) as page:
        page.until(lambda: len(page.all("#options [name=bundle] option")) == 2)
        assert not page.one("#reference").is_displayed()
        page.one("#settings summary").click()
        page.set("at-once", False)
        page.set("bundle", "words")
        page.until(lambda: page.one("#draw").is_displayed())
        # Without a drawing nothing is sampled.
        assert not page.one("[data-option=seed]").is_displayed()
        page.one("#draw").click()
        page.until(lambda: page.one("[data-option=seed]").is_displayed() and page.one("[data-option=steps]").is_displayed())
        page.set("seed", "42")
        page.choose(tmp_path / "photo.png")
        page.until_state("ready")
        page.press(".restore")
        page.until_state("done")
        assert page.one(".drawn").is_displayed() and "seed 42" in page.one(".facts").text
        assert "photo.png" in page.one(".drawn img").get_attribute("alt")
        answer = requests.post(
            drawing.url + "/restore?bundle=words&guidance=words&seed=42", data=(tmp_path / "photo.png").read_bytes(),
            headers={"Content-Type": "application/octet-stream", "Accept": "multipart/mixed"})
        restored, guidance = parts(answer)
        assert downloaded(page).read_bytes() == restored
        page.until(lambda: page.run("return document.querySelector('.drawn img').complete"))
        assert shown_drawing(page).tobytes() == Image.open(io.BytesIO(guidance)).convert("RGB").tobytes()
        # One that is chosen takes the place of the drawing.
        page.one("#reference-file").send_keys(str(SOURCE))
        page.until(lambda: not page.one("#draw").is_selected())
        page.press(".restore")
        page.until(lambda: not page.one(".drawn").is_displayed())
        page.until_state("done")
        assert "seed" not in page.one(".facts").text
