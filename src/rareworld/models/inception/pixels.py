"""Pre-processing of FID: from decoded pictures to what the Inception takes; two are in use.

| name | resize to 299 x 299 |
|---|---|
| `torch-fidelity` | TensorFlow 1's bilinear: corner 0 on corner 0, no antialias |
| `clean-fid` | bicubic with antialias, on floats, channel by channel, clipped ("clean") |

Then (x - 128) / 128 in both. The two give different numbers for the same videos; neither keeps the
aspect. Sources: torch-fidelity 0.4.0, Parmar et al. 2022 (2104.11222), clean-fid 0.1.35. Proved in
`tests/models/inception/test_pixels.py` against both on the same pixels.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from jaxtyping import Float32, Int64
from torch import Tensor
from torch.nn.functional import interpolate

from rareworld.models.inception.net import SIZE

Resize = Callable[[Tensor], Tensor]


def resize_like_tensorflow(
    images: Float32[Tensor, "b c h w"], size: int = SIZE
) -> Float32[Tensor, "b c size size"]:
    """Resize as TensorFlow 1 did: pixel i samples at i * old / new, clamped at the far side."""
    images = _lerp(images, 3, size)
    return _lerp(images, 2, size)


def _lerp(images: Tensor, axis: int, size: int) -> Tensor:
    """Interpolate along one axis, in float32 and in the graph's order of operations."""
    low, high, share = _samples(images.shape[axis], size, images.device)
    share = share.reshape([-1 if dim == axis else 1 for dim in range(4)])
    near = images.index_select(axis, low)
    return images.index_select(axis, high).sub_(near).mul_(share).add_(near)


def _samples(
    old: int, new: int, device: torch.device
) -> tuple[Int64[Tensor, " n"], Int64[Tensor, " n"], Float32[Tensor, " n"]]:
    """Return the two pixels and the second's share, of each new pixel."""
    at = torch.arange(new, dtype=torch.float32) * torch.tensor(old / new, dtype=torch.float32)
    low = at.long()
    high = (low + 1).clamp_max(old - 1)
    return low.to(device), high.to(device), (at - low.float()).to(device)


def resize_clean(images: Float32[Tensor, "b c h w"]) -> Float32[Tensor, "b c 299 299"]:
    """Resize by antialiased bicubic as Pillow does on floats, and clip to 0 to 255."""
    resized = interpolate(
        images, size=(SIZE, SIZE), mode="bicubic", align_corners=False, antialias=True
    )
    return resized.clamp_(0, 255)


RESIZES: Mapping[str, Resize] = MappingProxyType(
    {"torch-fidelity": resize_like_tensorflow, "clean-fid": resize_clean}
)
"""Pre-processings by name."""


def to_net(images: Float32[Tensor, "b 3 h w"], preprocessing: str) -> Float32[Tensor, "b 3 y x"]:
    """Return pictures of 0 to 255 as the net takes them."""
    return (RESIZES[preprocessing](images) - 128) / 128
