"""The Inception-v3 of FID: TensorFlow's graph of 2015-12-05 up to its 2048 pooled features.

It is not torchvision's: average pools leave the padding out of the mean, and the last block pools
by maximum. Batch normalisation is folded into the convolutions (`models.folding`), so that a
unit's state is `NAME.conv.weight` and `NAME.conv.bias`; NAME is torch-fidelity's and pytorch-fid's.

Source: Szegedy et al. 2016 (1512.00567); the graph as in torch-fidelity's and NVIDIA's ports.
Proved in `tests/models/inception/test_net.py` against numbers of torch-fidelity's own module.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast, final

import torch
from jaxtyping import Float32
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, max_pool2d

SIZE = 299
"""Height and width of a picture."""
WIDTH = 2048
"""Values of a feature row."""


@final
@dataclass(frozen=True)
class Unit:
    """A convolution with bias and ReLU."""

    name: str
    out: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1

    @property
    def padding(self) -> tuple[int, int]:
        """Zeros around the picture: none where the stride is 2, else the size stays."""
        return (0, 0) if self.stride == 2 else (self.kernel[0] // 2, self.kernel[1] // 2)


Step = Unit | tuple[Unit, Unit]
"""A unit, or two side by side on the same input."""


@final
@dataclass(frozen=True)
class Block:
    """Chains side by side on one input, their outputs joined with a pooled input."""

    name: str
    chains: tuple[tuple[Step, ...], ...]
    pool: str
    """average, maximum (both with stride 1), or halve (maximum, stride 2)."""
    after: Unit | None
    """Unit on the pooled input."""

    def units(self) -> Iterator[Unit]:
        """Yield every unit, in order of the chains, the pooled one last."""
        for step in (step for chain in self.chains for step in chain):
            yield from step if isinstance(step, tuple) else (step,)
        if self.after is not None:
            yield self.after


def _chain(name: str, *units: tuple[int, int, int] | tuple[int, int, int, int]) -> tuple[Unit, ...]:
    """Return units NAME_1, NAME_2, ... of (channels, kernel height, kernel width[, stride])."""
    return tuple(
        Unit(f"{name}_{number}", out, (y, x), *stride)
        for number, (out, y, x, *stride) in enumerate(units, 1)
    )


def _block_a(name: str, pooled: int) -> Block:
    chains = (
        (Unit("branch1x1", 64),),
        _chain("branch5x5", (48, 1, 1), (64, 5, 5)),
        _chain("branch3x3dbl", (64, 1, 1), (96, 3, 3), (96, 3, 3)),
    )
    return Block(name, chains, "average", Unit("branch_pool", pooled))


def _block_b(name: str) -> Block:
    chains = (
        (Unit("branch3x3", 384, (3, 3), 2),),
        _chain("branch3x3dbl", (64, 1, 1), (96, 3, 3), (96, 3, 3, 2)),
    )
    return Block(name, chains, "halve", None)


def _block_c(name: str, c: int) -> Block:
    chains = (
        (Unit("branch1x1", 192),),
        _chain("branch7x7", (c, 1, 1), (c, 1, 7), (192, 7, 1)),
        _chain("branch7x7dbl", (c, 1, 1), (c, 7, 1), (c, 1, 7), (c, 7, 1), (192, 1, 7)),
    )
    return Block(name, chains, "average", Unit("branch_pool", 192))


def _block_d(name: str) -> Block:
    chains = (
        _chain("branch3x3", (192, 1, 1), (320, 3, 3, 2)),
        _chain("branch7x7x3", (192, 1, 1), (192, 1, 7), (192, 7, 1), (192, 3, 3, 2)),
    )
    return Block(name, chains, "halve", None)


def _block_e(name: str, pool: str) -> Block:
    def fork(name: str) -> tuple[Unit, Unit]:
        return Unit(f"{name}a", 384, (1, 3)), Unit(f"{name}b", 384, (3, 1))

    chains: tuple[tuple[Step, ...], ...] = (
        (Unit("branch1x1", 320),),
        (*_chain("branch3x3", (384, 1, 1)), fork("branch3x3_2")),
        (*_chain("branch3x3dbl", (448, 1, 1), (384, 3, 3)), fork("branch3x3dbl_3")),
    )
    return Block(name, chains, pool, Unit("branch_pool", 192))


STEM = (
    Unit("Conv2d_1a_3x3", 32, (3, 3), 2),
    Unit("Conv2d_2a_3x3", 32, (3, 3)),
    Unit("Conv2d_2b_3x3", 64, (3, 3)),
    Unit("Conv2d_3b_1x1", 80),
    Unit("Conv2d_4a_3x3", 192, (3, 3)),
)
_UNPADDED = ("Conv2d_2a_3x3", "Conv2d_4a_3x3")
"""Units of stride 1 that shrink the picture."""
_POOL_AFTER = ("Conv2d_2b_3x3", "Conv2d_4a_3x3")
BLOCKS = (
    _block_a("Mixed_5b", 32),
    _block_a("Mixed_5c", 64),
    _block_a("Mixed_5d", 64),
    _block_b("Mixed_6a"),
    _block_c("Mixed_6b", 128),
    _block_c("Mixed_6c", 160),
    _block_c("Mixed_6d", 160),
    _block_c("Mixed_6e", 192),
    _block_d("Mixed_7a"),
    _block_e("Mixed_7b", "average"),
    _block_e("Mixed_7c", "maximum"),
)


def unit_names() -> tuple[str, ...]:
    """Return every unit's name, in the order of the graph."""
    inside = (f"{block.name}.{unit.name}" for block in BLOCKS for unit in block.units())
    return (*(unit.name for unit in STEM), *inside)


