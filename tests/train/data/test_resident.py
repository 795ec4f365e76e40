"""The cache held on the device: the same batches as from files, of any shape, damage named."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
import torch

from rareworld.errors import StoreError
from rareworld.train.data.cache import Cache
from rareworld.train.data.cache_shard import LATENT_FILE
from rareworld.train.data.loader import Loader
from rareworld.train.data.order import Order
from rareworld.train.data.resident import Source, bytes_of, load_resident
from train.data.cache_samples import config_of, make, write_dataset

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory, tiny: Callable[..., Path]) -> Cache:
    root = tmp_path_factory.mktemp("resident")
    write_dataset(root / "one", range(4))
    write_dataset(root / "two", range(2), frames=13)
    config = config_of(tiny(), root / "one", root / "two", num_frames=(9, 13))
    make(config, root / "cache")
    return Cache.open(root / "cache")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_batches_are_those_of_the_files(cache: Cache, dtype: torch.dtype) -> None:
    order = Order(cache.clips(), {0: 1.0, 1: 1.0}, 4, 5)
    resident = load_resident(cache, cache.clips(), CPU, dtype)
    assert isinstance(resident, Source)
    held = Loader(order=order, cache=cache, micro_batch=2, resident=resident)
    read = Loader(order=order, cache=cache, micro_batch=2)
    shapes = set[tuple[int, ...]]()
    for ours, theirs in zip(islice(held.steps(), 8), islice(read.steps(), 8), strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert one.ids == other.ids
            assert one.clips == other.clips
            assert torch.equal(one.latent, other.latent)
            assert torch.equal(one.context, other.context.to(dtype))
            shapes.add(tuple(one.latent.shape))
    assert len(shapes) == 2  # both lengths came


def test_what_it_takes_is_known_before(cache: Cache) -> None:
    for dtype in (torch.float32, torch.bfloat16):
        resident = load_resident(cache, cache.clips(), CPU, dtype)
        held = [*resident.stacks.values(), resident.texts]
        assert bytes_of(cache, cache.clips(), dtype) == sum(tensor.nbytes for tensor in held)


def test_a_damaged_shard_is_named(tmp_path: Path, tiny: Callable[..., Path]) -> None:
    write_dataset(tmp_path / "one", range(2))
    make(config_of(tiny(), tmp_path / "one", num_frames=(9,)), tmp_path / "cache")
    opened = Cache.open(tmp_path / "cache")
    file = next((tmp_path / "cache" / "latents").glob(f"*/{LATENT_FILE}"))
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(StoreError, match=file.parent.name):
        load_resident(opened, opened.clips(), CPU, torch.float32)
