"""VideoMAE v2's published weights: the official `vit_g_hybrid_pt_1200e_ssv2_ft.pth`.

A state dict under `module` (or `model`); queries and values have biases, keys none; positions are
not stored but computed (the sines of "Attention is all you need", position by position). Proved in
`tests/models/videomae/test_weights.py`.
"""

import math
from pathlib import Path

import torch
from jaxtyping import Float32
from torch import Tensor

from rareworld.models.find import Published, find_weights
from rareworld.models.packaged import WeightsRecord, given_record
from rareworld.models.states import fill, load_state
from rareworld.models.video_vit import VideoVit, VitShape

VIT_G = VitShape(width=1408, depth=40, heads=16, hidden=int(1408 * 48 / 11), patch=14)
FILE = "vit_g_hybrid_pt_1200e_ssv2_ft.pth"
PUBLISHED = Published(
    what="VideoMAE v2 ViT-g SSv2 (CD-FVD)",
    repo_id="ByteDance/LatentSync-1.6",
    files=(f"auxiliary/{FILE}",),
)
"""A mirror that asks for no account, 2 GB or more; OpenGVLab gives the file out after a form."""
_SHELLS = ("model", "module")


def videomae_file(given: Path | None) -> tuple[Path, WeightsRecord]:
    """Return the weights file and its record: the path given, a cache, or the hub.

    Raises:
        FormatError: If it cannot be had, naming where it is.
    """
    found = find_weights(PUBLISHED, given)
    path = found if given is not None else found / PUBLISHED.files[0]
    record = given_record(path, what=PUBLISHED.what)
    if given is None:
        origin = f"hub {PUBLISHED.repo_id}"
        record = WeightsRecord(name=record.name, sha256=record.sha256, origin=origin)
    return path, record


def read_videomae(path: Path, shape: VitShape = VIT_G) -> VideoVit:
    """Return the network with the weights of a file.

    Raises:
        FormatError: If the file is damaged, of another format or of another network.
    """
    state = {name: value.float() for name, value in load_state(path, _SHELLS).items()}
    ours = {name: value for name, value in state.items() if not name.startswith("head.")}
    for block in range(shape.depth):
        _join_biases(ours, f"blocks.{block}.attn.")
    ours["pos_embed"] = sines(shape.tokens, shape.width)[None]
    with torch.device("meta"):
        net = VideoVit(shape, pooled=True)
    fill(net, ours, source=str(path))
    return net


def _join_biases(state: dict[str, Tensor], attention: str) -> None:
    """Replace biases of queries and values by one of all three; without them `fill` tells."""
    query, value = (state.pop(f"{attention}{name}_bias", None) for name in "qv")
    if query is not None and value is not None:
        state[f"{attention}qkv.bias"] = torch.cat((query, torch.zeros_like(query), value))


def sines(count: int, width: int) -> Float32[Tensor, "l c"]:
    """Return positions: sines in even places, cosines in odd, worked out in float64."""
    pair = torch.arange(width) // 2
    rate = torch.exp(-math.log(10000.0) * 2 * pair.double() / width)
    angle = torch.arange(count).double()[:, None] * rate
    return torch.where(torch.arange(width) % 2 == 0, angle.sin(), angle.cos()).float()
