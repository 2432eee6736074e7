"""What the image encoder looks at: the picture shrunk as CLIP does it, and windows of it at their native resolution.

Shrinking a large photograph wipes out noise and JPEG blocks; the windows keep them. The degradation embedding of a picture
is the mean over its views, none of them normalised, so that a view that shows more weighs more.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .daclip import IMAGE_DEVIATION, IMAGE_MEAN

SIDE = 224
# Places of the native windows as shares of the room there is, (down, right): the middle, then the quarters.
WINDOW_PLACES = ((0.5, 0.5), (0.25, 0.25), (0.75, 0.75), (0.25, 0.75), (0.75, 0.25))
NATIVE_WINDOWS = len(WINDOW_PLACES)  # that the bundles written here ask for


def half_to_even(value: float) -> int:
    return int(np.rint(value))


def whole_view(picture: np.ndarray) -> np.ndarray:
    """Bytes (height, width, 3) to the middle (224, 224, 3): the shorter side resized to 224, bicubic, antialiased."""
    height, width = picture.shape[:2]
    short, long = min(height, width), max(height, width)
    longer = int(SIDE * long / short)
    size = (SIDE, longer) if width <= height else (longer, SIDE)
    resized = np.asarray(Image.fromarray(picture).resize(size, Image.BICUBIC))
    top, left = half_to_even((resized.shape[0] - SIDE) / 2), half_to_even((resized.shape[1] - SIDE) / 2)
    return resized[top:top + SIDE, left:left + SIDE]


def window(picture: np.ndarray, down: float, right: float) -> np.ndarray:
    """A native window whose corner stands at shares of the room left for it."""
    top = half_to_even((picture.shape[0] - SIDE) * down)
    left = half_to_even((picture.shape[1] - SIDE) * right)
    return picture[top:top + SIDE, left:left + SIDE]


def views(picture: np.ndarray, native_windows: int) -> list[np.ndarray]:
    """The whole first, then the windows; none of those where a side is under 224 pixels."""
    found = [whole_view(picture)]
    if min(picture.shape[:2]) >= SIDE:
        found += [window(picture, *place) for place in WINDOW_PLACES[:native_windows]]
    return found


def prepared(pictures: list[np.ndarray]) -> Tensor:
    """Byte pictures of 224 x 224 as the encoder takes them: (B, 3, 224, 224)."""
    values = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float()
    mean, deviation = torch.tensor(IMAGE_MEAN), torch.tensor(IMAGE_DEVIATION)
    return values.div_(255).sub_(mean[:, None, None]).div_(deviation[:, None, None])
