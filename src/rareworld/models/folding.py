"""Batch normalisation of a trained network folded into the convolution before it.

A convolution w and y = gamma (w * x - mean) / sqrt(var + eps) + beta are one convolution with bias:
w' = gamma w / sqrt(var + eps), b' = beta - gamma mean / sqrt(var + eps), worked out in float64. It
saves two passes over every activation. Proved in `tests/models/test_folding.py`.
"""

from jaxtyping import Float32
from torch import Tensor


def folded(
    weight: Float32[Tensor, "o *shape"],
    mean: Float32[Tensor, " o"],
    var: Float32[Tensor, " o"],
    beta: Float32[Tensor, " o"],
    *,
    eps: float,
    gamma: Float32[Tensor, " o"] | None = None,
) -> tuple[Float32[Tensor, "o *shape"], Float32[Tensor, " o"]]:
    """Return weight and bias of the one convolution; gamma is 1 where a network has none."""
    scale = (var.double() + eps).rsqrt()
    if gamma is not None:
        scale = scale * gamma.double()
    shape = (-1, *(1 for _ in weight.shape[1:]))
    return (
        (weight.double() * scale.reshape(shape)).float(),
        (beta.double() - mean.double() * scale).float(),
    )
