"""Each family's shape and exact parameter count, from the network itself built without memory.

Proved in `tests/models/cosmos_predict/test_families.py` against the published counts.
"""

import torch

from rareworld.models.cosmos_predict.config import FAMILIES, Family, NetConfig
from rareworld.models.cosmos_predict.model import CosmosDiT


def build_on_meta(config: NetConfig) -> CosmosDiT:
    """Return a network whose tensors have shapes and no memory."""
    with torch.device("meta"):
        return CosmosDiT(config)


def count_parameters(config: NetConfig) -> int:
    """Return the exact number of parameters of a network."""
    return sum(parameter.numel() for parameter in build_on_meta(config).parameters())


def families_table() -> list[dict[str, str | int]]:
    """Return a row per family: its name, shape and exact parameter count."""
    return [_row(family) for family in FAMILIES.values()]


def _row(family: Family) -> dict[str, str | int]:
    net = family.net
    return {
        "family": family.name,
        "objective": str(family.objective),
        "width": net.width,
        "blocks": net.num_blocks,
        "heads": f"{net.num_heads} x {net.head_dim}",
        "mlp": net.mlp_ratio * net.width,
        "adaln": net.adaln_dim,
        "context": net.context_dim,
        "raw_context": net.raw_context_dim or net.context_dim,
        "rope_h_w_t": ", ".join(f"{ratio:.4g}" for ratio in net.rope_ratios),
        "parameters": count_parameters(net),
    }
