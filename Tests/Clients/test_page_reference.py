"""A reference on the page: its own place, there only where the weights take one, and what is sent with it."""

import base64
import hashlib
import json
import random
import struct

import pytest
import requests
from conftest import ROOT, Service
from PIL import Image

pytest.importorskip("selenium")
from page import Page
from test_page import downloaded

SOURCE = ROOT / "Tests/Fixtures/Images/source.png"  # 61x45

# The smallest network that restores with a reference: no blocks, one level below the finest.
SIZES = {
    "type": "NAFNetRefFusion", "width": 2, "enc_blk_nums": [0], "middle_blk_num": 0, "dec_blk_nums": [0], "nf": 2,
    "ext_n_blocks": [0, 0, 0], "reffusion_n_blocks": [0, 0],
}
SHAPES = {
    "intro.weight": [2, 3, 3, 3], "intro.bias": [2], "ending.weight": [3, 2, 3, 3], "ending.bias": [3],
    "downs.0.weight": [4, 2, 2, 2], "downs.0.bias": [4], "ups.0.0.weight": [8, 4, 1, 1],
    "masa_enc.conv_L1.weight": [2, 3, 3, 3], "masa_enc.conv_L1.bias": [2],
    "masa_enc.conv_L2.weight": [4, 2, 3, 3], "masa_enc.conv_L2.bias": [4],
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guided")
    numbers, header, data = random.Random(1), {}, b""
    for name, shape in SHAPES.items():
        count = 1
        for side in shape:
            count *= side
        values = struct.pack(f"<{count}f", *(numbers.uniform(-0.2, 0.2) for _ in range(count)))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    weights = struct.pack("<Q", len(text)) + text + data
    (folder / "net.safetensors").write_bytes(weights)
    (folder / "bundle.json").write_text(json.dumps({
        "kind": "guided", "name": "guided", "version": "1", "licence": "none: random numbers", "trainingDataTerms": "none",
        "network_g": SIZES | {"file": "net.safetensors", "sha256": hashlib.sha256(weights).hexdigest()}}))
    return folder


@pytest.fixture(scope="module")
def guided(program, bundle):
    service = Service(program, "--bundle", str(bundle))
    yield service
    service.stop()


def test_a_reference_is_chosen_or_dropped_sent_with_each_photograph_and_removed_again(guided, browser, tmp_path):
    picture = Image.open(SOURCE).convert("RGB")
    picture.save(tmp_path / "photo.png")
    picture.rotate(180).resize((240, 200)).save(tmp_path / "other.png")
    with Page(browser, guided.url) as page:
        page.until(lambda: len(page.all("#options [name=bundle] option")) == 2)
        page.set("bundle", "guided")
        page.until(lambda: page.one("#reference").is_displayed())
        page.choose(tmp_path / "photo.png")
        page.until_state("failed")
        assert "reference" in page.message()
        page.one("#reference-file").send_keys(str(tmp_path / "other.png"))
        page.until(lambda: "240 x 200" in page.one("#reference-note").text)
        assert page.one("#reference-shown").get_attribute("alt") == "The reference: other.png"
        page.press(".restore")
        page.until_state("done")
        shown = downloaded(page).read_bytes()
        parts = {name: (file.name, file.read_bytes()) for name, file in
                 (("image", tmp_path / "photo.png"), ("reference", tmp_path / "other.png"))}
        answer = requests.post(guided.url + "/restore?bundle=guided", files=parts)
        assert answer.status_code == 200 and answer.content == shown
        page.one("#reference-remove").click()
        page.until(lambda: not page.one("#reference-remove").is_displayed())
        page.press(".restore")
        page.until_state("failed")
        page.run("""
            const [text] = arguments;
            const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
            const data = new DataTransfer();
            data.items.add(new File([bytes], "dropped.png", { type: "image/png" }));
            for (const kind of ["dragover", "drop"]) {
              document.querySelector("#reference-note").dispatchEvent(
                new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: data }));
            }""", base64.b64encode((tmp_path / "other.png").read_bytes()).decode())
        page.until(lambda: "dropped.png" in page.one("#reference-note").text)
        assert len(page.all(".card")) == 1
        page.press(".restore")
        page.until_state("done")


def test_where_the_weights_take_no_reference_there_is_no_place_for_one(service, browser):
    with Page(browser, service.url) as page:
        page.until(lambda: page.all("#options option"))
        assert not page.one("#reference").is_displayed()
