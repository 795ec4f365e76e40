"""A cache opened for reading: exact, sliced where that is exact, damage named with its remedy."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from rareworld.data.config import Config
from rareworld.errors import ConfigError, StoreError
from rareworld.models.text.mini import MiniEncoder
from rareworld.models.wan_vae.tokenizer import WanTokenizer
from rareworld.models.wan_vae.weights import load_tokenizer
from rareworld.train.config import DataConfig
from rareworld.train.data.cache import CACHE_FILE, Cache
from rareworld.train.data.cache_job import AT_ONCE, encode
from rareworld.train.data.clips import Bucket
from rareworld.train.data.read import read_window
from rareworld.train.data.sources import read_catalogue
from rareworld.train.data.windows import windows_of
from train.data.cache_samples import config_of, make, write_dataset

ROUNDING = 1e-5
"""Latents of the tiny tokenizer in float32 differ by less when cut into other windows."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tiny: Callable[..., Path]) -> Path:
    """Return a folder with a dataset of 30 frames and its cache: two windows, mirrored too."""
    root = tmp_path_factory.mktemp("cache")
    write_dataset(root / "set", range(6), frames=40)
    make(_config(root, tiny()), root / "cache")
    return root


def _config(root: Path, model: Path, **data: Any) -> Any:
    values = {"num_frames": (29,), "windows": 2, "flip": True, "held_out": 0.4}
    return config_of(model, root / "set", **(values | data))


@pytest.fixture
def copy(home: Path, tmp_path: Path) -> Path:
    """Return a cache to damage."""
    return Path(shutil.copytree(home / "cache", tmp_path / "cache"))


@pytest.fixture(scope="module")
def tokenizer(tiny: Callable[..., Path]) -> WanTokenizer:
    return load_tokenizer(tiny() / "vae", window=AT_ONCE)


def test_latents_are_those_of_the_tokenizer(
    home: Path, tiny: Callable[..., Path], tokenizer: WanTokenizer
) -> None:
    data = _config(home, tiny()).data
    catalogue, cache = read_catalogue(data), Cache.open(home / "cache")
    for item in (*catalogue.train, *catalogue.held_out):
        for window in windows_of(item, data, 0):
            if window.name in cache.windows:
                latent = encode(tokenizer, read_window(window, data.fps))
                # several at once are summed in another order
                torch.testing.assert_close(cache.latent(window.name), latent)


def test_contexts_are_those_of_the_encoder(home: Path) -> None:
    cache = Cache.open(home / "cache")
    for entry in cache.windows.values():
        expected = MiniEncoder(64).encode([entry.caption])[0]
        assert torch.equal(cache.context(entry.clip), expected)


def test_windows_are_grouped_by_source_bucket_and_clip(home: Path) -> None:
    cache = Cache.open(home / "cache")
    train, held_out = cache.clips(), cache.clips(held_out=True)
    assert set(train) == set(held_out) == {(0, Bucket(32, 48, 29))}
    for clip, windows in train[0, Bucket(32, 48, 29)].items():
        assert windows == [f"{clip}#{name}" for name in ("0", "0m", "1", "1m")]
    for clip, windows in held_out[0, Bucket(32, 48, 29)].items():
        assert windows == [f"{clip}#0", f"{clip}#1"]  # never mirrored
    names = [clip for groups in (train, held_out) for each in groups.values() for clip in each]
    assert sorted(names) == [f"0/{number:03d}" for number in range(6)]


@pytest.mark.parametrize("frames", [1, 5, 17, 25])
def test_the_beginning_of_a_window_is_a_shorter_window(
    frames: int, home: Path, tiny: Callable[..., Path], tokenizer: WanTokenizer
) -> None:
    data = _config(home, tiny()).data
    cache = Cache.open(home / "cache")
    item = read_catalogue(data).train[0]
    window = windows_of(item, data, 0)[0]
    alone = encode(tokenizer, read_window(window, data.fps)[:frames])
    sliced = cache.latent(window.name, frames)
    assert sliced.shape == alone.shape
    assert float((sliced - alone).abs().max()) < ROUNDING


