"""A tiny random VideoMAE v2 in the layout of the official file, and in transformers' names."""

from pathlib import Path

import torch
from torch import Tensor

from models.numbers import filled
from rareworld.models.video_vit import VideoVit, VitShape

TINY = VitShape(width=32, depth=2, heads=2, hidden=48, patch=14, frames=4, size=28)


def official_state() -> dict[str, Tensor]:
    """Return random weights as published: queries and values with biases, no positions."""
    with torch.device("meta"):
        net = VideoVit(TINY, pooled=True)
        shapes = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    del shapes["pos_embed"]
    for block in range(TINY.depth):
        del shapes[f"blocks.{block}.attn.qkv.bias"]
        shapes |= {f"blocks.{block}.attn.{name}_bias": (TINY.width,) for name in "qv"}
    return filled(shapes | {"head.weight": (174, 32), "head.bias": (174,)})


def official_file(path: Path, state: dict[str, Tensor] | None = None) -> Path:
    torch.save({"module": state or official_state()}, path)
    return path
