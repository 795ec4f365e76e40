"""A tiny random V-JEPA in the layout of Meta's two checkpoints."""

from pathlib import Path

import torch
from torch import Tensor

from models.numbers import filled
from rareworld.models.video_vit import VitShape
from rareworld.models.vjepa.net import VJepa
from rareworld.models.vjepa.weights import ENCODER, PROBE

TINY = VitShape(width=32, depth=2, heads=2, hidden=128, patch=8, frames=4, size=32)


def tiny_state() -> dict[str, Tensor]:
    """Return random weights by our names, and what the original stores and does not use."""
    with torch.device("meta"):
        shapes = {name: tuple(value.shape) for name, value in VJepa(TINY).state_dict().items()}
    block = "pooler.cross_attention_block.xattn.proj"
    extra = {f"{block}.weight": (32, 32), f"{block}.bias": (32,)}
    extra |= {"linear.weight": (174, 32), "linear.bias": (174,)}
    return filled(shapes | extra)


def checkpoints(folder: Path) -> Path:
    """Write both files."""
    state = tiny_state()
    encoder = {
        "module.backbone." + name.removeprefix("encoder."): value
        for name, value in state.items()
        if name.startswith("encoder.")
    }
    probe = {"module." + n: value for n, value in state.items() if not n.startswith("encoder.")}
    folder.mkdir(parents=True, exist_ok=True)
    torch.save({"target_encoder": encoder, "epoch": 300}, folder / ENCODER)
    torch.save({"classifier": probe, "epoch": 20}, folder / PROBE)
    return folder
