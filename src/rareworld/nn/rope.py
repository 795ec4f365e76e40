"""Rotary position embedding over latent frames, rows and columns.

Source: Su et al. 2021 (rotary), the "NTK-aware" stretch of its base for extrapolation; channels of
a head are shared out as 1/3 rows, 1/3 columns, the rest frames, and rotated half against half.
Positions count latent frames: Cosmos Predict scales nothing by the frame rate.
Proved in `tests/nn/test_rope.py` against the formula in float64 and diffusers.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from rareworld.errors import ConfigError

BASE = 10_000.0
"""Base of the frequencies before it is stretched."""


def rope_angles(
    size: tuple[int, int, int],
    head_dim: int,
    ratios: tuple[float, float, float] = (1.0, 1.0, 1.0),
    device: torch.device | None = None,
) -> Float[Tensor, "n half"]:
    """Return the angle of every token (t h w order) and channel pair, in radians and float32.

    Args:
        size: Tokens along latent frames, rows and columns.
        head_dim: Channels of a head; the angles of half as many pairs come back.
        ratios: Extrapolation along rows, columns and frames.
        device: Where to make them.

    Raises:
        ConfigError: If heads are too narrow to share out among three axes.
    """
    side = head_dim // 6 * 2
    if side < 4 or head_dim % 2:
        raise ConfigError(
            f"rotary embedding: expected heads of 12 channels or more, found {head_dim}"
        )
    rows, columns, frames = ratios
    axes = [
        _axis_angles(size[0], head_dim - 2 * side, frames, device)[:, None, None],
        _axis_angles(size[1], side, rows, device)[None, :, None],
        _axis_angles(size[2], side, columns, device)[None, None, :],
    ]
    spread = [axis.expand(*size, axis.shape[-1]) for axis in axes]
    return torch.cat(spread, dim=-1).flatten(0, 2)


def rope_table(angles: Float[Tensor, "n half"]) -> Float[Tensor, "n three_halves"]:
    """Return cos, -sin and sin of the angles side by side: made once, read by every block."""
    return torch.cat([angles.cos(), -angles.sin(), angles.sin()], dim=-1)


def rotate(
    x: Float[Tensor, "b n h d"], table: Float[Tensor, "n three_halves"]
) -> Float[Tensor, "b n h d"]:
    """Turn channel i against channel i + d/2 by the token's angle; float32 inside.

    The halves are swapped by a view's flip, not put together anew, so that compilers make one
    kernel of this and of the norm before it.
    """
    half = x.shape[-1] // 2
    cos, sines = table[:, None, None, :half], table[:, None, half:].unflatten(-1, (2, half))
    halves = x.unflatten(-1, (2, half))
    # the table's float32 makes products float32, without a copy of x in it
    turned = torch.addcmul(halves * cos, halves.flip(-2), sines)
    return turned.flatten(-2).to(x.dtype)


def _axis_angles(
    length: int, dim: int, ratio: float, device: torch.device | None
) -> Float[Tensor, "length half"]:
    """Return positions times frequencies of one axis that owns `dim` channels of a head."""
    base = BASE * ratio ** (dim / (dim - 2))
    exponents = torch.arange(0, dim, 2, dtype=torch.float32, device=device) / dim
    positions = torch.arange(length, dtype=torch.float32, device=device)
    return torch.outer(positions, 1.0 / base**exponents)
