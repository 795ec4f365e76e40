"""AdamW and gradient clipping, for whole weights and for weights that ranks share (FSDP2).

AdamW is torch's, fused where all weights are on a GPU. Upstream has one group, so both factors of
an adapter decay; `decay_vectors=False` spares norms and biases when all weights are trained.
Predict2 trains with betas (0.9, 0.99), decay 0.1 and norm 1; Predict2.5 with (0.9, 0.999), 1e-3
and 0.1 (`UPSTREAM`).

A gradient that is no finite number is set to zero, as upstream does, and counted, as it does not.
The norm is that of the whole network after that, over all ranks. The usual case costs one pass
over the gradients: only a norm that is not finite is looked into.

Source: Loshchilov and Hutter 2019; Pascanu et al. 2013; cosmos-predict2, `utils/optim_instantiate`
and `callbacks/grad_clip.py`; cosmos-predict2.5, `model_2B_reason_1p1_rectified_flow.py`.
Proved in `tests/train/test_optimizer.py`, on two processes too.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import final

import torch
import torch.distributed as dist
from jaxtyping import Float64
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Placement

from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.config import Objective
from rareworld.train.config import AdamWConfig

UPSTREAM = {
    Objective.EDM_FLOW: AdamWConfig(betas=(0.9, 0.99), weight_decay=0.1, clip=1.0),
    Objective.FLOW: AdamWConfig(betas=(0.9, 0.999), weight_decay=1e-3, clip=0.1),
}
"""Optimizer of each generation's adapters; full training of Predict2.5 has lr 3e-5."""

Sharing = tuple[DeviceMesh, tuple[Placement, ...]]
"""How ranks share a tensor."""


def make_optimizer(parameters: Iterable[nn.Parameter], config: AdamWConfig) -> torch.optim.AdamW:
    """Return AdamW over the parameters that need gradients.

    Raises:
        ConfigError: If none does.
    """
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    if not trained:
        raise ConfigError(
            "nothing to train: no parameter needs a gradient; look at adapter.targets"
        )
    spared = [] if config.decay_vectors else [p for p in trained if p.ndim < 2]
    spared_ids = {id(parameter) for parameter in spared}
    groups = [
        {"params": [p for p in trained if id(p) not in spared_ids]},
        {"params": spared, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=config.lr,
        betas=config.betas,
        eps=config.eps,
        weight_decay=config.weight_decay,
        fused=all(parameter.device.type == "cuda" for parameter in trained),
    )


@final
@dataclass(frozen=True)
class GradientReport:
    """What clipping found."""

    norm: float
    """Norm of the gradient over all ranks before clipping, of its finite values alone."""
    nonfinite: int
    """Values that were no finite numbers and were set to zero, over all ranks."""


@torch.no_grad()
def clip_gradients(parameters: Iterable[nn.Parameter], max_norm: float) -> GradientReport:
    """Zero what is not finite, then scale the gradient down to a norm of at most `max_norm`.

    Every rank of a mesh that shares a parameter must call it. A parameter without a gradient counts
    as zero. Gradients of parameters that are whole on every rank must be the same there already.

    Raises:
        ConfigError: If there is no parameter.
    """
    groups = _by_sharing(parameters)
    if not groups:
        raise ConfigError("no parameter to clip the gradient of")
    norm, nonfinite = _norm(groups), 0
    if not math.isfinite(norm):  # also where squares of finite values leave float32
        nonfinite = int(sum(_summed(_zero_nonfinite(g), g) for g in groups))
        norm = _norm(groups, wide=True)
    scale = max_norm / (norm + 1e-6)
    if scale < 1:
        for group in groups:
            # one kernel for all; torch's own clipping calls it by this name
            torch._foreach_mul_(group.gradients, scale)  # pyright: ignore[reportPrivateImportUsage]
    return GradientReport(norm, nonfinite)


def local(tensor: Tensor) -> Tensor:
    """Return a tensor, or this rank's part of one that ranks share, in its own memory."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


@final
@dataclass(frozen=True)
class _Group:
    """Gradients of one type that the same ranks share in the same way."""

    sharing: Sharing | None
    dtype: torch.dtype
    device: torch.device
    gradients: list[Tensor] = field(default_factory=list)
    """This rank's parts."""


def _by_sharing(parameters: Iterable[nn.Parameter]) -> list[_Group]:
    """Return gradients by how they are shared, in an order that is the same on all ranks."""
    groups: dict[tuple[Sharing | None, torch.dtype], _Group] = {}
    for parameter in parameters:
        data = parameter.data
        sharing = (data.device_mesh, data.placements) if isinstance(data, DTensor) else None
        group = groups.setdefault(
            (sharing, data.dtype), _Group(sharing, data.dtype, local(data).device)
        )
        if parameter.grad is not None:
            group.gradients.append(local(parameter.grad))
    return list(groups.values())


def _norm(groups: Sequence[_Group], *, wide: bool = False) -> float:
    """Return the norm of all gradients over all ranks; wide squares are taken in float64."""
    return math.sqrt(sum(_summed(_square(group, wide=wide), group) for group in groups))


def _square(group: _Group, *, wide: bool) -> Float64[Tensor, ""]:
    dtype = torch.promote_types(group.dtype, torch.float64 if wide else torch.float32)
    norm = nn.utils.get_total_norm([gradient.to(dtype) for gradient in group.gradients])
    return norm.to(group.device, torch.float64).square()


def _zero_nonfinite(group: _Group) -> Float64[Tensor, ""]:
    """Set what is not finite to zero; return how many values that were on this rank."""
    count = torch.zeros((), dtype=torch.float64, device=group.device)
    for gradient in group.gradients:
        count += gradient.numel() - gradient.isfinite().sum()
        gradient.nan_to_num_(nan=0.0, posinf=0.0, neginf=0.0)
    return count


def _summed(part: Float64[Tensor, ""], group: _Group) -> float:
    """Return the sum of a number over the ranks that share a group's tensors."""
    if group.sharing is not None:
        mesh, placements = group.sharing
        for axis, placement in enumerate(placements):
            if placement.is_shard():
                dist.all_reduce(part, group=mesh.get_group(axis))
    return float(part)
