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
    """About the nearest matrix of orthonormal rows or columns, by Newton-Schulz iteration."""
    x = gradient.flatten(1).bfloat16()
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / (x.norm() + 1e-7)
    for _ in range(NEWTON_SCHULZ_STEPS):
        product = x @ x.T
        x = A * x + (B * product + C * product @ product) @ x
    return (x.T if tall else x).float().view_as(gradient)


class MuonWithAdamW:
    """`rate` is the learning rate of the matrices; the rest takes 0.3 of it. State is kept in fp32."""

    def __init__(self, module: nn.Module, rate: float, momentum: float = 0.95, decay: float = 0.0):
        parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
        self.matrices = [parameter for parameter in parameters if parameter.ndim >= 2 and min(parameter.flatten(1).shape) > 4]
        chosen = {id(parameter) for parameter in self.matrices}
        rest = [parameter for parameter in parameters if id(parameter) not in chosen]
        self.rate, self.momentum, self.decay = rate, momentum, decay
        self.velocities = [torch.zeros_like(parameter) for parameter in self.matrices]
        self.rest = torch.optim.AdamW(rest, lr=REST_SHARE * rate, betas=(0.9, 0.99), weight_decay=decay)

    @torch.no_grad()
    def step(self, share: float = 1) -> None:
        """One update at a share of the full rate; gradients are cleared."""
        rate = self.rate * share
        for parameter, velocity in zip(self.matrices, self.velocities):
            if parameter.grad is None:
                continue
            velocity.lerp_(parameter.grad, 1 - self.momentum)
            update = orthogonalised(parameter.grad.lerp(velocity, self.momentum))
            rows, columns = update.flatten(1).shape
            parameter.mul_(1 - rate * self.decay)
            # Every entry moves by about RMS_SHARE of the rate, whatever the matrix's shape.
            parameter.add_(update, alpha=-rate * RMS_SHARE * max(rows, columns) ** 0.5)
            parameter.grad = None
        for group in self.rest.param_groups:
            group["lr"] = REST_SHARE * rate
        self.rest.step()
        self.rest.zero_grad(set_to_none=True)

    def state_dict(self) -> dict:
        return {"velocities": self.velocities, "rest": self.rest.state_dict()}

    def load_state_dict(self, state: dict) -> None:
        for velocity, saved in zip(self.velocities, state["velocities"], strict=True):
            velocity.copy_(saved)
        self.rest.load_state_dict(state["rest"])
