"""Tensors that were admitted come back equal, all others stay where they are."""

import gc
import weakref

import pytest
import torch
from torch import Tensor

from rareworld.models.cosmos_predict.host_memory import HostMemory

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def tokens(device: str, seed: int) -> Tensor:
    return torch.randn(64, 96, generator=torch.Generator().manual_seed(seed)).to(device)


@pytest.mark.parametrize("device", DEVICES)
def test_views_of_an_admitted_tensor_come_back(device: str) -> None:
    memory = HostMemory()
    x = tokens(device, 0)
    memory.next_block(x, first=True)
    views = [x, x.t(), x[3:, ::2], x.view(4, 16, 96)]
    packed = [memory.pack(view) for view in views]
    assert not any(isinstance(p, Tensor) for p in packed)
    for view, p in zip(views, packed, strict=True):
        back = memory.unpack(p)
        assert torch.equal(back, view)
        assert (back.stride(), back.device) == (view.stride(), view.device)


def test_other_tensors_stay() -> None:
    memory = HostMemory()
    x, weight = tokens("cpu", 0), tokens("cpu", 1)
    memory.next_block(x, first=True)
    assert memory.pack(weight) is weight
    assert memory.unpack(weight) is weight


def test_a_tensor_of_an_earlier_block_is_not_taken_for_this_blocks() -> None:
    memory = HostMemory()
    x, later = tokens("cpu", 0), tokens("cpu", 1)
    memory.next_block(x, first=True)
    memory.next_block(later, first=False)
    assert memory.pack(x) is x


def test_a_tensor_is_kept_once() -> None:
    memory = HostMemory()
    x = tokens("cpu", 0)
    memory.next_block(x, first=True)
    memory.admit(x.t())
    first, second = memory.unpack(memory.pack(x)), memory.unpack(memory.pack(x.t()))
    assert first.untyped_storage().data_ptr() == second.untyped_storage().data_ptr()


@pytest.mark.parametrize("device", DEVICES)
def test_many_blocks_come_back_in_reverse(device: str) -> None:
    memory = HostMemory()
    packed = []
    for rank in range(9):
        x, attended = tokens(device, rank), tokens(device, 100 + rank)
        memory.next_block(x, first=rank == 0)
        memory.admit(attended)
        packed.append((memory.pack(x), memory.pack(attended)))
        del x, attended
    for rank in reversed(range(9)):
        x, attended = (memory.unpack(p) for p in packed.pop())
        assert torch.equal(x, tokens(device, rank))
        assert torch.equal(attended, tokens(device, 100 + rank))


def test_the_block_before_is_fetched_ahead() -> None:
    memory = HostMemory()
    packed = []
    for rank in range(3):
        x = tokens("cpu", rank)
        memory.next_block(x, first=rank == 0)
        packed.append(memory.pack(x))
    for p in reversed(packed):
        memory.fetch_before(p)
    memory.fetch_before(x)  # what stayed has no block before
    assert all(torch.equal(memory.unpack(p), tokens("cpu", n)) for n, p in enumerate(packed))


def test_what_nobody_will_read_is_let_go() -> None:
    memory = HostMemory()
    x = tokens("cpu", 0)
    memory.next_block(x, first=True)
    packed = memory.pack(x)
    memory.next_block(tokens("cpu", 1), first=False)
    slot = weakref.ref(packed.slot)
    del x
    assert slot() is not None
    del packed
    gc.collect()
    assert slot() is None


@pytest.mark.gpu
def test_device_memory_is_that_of_two_blocks() -> None:
    memory = HostMemory()
    torch.cuda.synchronize()
    before, packed = torch.cuda.memory_allocated(), []
    for rank in range(8):
        x = torch.randn(1 << 20, device="cuda")
        memory.next_block(x, first=rank == 0)
        packed.append(memory.pack(x))
        del x
    assert torch.cuda.memory_allocated() - before <= 2 * (4 << 20)
