"""What travels to the machine with the GPU, in one file, and how small it has to be."""

from __future__ import annotations

import io
import json
import random
import subprocess
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Iterable, Iterator

import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from ..bundle import read_prediction
from ..pairs import found_pairs
from ..photographs import LEAST_SIDE, REPOSITORY, lot
from . import MEBIBYTE, TRAVEL_LIMIT
from .compact import read_compact, write_compact
from .drawing_kit import art, fonts
from .state import NETWORKS, State

# Longer side and WebP quality of the photographs, the best first: the first is taken with which all fit. With the last one of them
# as many are taken as fit: the controller wants many, for it knows them by heart; the network wants sound ones, for it gives back what
# it sees in them.
DETAIL = {
    "controller": ((768, 85), (640, 80), (512, 80), (512, 75), (512, 70), (512, 65), (512, 60), (480, 60), (448, 60), (416, 60), (384, 60)),
    "network": ((768, 90), (640, 85), (512, 85), (512, 80), (480, 80), (448, 80))}
LEAST_PHOTOGRAPHS = 100
TRIED = 48  # photographs from which the size of all is told
HELD_OUT = 100  # at most; the shipped measurements are made at home
PAIR_QUALITY = 85
DARK = "low-light"  # its inputs stay as they are: what is lost in them is amplified
MARGIN = MEBIBYTE  # for what a transfer adds
ALL_THAT_IS_NEEDED = ("Weights/training", "Tests/Fixtures/Photographs/kodim20.png", ".gitignore")  # of the repository


@dataclass
class Packed:
    """Sizes in bytes, part by part."""

    sizes: dict[str, int] = field(default_factory=dict)

    def total(self) -> int:
        return sum(self.sizes.values())


class Pack:
    """A file that is being written: photographs come last, because they take what is left."""

    def __init__(self, path: Path, limit: int):
        self.path, self.limit, self.packed = path, limit, Packed()
        self.temporary = path.with_name(path.name + ".part")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.archive = zipfile.ZipFile(self.temporary, "w", zipfile.ZIP_STORED)

    def add(self, part: str, files: Iterable[tuple[str, bytes]]) -> int:
        """Returns how many there were."""
        count = 0
        for name, content in files:
            self.archive.writestr(zipfile.ZipInfo(name), content)
            # A name stands there twice, with 76 bytes of numbers each time.
            self.packed.sizes[part] = self.packed.sizes.get(part, 0) + len(content) + 2 * (len(name) + 76)
            count += 1
        return count

    def room(self) -> int:
        return self.limit - self.packed.total()

    def close(self) -> Packed:
        self.archive.close()
        if (size := self.temporary.stat().st_size) > self.limit:
            self.temporary.unlink()
            raise ValueError(f"{size:,} bytes where {self.limit:,} are left: {self.packed.sizes}")
        self.temporary.replace(self.path)
        return self.packed


def bundle_files(bundle: Path, of: str) -> Iterator[tuple[str, bytes]]:
    """The networks that are needed to train one: for the controller not the restoration network, which follows it at home."""
    yield "bundle/bundle.json", (bundle / "bundle.json").read_bytes()
    for network in ("daclip",) if of == "controller" else NETWORKS.values():
        weights = load_file(bundle / json.loads((bundle / "bundle.json").read_text())[network]["file"])
        with tempfile.TemporaryDirectory() as folder:
            write_compact(Path(folder) / network, weights, {})
            yield f"bundle/{network}.compact", (Path(folder) / network).read_bytes()


def state_file(state: State, bundle: Path) -> tuple[str, bytes]:
    """The state, less its weights where they are the bundle's own."""
    theirs = load_file(bundle / json.loads((bundle / "bundle.json").read_text())[NETWORKS[state.of]]["file"])
    is_same = theirs.keys() == state.weights.keys() and all(
        torch.equal(theirs[name].half(), state.weights[name].half()) for name in theirs)
    weights = {} if is_same else state.weights
    with tempfile.TemporaryDirectory() as folder:
        State(state.of, weights, state.step, state.seconds, state.history).write(Path(folder) / "state")
        return "state", (Path(folder) / "state").read_bytes()


def as_webp(path: Path, side: int, quality: int) -> bytes:
    """A photograph of at most `side` pixels along its longer side, but never less than what is trained on along the other."""
    with Image.open(path) as file:
        picture = file.convert("RGB")
    scale = min(1, max(side / max(picture.size), LEAST_SIDE / min(picture.size)))
    if scale < 1:
        picture = picture.resize(tuple(max(LEAST_SIDE, round(length * scale)) for length in picture.size), Image.LANCZOS)
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=quality)
    return file.getvalue()


