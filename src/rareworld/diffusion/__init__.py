"""The mathematics of diffusion, on plain tensors."""
