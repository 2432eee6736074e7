"""Stage 2 for a network that predicts the noise in a state, as the official weights do, instead of the clean picture."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .diffusion import MeanRevertingSDE, sample_semi_linear
from .restoration import RestorationQuality, RestorationTraining, decibel_loss
from .unet import ConditionalUNet

# Of the bundle's default sampler, so that what is measured is what is had in use.
MEASURED_STEPS = 5
EXAMPLES_A_LABEL = 1
BEGUN_AT = 50  # the time at which a converted network begins with the noise that its clean picture means
CLEAN_ERROR = 0.006  # mean square of what is wrong with that picture: below such noise the likeliest noise is less


@torch.no_grad()
def predict_noise(unet: ConditionalUNet, process: MeanRevertingSDE, contexts: Tensor) -> None:
    """Makes of a network that predicts the clean picture one that predicts the noise, to be trained further.

    The noise is (x_t - mu - m_t (x_0 - mu)) / sigma_bar_t. The six channels with the least to say carry x_t - mu and mu from the first
    layer to the last block. There x_t - mu gets channels of its own, in which the modulation by the time multiplies it with its
    factor, right at all times; x_0 - mu is what the network gave less mu, with the factor of one time.

    `contexts` (B, C): degradation embeddings, for the factor is to be the same whatever degradation is told.
    """
    last, width = unet.final_res_block, unet.init_conv.out_channels
    middle = unet.init_conv.kernel_size[0] // 2
    carried = (unet.init_conv.weight.flatten(1).norm(dim=1) * last.res_conv.weight[:, width:].flatten(1).norm(dim=0)).argsort()[:6]
    own = unet.final_conv.weight.transpose(0, 1).flatten(1).norm(dim=1).argsort()[:9].view(3, 3)
    factor = float(process.mean_weight[BEGUN_AT] / process.sigma_bar[BEGUN_AT])
    gains = fitted_gains(unet, process, contexts)

    unet.init_conv.weight[carried] = 0
    for readers in (last.block1.proj.weight, last.res_conv.weight):
        readers[:, width + carried] = 0
    if unet.downsample is not None:
        unet.downsample.weight[:, carried] = 0
    for rows in (last.block1.proj.weight, last.block2.proj.weight, last.res_conv.weight):
        rows[own.flatten()] = 0
    last.block2.proj.weight[:, own.flatten()] = 0
    unet.final_conv.weight.mul_(-factor)
    unet.final_conv.bias.mul_(-factor)
    unet.final_conv.weight[:, own.flatten()] = 0
    modulation = last.mlp[1]
    for k in range(3):
        (state, degraded), (positive, negative, mu) = carried[[k, 3 + k]].tolist(), own[:, k].tolist()
        unet.init_conv.weight[state, k, middle, middle] = 1
        unet.init_conv.weight[degraded, 3 + k, middle, middle] = 1
        # SiLU(x) - SiLU(-x) = x: what goes through two of them takes a channel for each sign.
        for channel, sign in ((positive, 1.0), (negative, -1.0)):
            last.block1.proj.weight[channel, width + state, 1, 1] = sign
            modulation.weight[channel], modulation.bias[channel] = gains[:-1], gains[-1] - 1
            modulation.weight[width + channel], modulation.bias[width + channel] = 0, 0
            last.block2.proj.weight[channel, positive, 1, 1] = sign
            last.block2.proj.weight[channel, negative, 1, 1] = -sign
            unet.final_conv.weight[k, channel, 1, 1] = sign
        last.res_conv.weight[mu, width + degraded] = 1
        unet.final_conv.weight[k, mu, 1, 1] = factor


def fitted_gains(unet: ConditionalUNet, process: MeanRevertingSDE, contexts: Tensor) -> Tensor:
    """(time width + 1): what the modulation makes of the embedded time, and a constant, to give the factor of x_t - mu; by least
    squares of what that moves the clean picture by."""
    times = torch.arange(1, process.steps + 1)
    embedded = unet.time_mlp(times.float())[:, None] + unet.prompted(contexts)[None]
    rows = F.silu(embedded).flatten(0, 1).double()
    rows = torch.cat([rows, torch.ones(len(rows), 1, dtype=rows.dtype)], dim=1)
    signal, noise = process.mean_weight[1:], process.sigma_bar[1:]
    factors, weights = noise / (noise.square() + signal.square() * CLEAN_ERROR), noise.square() / signal
    factors, weights = (values.repeat_interleave(len(contexts))[:, None] for values in (factors, weights))
    moments, products = (rows * weights).T @ (rows * weights), (rows * weights).T @ (factors * weights)
    ridge = 1e-10 * moments.trace() / len(moments) * torch.eye(len(moments), dtype=moments.dtype)
    return torch.linalg.solve(moments + ridge, products).flatten().float()


def predicted(network: ConditionalUNet, state: Tensor, mu: Tensor, time: Tensor, contexts: Tensor) -> Tensor:
    """In float32: of what bfloat16 rounds away, the clean picture that is meant has up to 40 times as much."""
    inputs = (values.contiguous(memory_format=torch.channels_last) for values in (state, mu))
    return network(*inputs, time.to(state.device).float(), contexts[:, 0], contexts[:, 1])


class NoiseQuality(RestorationQuality):
    """Mean gain in PSNR of a few steps over held-out crops of each label, and their mean."""

    examples_a_label = EXAMPLES_A_LABEL

    def restored(self, network: ConditionalUNet, mu: Tensor, contexts: Tensor, noise: torch.Generator) -> Tensor:
        def draw(_: int) -> Tensor:
            return torch.randn(mu.shape, generator=noise).to(mu.device)

        times = [round(100 * k / MEASURED_STEPS) for k in range(MEASURED_STEPS, 0, -1)]
        return sample_semi_linear(
            MeanRevertingSDE(), mu, lambda state, time: predicted(network, state, mu, time, contexts), times, draw)


class NoiseTraining(RestorationTraining):
    """The clean picture that the noise means is what counts, at all times alike. (By IR-SDE's own loss, how far the mean of the next
    state is from the best one, a converted network unlearned in minutes what it knew of clean pictures: five steps lost 4 dB.)"""

    quality_type = NoiseQuality

    def convert(self) -> None:
        """Begins with a network that predicts the clean picture."""
        some = self.rng.choice(len(self.pool), min(50, len(self.pool)), replace=False)
        predict_noise(self.unet, self.process, self.tensor(self.contexts[some, 0]))

    def loss(self, step: int, progress: float) -> Tensor:
        clean, mu, indices = self.drawn_batch(self.side(progress))
        time = torch.from_numpy(self.rng.integers(1, self.process.steps + 1, len(indices)))
        noise = torch.randn_like(mu)
        state = self.process.noised(clean, mu, time.to(self.device), noise)
        found = predicted(self.unet, state, mu, time, self.drawn_contexts(indices))
        signal, deviation = (values.to(found)[time].view(-1, 1, 1, 1) for values in (self.process.mean_weight, self.process.sigma_bar))
        return decibel_loss(clean + (noise - found) * deviation / signal, clean)
