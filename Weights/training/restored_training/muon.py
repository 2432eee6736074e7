"""Muon (Jordan et al., 2024) for matrices and convolutions, AdamW for everything else, as one optimiser."""

from __future__ import annotations

import torch
from torch import Tensor, nn

NEWTON_SCHULZ_STEPS = 5
# The quintic's coefficients: steepest at zero among those that keep singular values near one.
A, B, C = 3.4445, -4.7750, 2.0315
RMS_SHARE = 0.2
REST_SHARE = 0.3


def orthogonalised(gradient: Tensor) -> Tensor:
    """About the nearest matrix of orthonormal rows or columns, by Newton-Schulz iteration; of a convolution's kernel as a matrix."""
    return nearly_orthonormal(gradient.flatten(1)).view_as(gradient)


def nearly_orthonormal(matrices: Tensor) -> Tensor:
    """The same of one matrix or a stack of them, (..., rows, columns)."""
    x = matrices.bfloat16()
    is_tall = x.shape[-2] > x.shape[-1]
    x = x.mT if is_tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(NEWTON_SCHULZ_STEPS):
        product = x @ x.mT
        x = A * x + (B * product + C * product @ product) @ x
    return (x.mT if is_tall else x).float()


class MuonWithAdamW:
    """`rate` is the learning rate of the matrices; the rest takes 0.3 of it. State is kept in fp32."""

    def __init__(self, module: nn.Module, rate: float, momentum: float = 0.95, decay: float = 0.0):
        parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
        self.matrices = [parameter for parameter in parameters if parameter.ndim >= 2 and min(parameter.flatten(1).shape) > 4]
        chosen = {id(parameter) for parameter in self.matrices}
        rest = [parameter for parameter in parameters if id(parameter) not in chosen]
        self.rate, self.momentum, self.decay = rate, momentum, decay
        self.velocities = [torch.zeros_like(parameter) for parameter in self.matrices]
        on_gpu = {parameter.device.type for parameter in parameters} == {"cuda"}
        self.rest = torch.optim.AdamW(rest, lr=REST_SHARE * rate, betas=(0.9, 0.99), weight_decay=decay, fused=on_gpu or None)
        self.groups = self._groups(on_gpu)

    @torch.no_grad()
    def step(self, share: float = 1) -> None:
        """One update at a share of the full rate; gradients are cleared."""
        rate = self.rate * share
        for places in self.groups:
            self._step_alike([place for place in places if self.matrices[place].grad is not None], rate)
        for group in self.rest.param_groups:
            group["lr"] = REST_SHARE * rate
        self.rest.step()
        self.rest.zero_grad(set_to_none=True)

    def _groups(self, on_gpu: bool) -> list[list[int]]:
        """Places of matrices that are updated together: on a GPU those of one shape, in one stack; a processor gains nothing by it."""
        by_shape: dict[tuple, list[int]] = {}
        for place, matrix in enumerate(self.matrices):
            by_shape.setdefault((*matrix.flatten(1).shape, None if on_gpu else place), []).append(place)
        return list(by_shape.values())

    def _step_alike(self, places: list[int], rate: float) -> None:
        if not places:
            return
        matrices, velocities = ([values[place] for place in places] for values in (self.matrices, self.velocities))
        gradients = [matrix.grad for matrix in matrices]
        torch._foreach_lerp_(velocities, gradients, 1 - self.momentum)
        ahead = [values.flatten(1) for values in torch._foreach_lerp(gradients, velocities, self.momentum)]
        updates = nearly_orthonormal(torch.stack(ahead)) if len(ahead) > 1 else [nearly_orthonormal(ahead[0])]
        rows, columns = ahead[0].shape
        if self.decay:
            torch._foreach_mul_(matrices, 1 - rate * self.decay)
        # Every entry moves by about RMS_SHARE of the rate, whatever the matrix's shape.
        moves = [update.view_as(matrix) for update, matrix in zip(updates, matrices)]
        torch._foreach_add_(matrices, moves, alpha=-rate * RMS_SHARE * max(rows, columns) ** 0.5)
        for matrix in matrices:
            matrix.grad = None

    def state_dict(self) -> dict:
        return {"velocities": self.velocities, "rest": self.rest.state_dict()}

    def load_state_dict(self, state: dict) -> None:
        for velocity, saved in zip(self.velocities, state["velocities"], strict=True):
            velocity.copy_(saved)
        self.rest.load_state_dict(state["rest"])
