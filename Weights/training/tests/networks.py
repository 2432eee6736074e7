"""Networks for tests."""

import torch

from restored_training.bundle import UNET
from restored_training.unet import ConditionalUNet


def random_unet(**changes):
    unet = ConditionalUNet(**{**UNET, **changes})
    # A softmax over this many channels divides the prompt by as many.
    unet.prompt.data *= unet.prompt.shape[1]
    for parameter in unet.parameters():
        parameter.data += 0.03 * torch.randn_like(parameter)
    return unet
