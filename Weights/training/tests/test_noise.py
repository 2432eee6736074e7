"""A network that predicts noise: how it begins, what it learns from, and the solvers that it is measured with."""

import math

import numpy as np
import torch

from networks import random_unet
from restored_training.bundle import UNET, new_unet
from restored_training.diffusion import MeanRevertingSDE, sample_posterior, sample_semi_linear
from restored_training.noise import BEGUN_AT, NoiseTraining, predict_noise
from restored_training.restoration import train_unet
from restored_training.session import Budget


def test_a_converted_network_begins_with_the_noise_that_its_clean_picture_means():
    torch.manual_seed(0)
    process, unet = MeanRevertingSDE(), new_unet()
    contexts = torch.zeros(1, UNET["context_dim"])
    mu, noise = torch.rand(1, 3, 32, 32), torch.randn(1, 3, 32, 32)
    predict_noise(unet, process, contexts)
    with torch.no_grad():
        # It takes the picture for clean as it is, at any time.
        for time in (BEGUN_AT, 100):
            times = torch.tensor([time])
            found = unet(process.noised(mu, mu, times, noise), mu, times.float(), contexts, contexts)
            assert (found - noise).abs().mean() < 0.05, time


def test_a_state_is_brought_to_the_clean_picture_that_the_network_knows():
    process = MeanRevertingSDE()
    mu, clean = torch.rand(1, 3, 8, 8).double(), torch.rand(1, 3, 8, 8).double()
    draws = torch.randn(9, 1, 3, 8, 8, generator=torch.Generator().manual_seed(0)).double()

    def knowing(state, time):
        t = int(time)
        return (state - mu - process.mean_weight[t] * (clean - mu)) / process.sigma_bar[t]

    for stochastic in (False, True):
        for order in (1, 2):
            found = sample_semi_linear(process, mu, knowing, (100, 60, 30, 10), lambda k: draws[k], "noise", stochastic, order)
            assert (found - clean).abs().max() < 1e-9


def test_first_order_of_the_sde_is_the_posterior():
    process = MeanRevertingSDE()
    mu = torch.rand(1, 3, 8, 8).double()
    draws = torch.randn(9, 1, 3, 8, 8, generator=torch.Generator().manual_seed(0)).double()
    times = (100, 75, 50, 25)

    def network(state, time):
        return (state - mu).tanh() * (0.5 + time[0] / 200)

    one = sample_semi_linear(process, mu, network, times, lambda k: draws[k], "noise", True, 1)
    other = sample_posterior(process, mu, network, times, lambda k: draws[k], "noise")
    assert (one - other).abs().max() < 1e-9


def test_second_order_is_nearer_to_the_exact_end_on_normal_data():
    process, deviation = MeanRevertingSDE(), 0.1
    mu = torch.full((1, 1, 1, 1), 0.5).double()

    def best(state, time):
        t = int(time)
        m, s = float(process.mean_weight[t]), float(process.sigma_bar[t])
        return (state - mu) * s / (m * m * deviation**2 + s * s)

    last = float(process.mean_weight[100]), float(process.sigma_bar[100])
    exact = 0.5 + 0.7 * process.lam * deviation / math.sqrt(last[0] ** 2 * deviation**2 + last[1] ** 2)
    errors = {}
    for order in (1, 2):
        for steps in (25, 50, 100):
            times = [round(100 * k / steps) for k in range(steps, 0, -1)]
            found = sample_semi_linear(process, mu, best, times, lambda _: torch.full_like(mu, 0.7), "noise", False, order)
            errors[order, steps] = abs(float(found) - exact)
    assert errors[2, 100] < errors[1, 100] / 5
    for order in (1, 2):
        assert abs(math.log2(errors[order, 50] / errors[order, 100]) - order) < 0.35


def test_it_is_trained(pool, tmp_path, monkeypatch):
    contexts = np.zeros((len(pool), 2, UNET["context_dim"]), np.float32)
    monkeypatch.setattr(NoiseTraining, "quality", lambda self: {"gain": 0.0})
    unet = random_unet(nf=32, ch_mult=[1, 1])
    before = unet.final_conv.weight.detach().clone()
    train_unet(unet, (pool, contexts), (pool, contexts), tmp_path, Budget(0.001), 30_000, 0.001, 7, training_type=NoiseTraining)
    assert not torch.equal(unet.final_conv.weight, before)


def test_what_is_measured_is_what_a_few_steps_gain(pool):
    contexts = np.zeros((len(pool), 2, UNET["context_dim"]), np.float32)
    training = NoiseTraining(new_unet(), (pool, contexts), (pool, contexts), 30_000, 1)
    training.convert()
    with torch.no_grad():
        found = training.quality()
    assert math.isfinite(found["gain"])
