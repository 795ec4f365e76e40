"""I3D of Carreira and Zisserman (2017, 1705.07750): Inception-v1 with kernels grown into time.

    net(clips)     "n 3 t 224 224" of -1 to 1  ->  "n 400", the logits FVD is measured on

TensorFlow's SAME padding puts the odd zero behind, which torch's own padding cannot: units pad by
hand where sides differ, and only there.
Logits are averaged over time, as in every FVD. Batch normalisation is folded in (`models.folding`):
state names are `UNIT.weight` and `UNIT.bias`, UNIT as in DeepMind's graph with dots for slashes.

Proved in `tests/models/i3d/test_net.py`.
"""

import math
from collections.abc import Sequence
from functools import reduce
from typing import cast, final

import torch
from jaxtyping import Float32
from torch import Tensor, nn
from torch.nn.functional import avg_pool3d, pad

SIZE = 224
"""Height and width of a frame."""
WIDTH = 400
"""Classes of Kinetics-400."""
LEAST_FRAMES = 9
"""Fewest frames: with less, the last pool, two steps long, finds one."""

Triple = tuple[int, int, int]
BLOCKS = {
    "Mixed_3b": (64, 96, 128, 16, 32, 32),
    "Mixed_3c": (128, 128, 192, 32, 96, 64),
    "Mixed_4b": (192, 96, 208, 16, 48, 64),
    "Mixed_4c": (160, 112, 224, 24, 64, 64),
    "Mixed_4d": (128, 128, 256, 24, 64, 64),
    "Mixed_4e": (112, 144, 288, 32, 64, 64),
    "Mixed_4f": (256, 160, 320, 32, 128, 128),
    "Mixed_5b": (256, 160, 320, 32, 128, 128),
    "Mixed_5c": (384, 192, 384, 48, 128, 128),
}
"""Channels of each block's six units."""
_POOL_BEFORE: dict[str, tuple[Triple, Triple]] = {
    "Conv3d_2b_1x1": ((1, 3, 3), (1, 2, 2)),
    "Mixed_3b": ((1, 3, 3), (1, 2, 2)),
    "Mixed_4b": ((3, 3, 3), (2, 2, 2)),
    "Mixed_5b": ((2, 2, 2), (2, 2, 2)),
}
"""Size and stride of the pools between blocks."""
LOGITS = "Logits.Conv3d_0c_1x1"


