"""Products in half precision, sums and weights in single."""

from __future__ import annotations

import torch


def half_precision(device: torch.device) -> torch.autocast:
    """Weights are cast at each use. PyTorch would keep the casts in a store that all threads share, and empties it under a lock
    whenever any of them leaves: what another is tracing goes with it, which takes the interpreter, and that one may be holding the
    interpreter while it waits for the lock."""
    return torch.autocast(device.type, torch.bfloat16, cache_enabled=False)
