"""A public generator makes a client of the description as it is served, and that client restores a picture."""

import compileall
import importlib
import io
import os
import re
import subprocess
import sys
import time

import pytest
from conftest import ROOT
from PIL import Image

PICTURE = (ROOT / "Tests/Fixtures/Images/source.png").read_bytes()

#: Pictures are bytes; to the generator only one type of media is.
SETTINGS = "content_type_overrides: {image/png: application/octet-stream, image/jpeg: application/octet-stream}\n"


@pytest.fixture(scope="module")
def generated(service, tmp_path_factory):
    folder = tmp_path_factory.mktemp("client")
    (folder / "settings.yaml").write_text(SETTINGS)
    # It formats its code with what is beside the interpreter.
    path = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    made = subprocess.run(
        [sys.executable, "-m", "openapi_python_client", "generate", "--url", service.url + "/openapi.json", "--config",
         folder / "settings.yaml", "--output-path", folder / "made"],
        cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=120)
    assert made.returncode == 0, made.stdout + made.stderr
    complaints = re.findall(r"(?:WARNING|ERROR) parsing (.*?) within", made.stdout + made.stderr)
    # It has no way to read YAML; the same stands in JSON.
    assert complaints == ["GET /openapi.yaml"], made.stdout
    package = folder / "made/restored_client"
    assert compileall.compile_dir(package, quiet=1)
    sys.path.insert(0, str(folder / "made"))
    yield importlib.import_module("restored_client")
    sys.path.remove(str(folder / "made"))


@pytest.fixture
def client(service, generated):
    return generated.Client(service.url, timeout=60)


def call(name):
    return importlib.import_module(f"restored_client.api.{name}")


def picture():
    return importlib.import_module("restored_client.types").File(io.BytesIO(PICTURE), "photo.png", "image/png")


def is_restored(answer):
    made = answer.parsed.payload.read()
    return answer.status_code == 200 and Image.open(io.BytesIO(made)).size == (61, 45) and made != PICTURE


def test_a_form_restores_a_picture(client):
    form = importlib.import_module("restored_client.models").RestoreForm(picture(), steps=2, seed="7", force=True)
    answer = call("pictures.restore").sync_detailed(client=client, body=form)
    assert is_restored(answer)
    assert answer.headers["Restored-Seed"] == "7" and answer.headers["Restored-Steps"] == "2"


def test_a_body_of_bytes_restores_a_picture(client):
    models = importlib.import_module("restored_client.models")
    answer = call("pictures.restore").sync_detailed(
        client=client, body=picture(), steps=2, force=True, format_=models.Format.JPEG, quality=80, x_request_id="generated-1")
    assert is_restored(answer)
    assert answer.headers["Content-Type"] == "image/jpeg" and answer.headers["X-Request-ID"] == "generated-1"


def test_a_job_is_followed_to_its_result(client):
    job = call("pictures.restore").sync(client=client, body=picture(), steps=3, force=True, prefer="respond-async")
    for _ in range(600):
        state = call("jobs.get_job").sync(job.id, client=client)
        if state.state.value not in ("queued", "running"):
            break
        time.sleep(0.05)
    assert state.state.value == "done", state
    assert is_restored(call("jobs.get_job_result").sync_detailed(job.id, client=client))
    assert call("jobs.delete_job").sync_detailed(job.id, client=client).status_code == 204


def test_a_picture_is_classified_and_what_there_is_is_told(client):
    found = call("pictures.classify").sync(client=client, body=picture())
    assert found.width == 61 and abs(sum(label.probability for label in found.probabilities) - 1) < 1e-3
    told = call("operations.get_capabilities").sync(client=client)
    assert found.degradation in told.bundles[0].labels and told.limits["body-limit"].text == "32MiB"


def test_a_refusal_is_a_problem_document(client):
    problem = call("pictures.restore").sync(client=client, body=picture(), steps=100_000)
    assert problem.status == 400 and "steps" in problem.detail
