"""LPIPS of Zhang et al. (2018, 1801.03924), AlexNet, version 0.1.

    net = load_lpips(device=torch.device("cpu"))
    net.distances(one, two)        # "b h w 3" bytes, twice -> "b"

Pictures pass AlexNet's five convolutions; at every place features are brought to unit length,
their squared differences weighted by how much people see a channel, summed over channels, averaged
over places and summed over layers. 0 is equal, 0.1 hardly seen, 0.6 another picture. Pictures are
compared at the size they have: AlexNet sees in pixels, so a number belongs to a size.

Proved in `tests/models/lpips/test_net.py` against numbers of the package `lpips` 0.1.4.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import final

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, normalize

from rareworld.errors import ConfigError
from rareworld.models.clip_input import channels_first, exact_float32, in_chunks
from rareworld.models.lpips.weights import LAYERS, read_lpips
from rareworld.models.packaged import LPIPS, WeightsRecord, packaged_weights
from rareworld.models.states import frozen

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""What is taken from, and divides, pixels of -1 to 1: red, green, blue."""
LEAST = 31
"""Fewest pixels of a side: with less nothing is left for the last layers."""
_EPS = 1e-10
_AT_ONCE = 8


@final
class LpipsNet(nn.Module):
    """Pairs of pictures to distances; state names `convs.N.weight`, `convs.N.bias`, `heads.N`."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(i, o, kernel, stride, padding) for i, o, kernel, stride, padding in LAYERS
        )
        self.heads = nn.ParameterList(torch.empty(o) for _, o, *_ in LAYERS)

    def forward(
        self, one: Float32[Tensor, "b 3 h w"], two: Float32[Tensor, "b 3 h w"]
    ) -> Float32[Tensor, " b"]:
        """Return distances of pictures of -1 to 1."""
        pairs = zip(self._features(one), self._features(two), self.heads, strict=True)
        return torch.stack([_apart(a, b, head) for a, b, head in pairs]).sum(0)

    def _features(self, rgb: Float32[Tensor, "b 3 h w"]) -> Sequence[Tensor]:
        shift, scale = (torch.tensor(x, device=rgb.device)[:, None, None] for x in (SHIFT, SCALE))
        x, found = (rgb - shift) / scale, []
        for place, conv in enumerate(self.convs):
            x = conv(max_pool2d(x, 3, 2) if place in (1, 2) else x).relu()
            found.append(x)
        return found


def _apart(
    one: Float32[Tensor, "b c h w"], two: Float32[Tensor, "b c h w"], head: Float32[Tensor, " c"]
) -> Float32[Tensor, " b"]:
    """Return the weighted squared distance of unit features, averaged over places."""
    difference = normalize(one, eps=_EPS) - normalize(two, eps=_EPS)
    return torch.einsum("bchw,c->bhw", difference.square(), head).mean(dim=(1, 2))


@final
class Lpips:
    """The network with its weights on a device."""

    name = "lpips"

    def __init__(self, net: nn.Module, weights: WeightsRecord, *, device: torch.device) -> None:
        self.weights = weights
        self.device = device
        self._net = frozen(net, device)

    def distances(
        self, one: UInt8[Tensor, "b h w 3"], two: UInt8[Tensor, "b h w 3"]
    ) -> Float32[Tensor, " b"]:
        """Return the distance of each pair of pictures.

        Raises:
            ConfigError: If these are not bytes of RGB pictures of one size, large enough.
        """
        check_pairs(one, two)
        with exact_float32():
            pairs = zip(in_chunks(one, _AT_ONCE), in_chunks(two, _AT_ONCE), strict=True)
            return torch.cat([self._net(self._pixels(a), self._pixels(b)) for a, b in pairs])

    def _pixels(self, pictures: UInt8[Tensor, "b h w 3"]) -> Float32[Tensor, "b 3 h w"]:
        return channels_first(pictures.to(self.device)) / 127.5 - 1


def check_pairs(one: Tensor, two: Tensor) -> None:
    """Refuse what are not two batches "b h w 3" of bytes of one size.

    Raises:
        ConfigError: Naming what was found.
    """
    right = one.shape == two.shape and one.ndim == 4 and one.shape[-1] == 3 and len(one) > 0
    if not right or {one.dtype, two.dtype} != {torch.uint8}:
        raise ConfigError(
            "lpips: expected two batches of RGB bytes (pictures, height, width, 3) of one size, "
            f"found {tuple(one.shape)} {one.dtype} and {tuple(two.shape)} {two.dtype}"
        )
    if min(one.shape[1:3]) < LEAST:
        raise ConfigError(
            f"lpips: expected pictures of at least {LEAST} x {LEAST} pixels, found "
            f"{one.shape[1]} x {one.shape[2]}"
        )


def load_lpips(weights: Path | None = None, *, device: torch.device) -> Lpips:
    """Return the network with weights from a path, the cache or a download.

    Raises:
        FormatError: If the weights cannot be had or are not this network's.
    """
    path, record = packaged_weights(LPIPS, weights)
    net = LpipsNet()
    read_lpips(net, path)
    return Lpips(net, record, device=device)
