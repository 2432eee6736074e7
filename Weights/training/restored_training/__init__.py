"""Networks, diffusion and data that the shipped weights are trained with."""

from .daclip import DegradationAwareCLIP
from .diffusion import MeanRevertingSDE, sample_posterior
from .unet import ConditionalUNet

__all__ = ["ConditionalUNet", "DegradationAwareCLIP", "MeanRevertingSDE", "sample_posterior"]
