"""Tiny checkpoints with a projection that fits the tiny Reason1."""

from pathlib import Path

import torch

from models.text import tiny
from rareworld.models.cosmos_predict.config import NetConfig
from rareworld.models.cosmos_predict.weights.shapes import parameter_shapes


def write_checkpoint(path: Path, *, seed: int = 0, projected: bool = True) -> Path:
    """Write an upstream `.pt` of a tiny Predict2.5, or of a tiny Predict2."""
    net = NetConfig(
        width=32,
        num_blocks=1,
        num_heads=1,
        adaln_dim=8,
        context_dim=16,
        raw_context_dim=tiny.LAYERS * tiny.CHANNELS if projected else None,
        timestep_scale=0.001 if projected else 1.0,
        fp32_modulation=projected,
    )
    random = torch.Generator().manual_seed(seed)
    state = {
        f"net.{name}": torch.randn(shape, generator=random) / 10
        for name, shape in parameter_shapes(net).items()
    }
    torch.save(state, path)
    return path
