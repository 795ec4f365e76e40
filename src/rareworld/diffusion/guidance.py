"""Classifier-free guidance, in the two conventions in use.

Both move along the line through the unconditional and the conditional estimate; they count from
different ends of it. `guide_around(..., g)` equals `guide_from(..., 1 + g)`: Cosmos's guidance 7 is
the scale 8 of most other programs.

Source: Ho and Salimans 2022; cosmos-predict2 and 2.5, their pipelines.
Proved in `tests/diffusion/test_guidance.py`.
"""

from jaxtyping import Float
from torch import Tensor


def guide_around(
    cond: Float[Tensor, "*n"], uncond: Float[Tensor, "*n"], guidance: float
) -> Float[Tensor, "*n"]:
    """Go beyond the conditional estimate: 0 is plain conditional (Cosmos)."""
    return cond + guidance * (cond - uncond)


def guide_from(
    cond: Float[Tensor, "*n"], uncond: Float[Tensor, "*n"], scale: float
) -> Float[Tensor, "*n"]:
    """Start from the unconditional estimate: 1 is plain conditional (diffusers, most papers)."""
    return uncond + scale * (cond - uncond)