def pair_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for pair in found_pairs(folder):
        for side, path in (("lq", pair.degraded), ("gt", pair.clean)):
            content = path.read_bytes()
            if pair.label != DARK or side == "gt":
                content = min(content, as_webp(path, 1 << 16, PAIR_QUALITY), key=len)
            # The ending is that of the pair's first name: the reader looks at what is in a file.
            yield f"pairs/{pair.label}/{side}/{pair.degraded.stem}.webp", content


def photograph_files(folder: str, paths: list[Path], side: int, quality: int) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        yield f"{folder}/{path.parent.name}-{path.stem}.webp", as_webp(path, side, quality)


def chosen_detail(of: str, paths: list[Path], room: int) -> tuple[int, int, int]:
    """The most detail with which they fit, told from some of them, and how many of them do. Throws a ValueError where too few do."""
    some = random.Random(0).sample(paths, min(TRIED, len(paths)))
    # Of some tens, the mean is sure to a few parts in a hundred.
    doubt = 1.04 if len(some) < len(paths) else 1
    for side, quality in DETAIL[of]:
        expected = doubt * sum(len(as_webp(path, side, quality)) + 250 for path in some) / len(some)
        if expected * len(paths) < room:
            return side, quality, len(paths)
    count = int(max(0, room) / expected)
    if count < min(LEAST_PHOTOGRAPHS, len(paths)):
        raise ValueError(f"{max(0, room):,} bytes are left for photographs, room for {count} of {len(paths)}")
    return side, quality, count


def pack(path: Path, of: str, training: list[Path], held_out: list[Path], pairs: Path | None, bundle: Path, state: State | None, limit: int,
         say: Callable[[str], None] = print) -> Packed:
    """Writes the pack, of at most `limit` bytes. Throws a ValueError where that is too little, or the bundle
    predicts noise, and leaves what was there before."""
    if read_prediction(bundle) != "clean":
        raise ValueError(f"{bundle} predicts noise, and here networks learn the clean picture: Weights/training/train does both")
    writing = Pack(path, limit)
    writing.add("bundle", bundle_files(bundle, of))
    if state:
        writing.add("state", [state_file(state, bundle)])
    say(f"drawing kit: {writing.add('fonts', fonts())} fonts, {writing.add('clip art', art())} pieces of clip art")
    if pairs:
        say(f"pairs: {writing.add('pairs', pair_files(pairs)) // 2}")
    # By lot, so that the first ones are some of every source.
    training, held_out = (sorted(paths, key=lambda photograph: lot(photograph.name)) for paths in (training, held_out))
    held_out = held_out[:HELD_OUT]
    side, quality, count = chosen_detail(of, [*held_out, *training], writing.room() - 4096)
    training = training[:count - len(held_out)]
    say(f"photographs: {len(training)} to train on and {len(held_out)} held out, of at most {side} pixels at quality {quality}")
    writing.add("photographs", photograph_files("photographs", training, side, quality))
    writing.add("held out", photograph_files("held-out", held_out, side, quality))
    about = {"of": of, "photographs": len(training), "heldOut": len(held_out), "side": side, "quality": quality}
    writing.add("index", [("pack.json", json.dumps(about).encode())])
    return writing.close()


def unpacked(path: Path, of: str, folder: Path) -> Path:
    """The pack's files in a folder, the bundle's among them as they were. Throws a ValueError where it is no pack to train this with."""
    if not zipfile.is_zipfile(path) or "pack.json" not in zipfile.ZipFile(path).namelist():
        raise ValueError(f"{path} is no pack")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    if (packed := json.loads((folder / "pack.json").read_text()).get("of")) != of:
        raise ValueError(f"{path} was packed to train the {packed}, not the {of}")
    configuration = json.loads((folder / "bundle/bundle.json").read_text())
    for network in (path.stem for path in (folder / "bundle").glob("*.compact")):
        weights, _ = read_compact(folder / f"bundle/{network}.compact")
        save_file(weights, folder / "bundle" / configuration[network]["file"])
    return folder


def repository_bytes(paths: Iterable[str] = ()) -> int:
    """Of what git has of the checkout or would take, at these paths or everywhere."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *paths], cwd=REPOSITORY,
                            capture_output=True, check=True).stdout
    files = (REPOSITORY / name.decode() for name in listed.split(b"\0") if name)
    return sum(file.lstat().st_size for file in files if file.is_symlink() or file.exists())


def room_for_pack(whole_repository: bool) -> int:
    """What the limit leaves beside the repository, or beside the part of it that is needed there."""
    return TRAVEL_LIMIT - MARGIN - repository_bytes(() if whole_repository else ALL_THAT_IS_NEEDED)


def leaving_behind() -> tuple[str, str]:
    """Two commands for the root of a checkout without changes: what the machine needs nothing of goes, and comes back."""
    others = ". " + " ".join(f"':!{path}'" for path in ALL_THAT_IS_NEEDED)
    return f"git rm -r -q -- {others}", f"git restore --staged --worktree -- {others}"
