"""Parts of the generator on the GPU only while they run; the rest of the time on the host.

An offloaded module's tensors are packed into pinned blocks of the host. Inside `resident` they
point into copies of these blocks on the GPU; afterwards they point back and the copies are freed.
Nothing is copied back, because inference changes no weight: finish loading, merging adapters and
quantising before `place`. One block is one asynchronous copy, ordered before the kernels that
follow on the same stream. Offloaded parts take turns, so they never meet on the GPU.
Proved in `tests/generate/test_offload.py` by live bytes of a fake device and of a real one.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import final

import torch
from torch import Tensor, nn

from rareworld.data.config import nearest
from rareworld.errors import ConfigError, DeviceError

BLOCK_BYTES = 256 * 2**20
"""Size of a host block. Torch rounds pinned memory up to a power of two: this size loses none."""

ALIGNMENT = 256
"""Bytes to which a tensor's start is aligned in its block, as the GPU's own allocator does."""

Copy = Callable[[Tensor], Tensor]
"""Copies a host block to the device."""


@final
class Part(StrEnum):
    """What can be offloaded on its own."""

    MODEL = "model"
    TEXT = "text"
    TOKENIZER = "tokenizer"


def read_offload(
    text: str = "", *, model: bool = False, text_encoder: bool = False, tokenizer: bool = False
) -> frozenset[Part]:
    """Return the parts to offload: `all` or a comma-separated list, and upstream's three flags.

    >>> sorted(read_offload("text,tokenizer", model=True))
    [<Part.MODEL: 'model'>, <Part.TEXT: 'text'>, <Part.TOKENIZER: 'tokenizer'>]

    Raises:
        ConfigError: If a name is unknown.
    """
    flags = {Part.MODEL: model, Part.TEXT: text_encoder, Part.TOKENIZER: tokenizer}
    names = [name.strip() for name in text.split(",") if name.strip()]
    known = [*(part.value for part in Part), "all"]
    for name in names:
        if name not in known:
            raise ConfigError(f"--offload: unknown part {name!r}{nearest(name, known)}")
    return frozenset(part for part in Part if flags[part] or part in names or "all" in names)


@final
class Residency:
    """Where each part is, and who may be on the device now."""

    def __init__(
        self, device: torch.device, offloaded: Iterable[Part] = (), copy: Copy | None = None
    ) -> None:
        """Keep `offloaded` parts off `device`; without a GPU there is nothing to keep them off."""
        self.device = device
        self.offloaded = frozenset(offloaded) if device.type != "cpu" or copy else frozenset[Part]()
        self._copy = copy or (lambda block: block.to(device, non_blocking=True))
        self._packs: dict[Part, list[_Pack]] = {}
        self._here: Part | None = None

    def place(self, part: Part, *modules: nn.Module) -> None:
        """Put a part where it belongs: on the device for good, or packed on the host."""
        if part in self.offloaded:
            packs = self._packs.setdefault(part, [])
            packs.extend(_Pack(module, pin=self.device.type == "cuda") for module in modules)
        else:
            for module in modules:
                module.to(self.device)

    @contextmanager
    def resident(self, part: Part) -> Iterator[None]:
        """Have a part on the device inside the block.

        Raises:
            DeviceError: If another offloaded part is resident: the two would meet on the device.
        """
        if part not in self.offloaded or part is self._here:
            yield
            return
        if self._here is not None:
            raise DeviceError(
                f"{part} cannot come to the device while {self._here} is there; "
                "offloaded parts take turns"
            )
        self._here = part
        packs = self._packs.get(part, [])
        try:
            for pack in packs:
                pack.load(self._copy)
            yield
        finally:
            for pack in packs:
                pack.drop()
            self._here = None

    def told(self) -> dict[str, str]:
        """Return where each part is kept, for the console and the sidecar."""
        return {part: "host" if part in self.offloaded else str(self.device) for part in Part}


@final
@dataclass(frozen=True)
class _Slot:
    """A tensor's place in a block; strides are kept, so channels-last weights stay so."""

    tensor: Tensor
    start: int
    size: torch.Size
    stride: tuple[int, ...]

    def point_into(self, block: Tensor) -> None:
        """Let the tensor's values be those at its place in a copy of the block."""
        flat = block[self.start :][: self.tensor.nbytes].view(self.tensor.dtype)
        self.tensor.data = flat.as_strided(self.size, self.stride)


@final
@dataclass(frozen=True)
class _Block:
    """Host bytes and the tensors whose values they hold."""

    host: Tensor
    slots: tuple[_Slot, ...]


@final
class _Pack:
    """A module's parameters and buffers in a few host blocks."""

    def __init__(self, module: nn.Module, *, pin: bool) -> None:
        tensors = [t for t in chain(module.parameters(), module.buffers()) if t.nbytes]
        self.blocks = [_pack(group, pin=pin) for group in _groups(tensors)]

    def load(self, copy: Copy) -> None:
        """Point the tensors into fresh copies of the blocks."""
        for block in self.blocks:
            there = copy(block.host)
            for slot in block.slots:
                slot.point_into(there)

    def drop(self) -> None:
        """Point the tensors back to the host; the copies are freed."""
        for block in self.blocks:
            for slot in block.slots:
                slot.point_into(block.host)


def _aligned(size: int) -> int:
    """Return bytes rounded up to the alignment."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def _groups(tensors: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """Deal tensors, in order, to blocks; one larger than a block gets its own."""
    group: list[Tensor] = []
    used = 0
    for tensor in tensors:
        if group and used + tensor.nbytes > BLOCK_BYTES:
            yield group
            group, used = [], 0
        group.append(tensor)
        used += _aligned(tensor.nbytes)
    if group:
        yield group


def _pack(tensors: list[Tensor], *, pin: bool) -> _Block:
    """Move tensors into one host block."""
    host = torch.empty(
        sum(_aligned(tensor.nbytes) for tensor in tensors), dtype=torch.uint8, pin_memory=pin
    )
    slots: list[_Slot] = []
    start = 0
    for tensor in tensors:
        values = tensor.data
        slot = _Slot(tensor, start, values.shape, torch.empty_like(values, device="meta").stride())
        slot.point_into(host)
        tensor.data.copy_(values)
        slots.append(slot)
        start += _aligned(tensor.nbytes)
    return _Block(host, tuple(slots))
