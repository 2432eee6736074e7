"""The mean-reverting diffusion of IR-SDE (arXiv 2301.11699) and its posterior sampler; tables in double."""

import math
from typing import Callable, Iterable

import torch
from torch import Tensor


class MeanRevertingSDE:
    def __init__(self, T: int = 100, schedule: str = "cosine", eps: float = 0.005, max_sigma: float = 50,
                 sample_T: int = -1, **_):
        steps = T if sample_T in (-1, None) else sample_T
        index = torch.arange(steps + 1, dtype=torch.float64)
        if schedule == "cosine":
            def remaining(i: Tensor) -> Tensor:
                return torch.cos((i / (steps + 2) + 0.008) / 1.008 * math.pi / 2) ** 2
            theta = 1 - remaining(index + 1) / remaining(index[:1])
        elif schedule == "linear":
            theta = torch.linspace(1e-4, 0.02, steps + 1, dtype=torch.float64) * 1000 / (steps + 1)
        elif schedule == "constant":
            theta = torch.ones_like(index)
        else:
            raise ValueError(f"unknown schedule {schedule}")
        self.steps, self.time_scale, self.lam = steps, T / steps, max_sigma / 255
        self.theta = theta
        self.cumulative = theta.cumsum(0) - theta[0]
        self.dt = float(-math.log(eps) / self.cumulative[-1])
        self.sigma = self.lam * (2 * theta).sqrt()
        self.mean_weight = torch.exp(-self.cumulative * self.dt)
        self.sigma_bar = self.lam * (-torch.expm1(-2 * self.cumulative * self.dt)).sqrt()

    def posterior(self, t: int, s: int) -> tuple[float, float, float]:
        """Factors on x_t - mu and x_0 - mu, and the deviation, of x_s."""
        c, dt = self.cumulative, self.dt
        at_start, at_end = -math.expm1(-2 * c[t] * dt), -math.expm1(-2 * c[s] * dt)
        between = -math.expm1(-2 * (c[t] - c[s]) * dt)
        ratio = float(self.mean_weight[t] / self.mean_weight[s])
        variance = self.lam**2 * between * at_end / at_start
        return ratio * at_end / at_start, float(self.mean_weight[s]) * between / at_start, math.sqrt(variance)

    def log_snr(self, t: int) -> float:
        """Infinite at t = 0."""
        return math.log(float(self.mean_weight[t] / self.sigma_bar[t])) if t > 0 else math.inf

    def clean_from_noise(self, state: Tensor, mu: Tensor, noise: Tensor, t: int) -> Tensor:
        return (state - mu - float(self.sigma_bar[t]) * noise) / float(self.mean_weight[t]) + mu

    def noised(self, clean: Tensor, mu: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """A training state: x_t given x_0, for one time a sample."""
        m = self.mean_weight.to(clean)[t].view(-1, 1, 1, 1)
        deviation = self.sigma_bar.to(clean)[t].view(-1, 1, 1, 1)
        return mu + m * (clean - mu) + deviation * noise


def sample_posterior(
    process: MeanRevertingSDE, mu: Tensor, network: Callable[[Tensor, Tensor], Tensor], times: Iterable[int],
    noise: Callable[[int], Tensor], predicts: str = "clean", clamp: bool = True,
) -> Tensor:
    """Runs the posterior sampler.

    `network(state, time)` predicts; `noise(k)` is the k-th draw, 0 for the start, k for the k-th step.
    """
    times = list(times)
    state = mu + process.lam * noise(0)
    for k, (t, s) in enumerate(zip(times, [*times[1:], 0])):
        time = torch.full((mu.shape[0],), t * process.time_scale, dtype=mu.dtype, device=mu.device)
        clean = network(state, time)
        if predicts == "noise":
            clean = process.clean_from_noise(state, mu, clean, t)
        if clamp:
            clean = clean.clamp(0, 1)
        a, b, deviation = process.posterior(t, s)
        state = mu + a * (state - mu) + b * (clean - mu)
        if s > 0:
            state = state + deviation * noise(k + 1)
    return state


def sample_semi_linear(
    process: MeanRevertingSDE, mu: Tensor, network: Callable[[Tensor, Tensor], Tensor], times: Iterable[int],
    noise: Callable[[int], Tensor], predicts: str = "noise", stochastic: bool = True, order: int = 2,
) -> Tensor:
    """Runs the semi-linear solvers (MR Sampler, arXiv 2502.07856) along the log-SNR: of the reverse SDE, or of the ODE.

    `network` and `noise` as of `sample_posterior`.
    """
    times = list(times)
    state, clean, before = mu + process.lam * noise(0), mu, None
    for k, (t, s) in enumerate(zip(times, [*times[1:], 0])):
        time = torch.full((mu.shape[0],), t * process.time_scale, dtype=mu.dtype, device=mu.device)
        previous, clean = clean, network(state, time)
        if predicts == "noise":
            clean = process.clean_from_noise(state, mu, clean, t)
        clean = clean.clamp(0, 1)
        length = process.log_snr(s) - process.log_snr(t)
        used = clean
        if order == 2 and before is not None and s > 0:
            used = clean + (clean - previous) * length / (2 * before)
        left = math.exp(-length)
        deviation = float(process.sigma_bar[s])
        share = left**2 if stochastic else left
        state = mu + deviation / float(process.sigma_bar[t]) * (share / left if left else 0) * (state - mu)
        state = state + float(process.mean_weight[s]) * (1 - share) * (used - mu)
        if stochastic and s > 0:
            state = state + deviation * math.sqrt(1 - left**2) * noise(k + 1)
        before = length
    return state