@final
class _Conv(nn.Module):
    """A unit."""

    def __init__(self, channels: int, unit: Unit) -> None:
        super().__init__()
        padding = (0, 0) if unit.name in _UNPADDED else unit.padding
        self.conv = nn.Conv2d(channels, unit.out, unit.kernel, unit.stride, padding)

    def forward(self, x: Float32[Tensor, "b c h w"]) -> Float32[Tensor, "b d y x"]:
        return self.conv(x).relu_()


@final
class _Mixed(nn.Module):
    """A block."""

    def __init__(self, channels: int, block: Block) -> None:
        super().__init__()
        self.block = block
        for chain in block.chains:
            self._add(channels, chain)
        if block.after is not None:
            self.add_module(block.after.name, _Conv(channels, block.after))

    def _add(self, channels: int, chain: Sequence[Step]) -> None:
        for step in chain:
            units = step if isinstance(step, tuple) else (step,)
            for unit in units:
                self.add_module(unit.name, _Conv(channels, unit))
            channels = sum(unit.out for unit in units)

    def forward(self, x: Float32[Tensor, "b c h w"]) -> Float32[Tensor, "b d y x"]:
        found = [self._run(x, chain) for chain in self.block.chains]
        pooled = _pool(x, self.block.pool)
        after = self.block.after
        return torch.cat([*found, pooled if after is None else self._unit(after, pooled)], 1)

    def _run(
        self, x: Float32[Tensor, "b c h w"], chain: Sequence[Step]
    ) -> Float32[Tensor, "b d y x"]:
        for step in chain:
            if isinstance(step, tuple):
                x = torch.cat([self._unit(unit, x) for unit in step], 1)
            else:
                x = self._unit(step, x)
        return x

    def _unit(self, unit: Unit, x: Tensor) -> Tensor:
        return cast(_Conv, self.get_submodule(unit.name))(x)


def _pool(x: Float32[Tensor, "b c h w"], kind: str) -> Float32[Tensor, "b c y x"]:
    if kind == "average":
        return avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
    if kind == "maximum":
        return max_pool2d(x, 3, stride=1, padding=1)
    return max_pool2d(x, 3, stride=2)


@final
class Inception(nn.Module):
    """Pictures to pooled features."""

    def __init__(self) -> None:
        super().__init__()
        channels = 3
        for unit in STEM:
            self.add_module(unit.name, _Conv(channels, unit))
            channels = unit.out
        for block in BLOCKS:
            self.add_module(block.name, _Mixed(channels, block))
            joined = sum(_outputs(chain[-1]) for chain in block.chains)
            channels = joined + (block.after.out if block.after is not None else channels)

    def forward(self, x: Float32[Tensor, "b 3 h w"]) -> Float32[Tensor, "b 2048"]:
        """Return features of pictures scaled to about -1 to 1, 299 x 299 pixels."""
        for name, module in self.named_children():
            x = module(x)
            if name in _POOL_AFTER:
                x = max_pool2d(x, 3, stride=2)
        return x.mean(dim=(2, 3))


def _outputs(step: Step) -> int:
    return sum(unit.out for unit in step) if isinstance(step, tuple) else step.out
