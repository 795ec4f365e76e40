"""The loader: a step has the same samples on any number of ranks, read ahead, damage named."""

import shutil
import sys
import threading
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch

from rareworld.errors import ConfigError, StoreError
from rareworld.train.batch import Batch
from rareworld.train.data.cache import Cache
from rareworld.train.data.loader import Loader
from rareworld.train.data.order import Order
from train.data.cache_samples import config_of, make, write_dataset


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory, tiny: Callable[..., Path]) -> Cache:
    root = tmp_path_factory.mktemp("loader")
    write_dataset(root / "one", range(5))
    write_dataset(root / "two", range(3), frames=13)
    config = config_of(tiny(), root / "one", root / "two", num_frames=(9, 13))
    make(config, root / "cache")
    return Cache.open(root / "cache")


def _loader(cache: Cache, batch_size: int = 4, **values: Any) -> Loader:
    order = Order(cache.clips(), {0: 1.0, 1: 1.0}, batch_size, 5)
    return Loader(order=order, cache=cache, **values)


def _same(one: tuple[Batch, ...], other: tuple[Batch, ...]) -> bool:
    return len(one) == len(other) and all(
        a.ids == b.ids and torch.equal(a.latent, b.latent) and torch.equal(a.context, b.context)
        for a, b in zip(one, other, strict=True)
    )


def test_a_batch_holds_what_the_order_picked(cache: Cache) -> None:
    loader = _loader(cache, micro_batch=2)
    for step, batches in enumerate(islice(loader.steps(), 6)):
        picks = loader.order.step(step)
        assert [pick.id for pick in picks] == [n for batch in batches for n in batch.ids]
        latents = [latent for batch in batches for latent in batch.latent]
        contexts = [context for batch in batches for context in batch.context]
        clips = [clip for batch in batches for clip in batch.clips]
        for pick, latent, context, clip in zip(picks, latents, contexts, clips, strict=True):
            assert cache.windows[pick.window].clip == clip
            assert torch.equal(latent, cache.latent(pick.window))
            assert torch.equal(context, cache.context(clip))
        assert len({batch.latent.shape for batch in batches}) == 1


@pytest.mark.parametrize(("ranks", "micro"), [(1, 1), (1, 2), (1, 4), (2, 1), (2, 2), (4, 1)])
def test_a_step_has_the_same_samples_on_any_number_of_ranks(
    ranks: int, micro: int, cache: Cache
) -> None:
    whole = [batches[0] for batches in islice(_loader(cache, micro_batch=4).steps(), 4)]
    loaders = [
        _loader(cache, data_rank=rank, data_ranks=ranks, micro_batch=micro).steps()
        for rank in range(ranks)
    ]
    for expected in whole:
        batches = [batch for loader in loaders for batch in next(loader)]
        assert all(len(batch.ids) == micro for batch in batches)
        assert torch.equal(torch.cat([batch.latent for batch in batches]), expected.latent)
        assert tuple(n for batch in batches for n in batch.ids) == expected.ids


@pytest.mark.parametrize("prefetch", [0, 1, 5])
def test_reading_ahead_changes_nothing(prefetch: int, cache: Cache) -> None:
    series = zip(
        islice(_loader(cache, prefetch=prefetch).steps(3), 5),
        (_loader(cache).read(_loader(cache).picks(step)) for step in range(3, 8)),
        strict=True,
    )
    assert all(_same(one, other) for one, other in series)


def test_resuming_needs_the_step_number_only(cache: Cache) -> None:
    whole = list(islice(_loader(cache).steps(), 12))
    for start in (1, 7, 11):
        resumed = next(_loader(cache).steps(start))
        assert _same(resumed, whole[start])


def test_threads_end_with_the_loader(cache: Cache) -> None:
    before = threading.active_count()
    steps = _loader(cache, prefetch=3).steps()
    next(steps)
    steps.close()
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"data_ranks": 3}, r"4 samples cannot be shared by 3 ranks.*multiple of 3, the nearest"),
        ({"micro_batch": 3}, "in micro-batches of 3"),
        ({"data_ranks": 4, "micro_batch": 2}, "multiple of 8, the nearest is 8"),
        ({"data_rank": 2, "data_ranks": 2}, r"data_rank: expected 0..1, got 2"),
    ],
)
def test_a_batch_that_cannot_be_shared_out_is_refused(
    values: dict[str, Any], message: str, cache: Cache
) -> None:
    with pytest.raises(ConfigError, match=message):
        _loader(cache, **values)


def test_contexts_of_two_types_are_stacked_in_the_wider(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    types = {"0": torch.bfloat16, "1": torch.float32}
    plain = Cache.context
    monkeypatch.setattr(Cache, "context", lambda self, clip: plain(self, clip).to(types[clip[0]]))
    loader = _loader(cache, batch_size=8, micro_batch=8)
    for batches in islice(loader.steps(), 4):
        sources = {clip[0] for batch in batches for clip in batch.clips}
        wide = torch.float32 if "1" in sources else torch.bfloat16
        assert all(batch.context.dtype is wide for batch in batches)


def test_a_damaged_shard_is_named_with_the_command_that_rebuilds_it(
    cache: Cache, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(cache.folder, tmp_path / "c"))
    path = next(copy.glob("latents/*/latents.safetensors"))
    path.write_bytes(path.read_bytes()[:-3] + b"???")
    with pytest.raises(StoreError, match=rf"{path.parent.name}.*rareworld cache X"):
        for _ in islice(_loader(Cache.open(copy)).steps(), 8):
            pass


def test_training_from_a_cache_touches_neither_tokenizer_nor_encoder(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a model was loaded")

    for name in ("rareworld.models.wan_vae.weights", "rareworld.train.data.cache_job"):
        if name in sys.modules:
            monkeypatch.setattr(f"{name}.load_tokenizer", refuse)
    monkeypatch.setattr("rareworld.models.text.load.load_encoder", refuse)
    monkeypatch.setattr("rareworld.train.data.read.read_window", refuse)
    again = Cache.open(cache.folder)
    assert len(list(islice(_loader(again).steps(), 3))) == 3
