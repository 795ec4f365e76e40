"""A shard of latents: what was written comes back, and any damage is found."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from rareworld.errors import StoreError
from rareworld.train.config import DataConfig
from rareworld.train.data.cache_shard import (
    LATENT_FILE,
    Bad,
    Entry,
    Settings,
    check_shard,
    read_index,
    read_latent,
    write_shard,
)
from rareworld.train.data.clips import Bucket

SMALL = Bucket(32, 48, 9)
SETTINGS = Settings.of(
    DataConfig(num_frames=(9,)), tokenizer="a" * 64, dtype="float32", at_once=4, fused=False
)


def _entry(number: int, bucket: Bucket = SMALL) -> Entry:
    return Entry(
        name=f"0/clip {number}#0",
        clip=f"0/clip {number}",
        source=0,
        bucket=bucket,
        start_s=0.1 * number,
        mirrored=False,
        held_out=number == 1,
        caption="ein Bus fährt",
        key=str(number) * 64,
    )


def _latent(number: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(16, 3, 4, 6, generator=torch.Generator().manual_seed(number)).to(dtype)


def _write(folder: Path, dtype: torch.dtype = torch.float32) -> Path:
    folder.mkdir(parents=True)
    made = [(_entry(number), _latent(number, dtype)) for number in range(3)]
    write_shard(folder, SETTINGS, made, [Bad(clip="0/x", error="x.mp4: cut off")])
    return folder


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_was_written_comes_back_to_the_bit(dtype: torch.dtype, tmp_path: Path) -> None:
    shard = _write(tmp_path / "s", dtype)
    index = read_index(shard)
    assert index.settings == SETTINGS
    assert index.bad == (Bad(clip="0/x", error="x.mp4: cut off"),)
    for number, entry in enumerate(index.entries):
        assert entry.model_copy(update={"crc32": 0}) == _entry(number)
        latent = read_latent(shard, entry)
        assert latent.dtype is dtype
        assert torch.equal(latent, _latent(number, dtype))
    check_shard(shard)


def test_the_same_windows_give_the_same_bytes(tmp_path: Path) -> None:
    one, other = (
        {path.name: path.read_bytes() for path in _write(tmp_path / name).iterdir()}
        for name in ("one", "other")
    )
    assert one == other


def test_a_shard_may_hold_nothing_but_bad_clips(tmp_path: Path) -> None:
    write_shard(tmp_path, SETTINGS, [], [Bad(clip="0/x", error="why")])
    check_shard(tmp_path)
    assert read_index(tmp_path).entries == ()


def test_every_changed_byte_is_found(tmp_path: Path) -> None:
    shard = _write(tmp_path / "s")
    path = shard / LATENT_FILE
    whole = path.read_bytes()
    for place in np.random.default_rng(0).integers(0, len(whole), 100):
        changed = bytearray(whole)
        changed[place] ^= 0x10
        path.write_bytes(bytes(changed))
        with pytest.raises(StoreError, match=LATENT_FILE):
            check_shard(shard)
    path.write_bytes(whole)
    check_shard(shard)


@pytest.mark.parametrize("kept", [0, 4, 200, -1])
def test_a_file_that_was_cut_off_is_found(kept: int, tmp_path: Path) -> None:
    shard = _write(tmp_path / "s")
    path = shard / LATENT_FILE
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(StoreError, match="damaged"):
        check_shard(shard)
    path.unlink()
    with pytest.raises(StoreError, match="damaged"):
        check_shard(shard)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "other"}, "kind must be 'latents'"),
        ({"schema_version": 9}, "newer than this program"),
        ({"windows": [{}]}, r"field windows.0.name"),
        ({"settings": {}}, r"field settings.tokenizer"),
    ],
)
def test_a_damaged_index_names_the_field(
    change: dict[str, object], message: str, tmp_path: Path
) -> None:
    path = _write(tmp_path / "s") / "index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(StoreError, match=message):
        read_index(path.parent)


def test_a_window_of_another_shape_than_its_bucket_is_damage(tmp_path: Path) -> None:
    write_shard(tmp_path, SETTINGS, [(_entry(0, Bucket(32, 48, 13)), _latent(0))])
    with pytest.raises(StoreError, match="differs from its checksum"):
        check_shard(tmp_path)
