"""Caches give back every bit, say where they are from, and are never mixed."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rareworld.data.jsontext import read_json, write_json
from rareworld.errors import ConfigError, StoreError
from rareworld.models.text.cache import (
    CONTEXT_FILE,
    INDEX_FILE,
    ContextCache,
    Entry,
    Identity,
    pad,
    trim,
    write_shard,
)
from rareworld.models.text.encoder import EncoderName

IDENTITY = Identity(encoder=EncoderName.T5, weights="ab" * 32, dtype="bfloat16")


def _context(rows: int, dtype: torch.dtype = torch.bfloat16, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, 16, generator=torch.Generator().manual_seed(seed)).to(dtype)


def _shard(folder: Path, contexts: dict[str, torch.Tensor], identity: Identity = IDENTITY) -> Path:
    folder.mkdir(parents=True)
    entries = [Entry(clip=n, text_sha256="0" * 64, rows=len(c)) for n, c in contexts.items()]
    write_shard(folder, identity, entries, list(contexts.values()))
    return folder


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_every_bit_comes_back(dtype: torch.dtype, tmp_path: Path) -> None:
    contexts = {f"clip {i}/ü": _context(1 + 100 * i, dtype, i) for i in range(5)}
    _shard(tmp_path / "s0", dict(list(contexts.items())[:3]))
    _shard(tmp_path / "s1", dict(list(contexts.items())[3:]))
    cache = ContextCache.open(tmp_path)
    assert cache.names == tuple(sorted(contexts))
    for name, context in contexts.items():
        found = cache.context(name)
        assert found.dtype is dtype
        assert torch.equal(found, pad(context))
        assert cache.entry(name).rows == len(context)


def test_the_same_contexts_give_the_same_bytes(tmp_path: Path) -> None:
    contexts = {name: _context(3, seed=i) for i, name in enumerate("abcdefgh")}
    one, two = (_shard(tmp_path / name, contexts) for name in ("one", "two"))
    for name in (CONTEXT_FILE, INDEX_FILE):
        assert (one / name).read_bytes() == (two / name).read_bytes()


@given(rows=st.integers(0, 512), hole=st.booleans())
def test_trimmed_rows_come_back_as_zeros(rows: int, hole: bool) -> None:
    context = torch.zeros(512, 4)
    context[:rows] = 1
    if hole and rows > 2:
        context[rows // 2] = 0  # a zero row inside stays
    assert len(trim(context)) == max(rows, 1)
    assert torch.equal(pad(trim(context)), context)


OTHER = {
    "encoder": IDENTITY.model_copy(update={"encoder": EncoderName.MINI}),
    "weights": IDENTITY.model_copy(update={"weights": "cd" * 32}),
    "dtype": IDENTITY.model_copy(update={"dtype": "float32"}),
    "projection": IDENTITY.model_copy(update={"projection": "ef" * 32}),
}


@pytest.mark.parametrize("field", OTHER)
def test_shards_of_two_identities_are_refused(field: str, tmp_path: Path) -> None:
    _shard(tmp_path / "s0", {"a": _context(3)})
    _shard(tmp_path / "s1", {"b": _context(3)}, OTHER[field])
    with pytest.raises(StoreError, match="a cache holds one kind"):
        ContextCache.open(tmp_path)


def test_a_cache_is_refused_for_a_net_with_another_projection(tmp_path: Path) -> None:
    _shard(tmp_path / "s0", {"a": _context(3)}, OTHER["projection"])
    cache = ContextCache.open(tmp_path)
    cache.require(projection="ef" * 32)
    for wrong in ("12" * 32, None):
        with pytest.raises(ConfigError, match=r"projection efefefefefef.*this net wants"):
            cache.require(projection=wrong)


def test_a_cache_without_projection_is_for_nets_without(tmp_path: Path) -> None:
    _shard(tmp_path / "s0", {"a": _context(3)})
    cache = ContextCache.open(tmp_path)
    cache.require(projection=None)
    cache.require(projection=None, encoder=EncoderName.T5)
    with pytest.raises(ConfigError, match=r"by t5 .* projection none, .* projection 12121212"):
        cache.require(projection="12" * 32)
    with pytest.raises(ConfigError, match=r"by t5 .* this net wants mini with projection none"):
        cache.require(projection=None, encoder=EncoderName.MINI)


def test_a_clip_in_two_shards_is_refused(tmp_path: Path) -> None:
    for name in ("s0", "s1"):
        _shard(tmp_path / name, {"a": _context(3)})
    with pytest.raises(StoreError, match=r"'a' stands in .*s0 too"):
        ContextCache.open(tmp_path)


def test_an_unknown_clip_names_the_nearest(tmp_path: Path) -> None:
    _shard(tmp_path / "s0", {"crash-001": _context(3)})
    with pytest.raises(ConfigError, match=r"'crash-01' \(did you mean 'crash-001'\?\)"):
        ContextCache.open(tmp_path).context("crash-01")


def test_an_empty_folder_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="rareworld embed"):
        ContextCache.open(tmp_path)


def _cut(shard: Path) -> None:
    path = shard / CONTEXT_FILE
    path.write_bytes(path.read_bytes()[:-8])


def _remove(shard: Path) -> None:
    (shard / CONTEXT_FILE).unlink()


def _other_rows(shard: Path) -> None:
    values = read_json(shard / INDEX_FILE)
    clips = values["clips"]
    assert isinstance(clips, list)
    write_json(shard / INDEX_FILE, values | {"clips": [clips[0] | {"rows": 2}]})


@pytest.mark.parametrize("damage", [_cut, _remove, _other_rows])
def test_a_damaged_shard_is_named(damage, tmp_path: Path) -> None:
    damage(_shard(tmp_path / "s0", {"a": _context(3)}))
    with pytest.raises(StoreError, match=r"s0.context.safetensors: .*make the cache again"):
        ContextCache.open(tmp_path).context("a")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "clip"}, "kind must be 'text-context'"),
        ({"schema_version": 99}, "newer than this program"),
        ({"identity": {"encoder": "t5"}}, "field identity.weights"),
        ({"clips": [{"clip": "a"}]}, "field clips.0.text_sha256"),
    ],
)
def test_a_foreign_or_newer_index_is_refused(change, message: str, tmp_path: Path) -> None:
    path = _shard(tmp_path / "s0", {"a": _context(3)}) / INDEX_FILE
    write_json(path, read_json(path) | change)
    with pytest.raises(StoreError, match=message):
        ContextCache.open(tmp_path)