def test_another_start_is_not_a_slice(
    home: Path, tiny: Callable[..., Path], tokenizer: WanTokenizer
) -> None:
    """The reason why a window that starts elsewhere is encoded on its own."""
    data = _config(home, tiny()).data
    cache = Cache.open(home / "cache")
    window = windows_of(read_catalogue(data).train[0], data, 0)[0]
    later = encode(tokenizer, read_window(window, data.fps)[4:])
    shifted = cache.latent(window.name)[:, 1:]
    assert later.shape == shifted.shape
    assert float((later - shifted).abs().max()) > 1000 * ROUNDING


def test_a_longer_window_than_the_cached_is_refused(home: Path) -> None:
    with pytest.raises(ConfigError, match="at most the 29 frames that are cached, found 33"):
        Cache.open(home / "cache").latent("0/000#0", 33)


def test_unknown_names_are_told_with_the_nearest(home: Path) -> None:
    cache = Cache.open(home / "cache")
    with pytest.raises(ConfigError, match=r"no latents of window '0/00#0'.*did you mean"):
        cache.latent("0/00#0")
    with pytest.raises(ConfigError, match=r"no context of clip '0/00'.*did you mean"):
        cache.context("0/00")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"num_frames": (25,)}, "data.num_frames"),
        ({"fps": 8.0}, "data.fps"),
        ({"windows": 3}, "data.windows"),
        ({"sources": ()}, "data.sources"),
        ({"held_out": 0.1}, "data.held_out"),
    ],
)
def test_a_run_with_other_data_is_refused(
    change: dict[str, Any], named: str, home: Path, tiny: Callable[..., Path]
) -> None:
    cache, data = Cache.open(home / "cache"), _config(home, tiny()).data
    cache.require(data)
    cache.require(_with(data, {"batch_size": 4, "prefetch": 0, "cache": home}))
    with pytest.raises(ConfigError, match=named):
        cache.require(_with(data, change))


def _with(data: DataConfig, change: dict[str, Any]) -> DataConfig:
    assert isinstance(data, Config)
    return data.model_copy(update=change)


def test_a_share_of_the_mix_is_not_part_of_a_cache(home: Path, tiny: Callable[..., Path]) -> None:
    data = _config(home, tiny()).data
    source = data.sources[0].model_copy(update={"share": 5.0})
    Cache.open(home / "cache").require(_with(data, {"sources": (source,)}))


def test_a_cache_that_is_not_finished_does_not_open(copy: Path) -> None:
    (copy / CACHE_FILE).unlink()
    with pytest.raises(StoreError, match="no finished cache; make or finish it with: rareworld"):
        Cache.open(copy)


def _read_all(cache: Cache) -> None:
    for entry in cache.windows.values():
        cache.latent(entry.name)
        cache.context(entry.clip)


def _flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("name", ["latents/*/index.json", "contexts/*/*/index.json"])
def test_a_changed_index_is_found_and_named(name: str, copy: Path) -> None:
    path = next(copy.glob(name))
    path.write_text(path.read_text().replace("000", "007"))
    with pytest.raises(StoreError, match=f"{path.name}.*rareworld cache X"):
        Cache.open(copy)


@pytest.mark.parametrize("name", ["latents/*/latents.safetensors", "contexts/*/*/*.safetensors"])
def test_a_changed_tensor_is_found_and_named(name: str, copy: Path) -> None:
    path = next(copy.glob(name))
    _flip(path, -9)
    cache = Cache.open(copy)
    with pytest.raises(StoreError, match=f"{path.name}.*rebuild what is damaged.*rareworld cache"):
        _read_all(cache)


def test_a_missing_shard_is_found_and_named(copy: Path) -> None:
    shard = next(copy.glob("latents/shard-*"))
    shutil.rmtree(shard)
    with pytest.raises(StoreError, match=f"{shard.name}.*is missing"):
        Cache.open(copy)


def test_the_manifest_says_what_a_cache_was_made_of(home: Path) -> None:
    values = json.loads((home / "cache" / CACHE_FILE).read_text())
    assert values["settings"]["num_frames"] == [29]
    assert values["data"]["sources"][0]["path"] == str(home / "set")
    assert values["command"] == "rareworld cache X"
