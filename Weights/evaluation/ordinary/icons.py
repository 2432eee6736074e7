"""Pictures that Debian's packages bring: icons, clip art and stamps, as files or as drawings made large by rsvg-convert."""

from __future__ import annotations

import io
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from restored_training.ordinary.drawings import HELD_OUT_CLIP_ART
from restored_training.photographs import lot

SHARE = Path("/usr/share")
STAMPS = SHARE / "tuxpaint/stamps"
CLIP_ART = SHARE / "openclipart/svg"
ICON_THEMES = [SHARE / "icons/oxygen/base/256x256", SHARE / "icons/oxygen/base/128x128", SHARE / "icons/Tango/scalable"]
EMOJI = SHARE / "fonts/truetype/noto/NotoColorEmoji.ttf"
EMOJI_SIDE = 109  # the one size that the font holds


def rasterised(svg: Path | bytes, side: int) -> Image.Image:
    """A drawing whose longer side has so many pixels, on nothing."""
    data = svg.read_bytes() if isinstance(svg, Path) else svg
    command = ["rsvg-convert", "--width", str(side), "--height", str(side), "--keep-aspect-ratio"]
    with Image.open(io.BytesIO(subprocess.run(command, input=data, capture_output=True, check=True).stdout)) as file:
        return file.convert("RGBA")


def missing_rasteriser() -> str:
    return "" if shutil.which("rsvg-convert") else "librsvg2-bin"


@lru_cache
def icon_files() -> list[Path]:
    return ([path for theme in ICON_THEMES for path in sorted(theme.rglob("*"))
        if path.suffix in (".png", ".svg") and not path.is_symlink()])


@lru_cache
def clip_art_files() -> list[Path]:
    """Not those that may be trained on, and not those of which there are more than a hundred alike."""
    left_out = ({"stars", "action", "actions", "gradients", "map_symbols", "aiga-symbols", "led", "white", "bordered",
        "patterns"})
    held_out = (path for path in sorted(CLIP_ART.rglob("*.svg")) if lot(f"{path.stem}.png") < HELD_OUT_CLIP_ART)
    return [path for path in held_out
            if path.parent.name not in left_out and not path.is_symlink() and 2_000 < path.stat().st_size < 600_000]


@lru_cache
def photographic_stamps() -> list[Path]:
    """Cut-outs of photographs: many colours, much that is transparent, and large enough."""
    chosen = []
    for path in sorted(STAMPS.rglob("*.png")):
        if {"symbols", "cartoon", "naturalforces", "houses"} & set(path.parts) or path.stem.endswith("mirror"):
            continue
        with Image.open(path) as file:
            picture = np.asarray(file.convert("RGBA"))
        solid = picture[picture[..., 3] > 250][:, :3].astype(np.int64) @ [65536, 256, 1]
        if min(picture.shape[:2]) >= 90 and max(picture.shape[:2]) >= 160 and (picture[..., 3] < 8).mean() > 0.05:
            if len(np.unique(solid)) > max(2500, len(solid) / 25):
                chosen.append(path)
    return chosen