def same_padding(length: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return zeros before and after an axis, as TensorFlow's SAME."""
    total = max((math.ceil(length / stride) - 1) * stride + kernel - length, 0)
    return total // 2, total - total // 2


def _pads(x: Tensor, kernel: Triple, stride: Triple) -> list[tuple[int, int]]:
    """Return the zeros of time, height and width."""
    return [same_padding(*sizes) for sizes in zip(x.shape[2:], kernel, stride, strict=True)]


def _padded(x: Tensor, pads: Sequence[tuple[int, int]]) -> Tensor:
    if not any(after for _, after in pads):
        return x
    return pad(x, [side for sides in reversed(pads) for side in sides])


def max_pool_same(
    x: Float32[Tensor, "n c t h w"], kernel: Triple, stride: Triple
) -> Float32[Tensor, "n c u y x"]:
    """Pool by maximum with TensorFlow's SAME padding, axis by axis.

    A maximum over a box is one over its axes in turn; with channels last each is a maximum of long
    runs, several times faster on a CPU than torch's own pool, which also keeps indices.
    """
    for axis in range(3):
        x = _max_along(x, axis + 2, kernel[axis], stride[axis])
    return x


def _max_along(x: Tensor, axis: int, kernel: int, stride: int) -> Tensor:
    """Return maxima of windows along one axis; what lies outside never wins."""
    length = x.shape[axis]
    before, _ = same_padding(length, kernel, stride)
    if kernel == stride == 1:
        return x
    found = _every(x, axis, 0, stride).clone(memory_format=torch.preserve_format)
    for shift in range(-before, kernel - before):
        first = (-shift + stride - 1) // stride if shift < 0 else 0
        taken = _every(x, axis, first * stride + shift, stride)
        count = min(taken.shape[axis], found.shape[axis] - first)
        if shift:
            part = found.narrow(axis, first, count)
            torch.maximum(part, taken.narrow(axis, 0, count), out=part)
    return found


def _every(x: Tensor, axis: int, start: int, stride: int) -> Tensor:
    """Return a view of every stride-th slice from a start on."""
    return x[(slice(None),) * axis + (slice(start, None, stride),)]


@final
class Unit(nn.Module):
    """A convolution with bias, SAME padding and ReLU."""

    def __init__(self, channels: int, out: int, size: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.kernel: Triple = (size, size, size)
        self.stride: Triple = (stride, stride, stride)
        self.weight = nn.Parameter(torch.empty(out, channels, size, size, size))
        self.bias = nn.Parameter(torch.empty(out))

    def forward(self, x: Float32[Tensor, "n c t h w"]) -> Float32[Tensor, "n d u y x"]:
        """Return the activations."""
        pads = _pads(x, self.kernel, self.stride)
        if all(before == after for before, after in pads):
            even = [before for before, _ in pads]
            return torch.conv3d(x, self.weight, self.bias, self.stride, even).relu_()
        return torch.conv3d(_padded(x, pads), self.weight, self.bias, self.stride).relu_()


@final
class Mixed(nn.Module):
    """Four branches on one input, joined."""

    def __init__(self, channels: int, sizes: Sequence[int]) -> None:
        super().__init__()
        self.Branch_0 = nn.ModuleDict({"Conv3d_0a_1x1": Unit(channels, sizes[0])})
        for branch, (narrow, wide) in enumerate((sizes[1:3], sizes[3:5]), 1):
            units = {
                "Conv3d_0a_1x1": Unit(channels, narrow),
                "Conv3d_0b_3x3": Unit(narrow, wide, 3),
            }
            self.add_module(f"Branch_{branch}", nn.ModuleDict(units))
        self.Branch_3 = nn.ModuleDict({"Conv3d_0b_1x1": Unit(channels, sizes[5])})

    def forward(self, x: Float32[Tensor, "n c t h w"]) -> Float32[Tensor, "n d t h w"]:
        """Return the joined activations."""
        inputs = (x, x, x, max_pool_same(x, (3, 3, 3), (1, 1, 1)))
        branches = (cast(nn.ModuleDict, branch).values() for branch in self.children())
        pairs = zip(branches, inputs, strict=True)
        return torch.cat([reduce(lambda y, unit: unit(y), units, y) for units, y in pairs], 1)


@final
class I3d(nn.Module):
    """Clips to logits."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = Unit(3, 64, 7, 2)
        self.Conv3d_2b_1x1 = Unit(64, 64)
        self.Conv3d_2c_3x3 = Unit(64, 192, 3)
        channels = 192
        for name, sizes in BLOCKS.items():
            self.add_module(name, Mixed(channels, sizes))
            channels = sizes[0] + sizes[2] + sizes[4] + sizes[5]
        self.Logits = nn.ModuleDict({"Conv3d_0c_1x1": nn.Conv3d(channels, WIDTH, 1)})

    def forward(self, x: Float32[Tensor, "n 3 t 224 224"]) -> Float32[Tensor, "n 400"]:
        """Return logits of clips scaled to -1 to 1.

        The last pool, mean over windows of 2 x 7 x 7, and the mean over time follow each other
        with the linear logits between; the means are taken first.
        """
        for name, module in self.named_children():
            if name == "Logits":
                break
            if name in _POOL_BEFORE:
                x = max_pool_same(x, *_POOL_BEFORE[name])
            x = module(x)
        pooled = avg_pool3d(x, (2, 7, 7), 1).mean(dim=(2, 3, 4), keepdim=True)
        return self.Logits["Conv3d_0c_1x1"](pooled).flatten(1)


def unit_names() -> tuple[str, ...]:
    """Return the names of all units with ReLU, in the order of the graph."""
    with torch.device("meta"):
        net = I3d()
    return tuple(name for name, module in net.named_modules() if isinstance(module, Unit))
