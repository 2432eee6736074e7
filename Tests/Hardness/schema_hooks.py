"""Gives schemathesis pictures where the description can only say that there are bytes."""

import os
import pathlib
import re
import urllib.request

import schemathesis
from hypothesis import strategies

PICTURES = pathlib.Path(os.environ["PICTURES"])


def one_of(*names):
    return strategies.sampled_from([(PICTURES / name).read_bytes() for name in names])


schemathesis.openapi.media_type("image/png", one_of("source.png"))
schemathesis.openapi.media_type("image/jpeg", one_of("rgb.jpg", "grey.jpg", "cmyk.jpg"))
schemathesis.openapi.media_type("application/octet-stream", one_of("source.png", "rgb.jpg", "arithmetic.jpg"))


@schemathesis.hook
def before_call(context, case, kwargs):
    """An id of the right form becomes that of a job of its own, since no made up one is ever known."""
    if re.fullmatch("[0-9a-f]{48}", str((case.path_parameters or {}).get("id", ""))):
        request = urllib.request.Request(
            os.environ["SERVICE"] + "/restore?steps=1", (PICTURES / "source.png").read_bytes(),
            {"Content-Type": "image/png", "Prefer": "respond-async"})
        with urllib.request.urlopen(request) as answer:
            case.path_parameters["id"] = answer.headers["Location"].removeprefix("/jobs/")
