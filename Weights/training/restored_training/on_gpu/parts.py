"""What comes back, in files of at most 16 MiB: a bundle as one archive, cut where it is larger, and put together again."""

from __future__ import annotations

import io
import os
import re
import shutil
import tarfile
import tempfile
from pathlib import Path

from . import FILE_LIMIT
from .following import ABOUT, described_in, digest, finish_bundle

ARCHIVE = "bundle.tar"


def write_parts(bundle: Path, folder: Path, limit: int = FILE_LIMIT) -> list[Path]:
    """The bundle's files as FOLDER/bundle.tar.1-of-N and so on; what was there of another bundle is removed."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for path in sorted(bundle.iterdir()):
            archive.add(path, f"bundle/{path.name}")
    content = stream.getvalue()
    count = -(-len(content) // limit)
    paths = [folder / f"{ARCHIVE}.{number + 1}-of-{count}" for number in range(count)]
    # All are written before the first takes the place of what was there: who is stopped in between leaves no mixture.
    for number, path in enumerate(paths):
        path.with_name(path.name + ".part").write_bytes(content[number * limit:(number + 1) * limit])
    for path in paths:
        os.replace(path.with_name(path.name + ".part"), path)
    for other in folder.glob(f"{ARCHIVE}.*"):
        if other not in paths:
            other.unlink()
    return paths


def join_parts(folder: Path, start: Path, out: Path) -> Path:
    """OUT/bundle of the parts in a folder, and of the bundle that training began with where an encoder alone came back. Throws a
    ValueError where a part is missing or damaged.
    """
    found = {int(match[1]): (int(match[2]), path) for path in folder.iterdir()
             if (match := re.fullmatch(rf"{re.escape(ARCHIVE)}\.(\d+)-of-(\d+)", path.name))}
    counts = {count for count, _ in found.values()}
    if len(counts) != 1 or sorted(found) != list(range(1, min(counts) + 1)):
        raise ValueError(f"{folder} holds {sorted(path.name for _, path in found.values()) or 'no part'} of {ARCHIVE}, not all of one")
    content = b"".join(found[number][1].read_bytes() for number in sorted(found))
    with tempfile.TemporaryDirectory() as work:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            archive.extractall(work, filter="data")
        came_back = Path(work) / "bundle"
        if (came_back / ABOUT).exists():
            finish_bundle(came_back, start, out / "bundle")
        else:
            check_digests(came_back)
            shutil.copytree(came_back, out / "bundle", dirs_exist_ok=True)
    return out / "bundle"


def check_digests(bundle: Path) -> None:
    """Throws a ValueError where a file is not the one that bundle.json speaks of."""
    configuration = described_in(bundle)
    for network in ("daclip", "unet"):
        path = bundle / configuration[network]["file"]
        if digest(path) != configuration[network]["sha256"]:
            raise ValueError(f"{path.name} is not the file that bundle.json speaks of: damaged")
