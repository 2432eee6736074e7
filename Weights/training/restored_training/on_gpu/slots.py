"""Rounds side by side in a device's memory; when it is full, a new one takes the place of the oldest."""

from __future__ import annotations

import torch
from torch import Tensor


class Slots:
    def __init__(self, capacity: int, device: torch.device):
        """`capacity` in bytes; there is room for one round at least."""
        self.capacity, self.device = capacity, device
        self.values: dict[str, Tensor] = {}
        self.count = self.filled = self.taken = 0

    def add(self, round_: dict[str, Tensor]) -> int:
        """Keeps a round, and returns its place. All rounds are of the first one's names, shapes and types."""
        if not self.values:
            size = sum(value.numel() * value.element_size() for value in round_.values())
            self.count = max(1, self.capacity // size)
            self.values = {name: torch.empty((self.count, *value.shape), dtype=value.dtype, device=self.device)
                           for name, value in round_.items()}
        place = self.taken % self.count
        for name, value in round_.items():
            self.values[name][place].copy_(value)
        self.taken += 1
        self.filled = min(self.taken, self.count)
        return place
