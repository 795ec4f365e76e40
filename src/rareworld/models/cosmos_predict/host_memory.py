"""Saved tensors in the host's memory: copied away beside the forward pass, back in time to be read.

A block's tensors leave on a stream of their own; their device memory is given up two blocks later,
when the copies are long done. In the backward pass the block before is fetched while the present
one's attention computes. Host memory is pinned and kept by PyTorch's own pool, which rounds sizes
up to powers of two; the first step fills it and is slow. On a CPU nothing moves.
Source: Ren et al. 2021, arXiv:2101.06840 (offloading). Proved in
`tests/models/cosmos_predict/test_host_memory.py`.
"""

from collections import deque
from dataclasses import dataclass
from typing import cast, final
from weakref import WeakValueDictionary

import torch
from torch import Tensor

_BLOCKS_IN_FLIGHT = 2


@final
@dataclass(eq=False)
class _Slot:
    """One storage: on the device, on the host, or both; it lives as long as what is saved of it."""

    before: "_Slots"
    """What the block before keeps."""
    device: Tensor | None
    host: Tensor
    left: torch.cuda.Event | None = None
    """When the copy to the host is done."""
    back: torch.cuda.Event | None = None
    """When the copy to the device is done."""


_Slots = WeakValueDictionary[int, _Slot]
"""What one block keeps, by address as long as the block runs forward."""


@final
@dataclass(frozen=True)
class _View:
    """Stands for a saved tensor whose storage is in a slot."""

    slot: _Slot
    size: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int


@final
class HostMemory:
    """Keeps the tensors it is told of; `pack` and `unpack` are autograd's saved-tensor hooks."""

    def __init__(self) -> None:
        self._before = _Slots()
        self._present = _Slots()
        self._held: list[_Slot] = []
        self._leaving: deque[_Slots] = deque()
        self._streams: dict[torch.device, torch.cuda.Stream] = {}

    def next_block(self, x: Tensor, *, first: bool) -> None:
        """Start on a block whose tokens are `x`."""
        self._before, self._present = _Slots() if first else self._present, _Slots()
        self._held = []
        self._leaving.append(self._present)
        while len(self._leaving) > _BLOCKS_IN_FLIGHT:
            _give_up(self._leaving.popleft())
        self.admit(x)

    def admit(self, x: Tensor) -> None:
        """Keep the storage of a tensor of this block, once."""
        address = x.untyped_storage().data_ptr()
        if address in self._present:
            return
        count = x.untyped_storage().nbytes() // x.element_size()
        flat = x.detach().as_strided((count,), (1,), 0)
        slot = self._leave(flat) if flat.is_cuda else _Slot(self._before, flat, flat)
        self._present[address] = slot
        self._held.append(slot)

    def pack(self, x: Tensor) -> object:
        """Return what stands for a tensor: itself unless its storage was admitted to this block."""
        slot = self._present.get(x.untyped_storage().data_ptr())
        if slot is None or slot.host.dtype != x.dtype:
            return x
        return _View(slot, tuple(x.shape), x.stride(), int(x.storage_offset()))

    def unpack(self, packed: object) -> Tensor:
        """Return the tensor on its device."""
        self._held = []
        if not isinstance(packed, _View):
            return cast(Tensor, packed)
        return self._come_back(packed.slot).as_strided(packed.size, packed.stride, packed.offset)

    def fetch_before(self, packed: object) -> None:
        """Start to fetch what the block before the one of `packed` keeps."""
        if isinstance(packed, _View):
            for slot in list(packed.slot.before.values()):
                self._fetch(slot)

    def _leave(self, flat: Tensor) -> _Slot:
        side, now = self._stream(flat.device), torch.cuda.current_stream(flat.device)
        host = torch.empty(flat.shape, dtype=flat.dtype, pin_memory=True)
        side.wait_stream(now)
        with torch.cuda.stream(side):
            host.copy_(flat, non_blocking=True)
        return _Slot(self._before, flat, host, left=_mark(side))

    def _come_back(self, slot: _Slot) -> Tensor:
        device = self._fetch(slot)
        if slot.back is not None:
            torch.cuda.current_stream(device.device).wait_event(slot.back)
        return device

    def _fetch(self, slot: _Slot) -> Tensor:
        """Return a slot's device memory, which is right once `back` is reached."""
        if slot.device is None:
            now = torch.cuda.current_stream()
            side = self._stream(now.device)
            slot.device = torch.empty_like(slot.host, device=now.device)
            side.wait_stream(now)  # its memory may be in use until here
            with torch.cuda.stream(side):
                slot.device.copy_(slot.host, non_blocking=True)
            slot.back = _mark(side)
        return slot.device

    def _stream(self, device: torch.device) -> torch.cuda.Stream:
        if device not in self._streams:
            self._streams[device] = torch.cuda.Stream(device)
        return self._streams[device]


def _give_up(slots: _Slots) -> None:
    """Free a block's device memory for work that starts when its copies are done."""
    for slot in slots.values():
        if slot.left is not None and slot.device is not None:
            torch.cuda.current_stream(slot.device.device).wait_event(slot.left)
            slot.device = None


def _mark(stream: torch.cuda.Stream) -> torch.cuda.Event:
    """Return the moment when a stream has done all it was given so far."""
    event = torch.cuda.Event()
    event.record(stream)
    return event
