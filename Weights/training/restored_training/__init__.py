"""Networks, diffusion and data that the shipped weights are trained with."""
