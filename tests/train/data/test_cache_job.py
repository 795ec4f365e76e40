"""The cache stage: decoding beside the tokenizer, bad clips listed, earlier latents taken over."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from rareworld.errors import FormatError
from rareworld.models.wan_vae.tokenizer import WanTokenizer
from rareworld.models.wan_vae.weights import load_tokenizer
from rareworld.train.data import cache_job as job
from rareworld.train.data.cache_job import (
    CacheStage,
    LatentShard,
    encode,
    shard_count,
    shard_of,
    together,
)
from rareworld.train.data.cache_plan import CachePlan, plan_cache
from rareworld.train.data.cache_shard import Entry, read_index, read_latent
from rareworld.train.data.clips import Bucket, Window
from train.data.cache_samples import ALONE, config_of, write_dataset


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data") / "set", range(5))


@pytest.fixture
def plan(dataset: Path, tiny: Callable[..., Path], tmp_path: Path) -> CachePlan:
    return plan_cache(config_of(tiny(), dataset), tmp_path / "cache", ALONE)


def _run(stage: CacheStage, shard: LatentShard, out: Path) -> dict[str, object]:
    out.mkdir(exist_ok=True)
    return dict(stage.run(shard, out, lambda _: None))


@pytest.mark.parametrize(("clips", "shards"), [(1, 1), (16, 1), (17, 2), (300, 32)])
def test_clips_are_spread_over_shards_by_their_names(clips: int, shards: int) -> None:
    assert shard_count(clips) == shards
    names = {shard_of(f"0/{index}", shards) for index in range(clips)}
    assert all(name.endswith(f"-of-{shards:05d}") for name in names)
    assert len(names) > shards * 0.9


def test_a_shard_does_not_depend_on_other_clips() -> None:
    assert shard_of("0/a", 8) == shard_of("0/a", 8) == "shard-00001-of-00008"


@pytest.mark.parametrize("frames", [1, 5, 17, 33])
def test_latents_are_those_of_the_whole_video_at_once(
    frames: int, tiny: Callable[..., Path]
) -> None:
    tokenizer = load_tokenizer(tiny() / "vae")
    pixels = np.random.default_rng(0).integers(0, 256, (frames, 32, 48, 3), np.uint8)
    rgb = torch.from_numpy(pixels).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
    assert torch.equal(encode(tokenizer, pixels), tokenizer.encode(rgb)[0])


def test_a_clip_that_cannot_be_decoded_is_listed_and_the_rest_is_written(
    plan: CachePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = job.read_window

    def broken(window: Window, fps: float) -> object:
        if window.item.name == "0/002":
            raise FormatError("videos/002.mp4: cannot be read as video")
        return read(window, fps)

    monkeypatch.setattr(job, "read_window", broken)
    (shard,) = plan.shards
    summary = _run(plan.stage, shard, tmp_path / "s")
    assert (summary["windows"], summary["bad"]) == (4, ["0/002"])
    index = read_index(tmp_path / "s")
    assert [bad.model_dump() for bad in index.bad] == [
        {"clip": "0/002", "error": "videos/002.mp4: cannot be read as video"}
    ]
    assert [entry.clip for entry in index.entries] == ["0/000", "0/001", "0/003", "0/004"]


def test_latents_that_are_not_finite_are_a_bad_clip(
    plan: CachePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = WanTokenizer.encode_stream

    def spoiled(self: WanTokenizer, frames: object) -> object:
        for latent in whole(self, frames):  # pyright: ignore[reportArgumentType] - passed on
            yield latent * torch.nan

    monkeypatch.setattr(WanTokenizer, "encode_stream", spoiled)
    summary = _run(plan.stage, plan.shards[0], tmp_path / "s")
    assert summary["windows"] == 0
    assert "NaN or infinity" in read_index(tmp_path / "s").bad[0].error


def test_latents_of_an_earlier_shard_are_taken_over(
    plan: CachePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(plan.stage, plan.shards[0], tmp_path / "s")
    known = {entry.key: (tmp_path / "s", entry) for entry in read_index(tmp_path / "s").entries}
    again = _kept(plan.shards[0], known)
    monkeypatch.setattr(job, "read_window", lambda *_: pytest.fail("decoded again"))
    assert again.todo == ()
    _run(plan.stage, again, tmp_path / "again")
    assert _bytes(tmp_path / "again") == _bytes(tmp_path / "s")


def test_a_damaged_tensor_of_an_earlier_shard_is_encoded_again(
    plan: CachePlan, tmp_path: Path
) -> None:
    _run(plan.stage, plan.shards[0], tmp_path / "s")
    whole = _bytes(tmp_path / "s")
    path = tmp_path / "s" / "latents.safetensors"
    path.write_bytes(whole[path.name][:-4] + b"\0\0\0\0")
    known = {entry.key: (tmp_path / "s", entry) for entry in read_index(tmp_path / "s").entries}
    _run(plan.stage, _kept(plan.shards[0], known), tmp_path / "again")
    assert _bytes(tmp_path / "again") == whole


def _kept(shard: LatentShard, known: dict[str, tuple[Path, Entry]]) -> LatentShard:
    return replace(shard, windows=tuple(replace(p, kept=known[p.entry.key]) for p in shard.windows))


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_everything_that_decides_a_shard_is_told(plan: CachePlan) -> None:
    told = json.dumps(dict(plan.stage.describe(plan.shards[0])))
    entry = plan.shards[0].windows[0].entry
    for text in (entry.key, entry.caption, plan.stage.settings.tokenizer, "float32"):
        assert text in told


def test_decoding_goes_on_beside_the_tokenizer(
    plan: CachePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a window is encoded the next is being read: each encoding waits for that."""
    read = job.read_window
    windows = plan.shards[0].windows
    frames = read(windows[0].window, 16.0)
    begun = [threading.Event() for _ in windows]
    encoded: list[bool] = []
    one_at_a_time = threading.Lock()

    def told_read(*_: object) -> object:
        with one_at_a_time:
            next(event for event in begun if not event.is_set()).set()
        return frames

    def waiting_encode(*_: object) -> Tensor:
        coming = min(len(encoded) + 1, len(begun) - 1)
        encoded.append(begun[coming].wait(timeout=30))
        return torch.zeros(1, 16, 3, 4, 6)

    monkeypatch.setattr(job, "read_window", told_read)
    monkeypatch.setattr(job, "encode_all", waiting_encode)
    monkeypatch.setattr(CacheStage, "_together", lambda *_: 1)
    _run(plan.stage, plan.shards[0], tmp_path / "s")
    assert encoded == [True] * len(windows)
    latent = read_latent(tmp_path / "s", read_index(tmp_path / "s").entries[0])
    assert not latent.any()


def test_small_windows_are_encoded_together_with_the_same_latents(
    plan: CachePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Groups of 3 and 2, filled up to 3; a clip that cannot be read leaves the others alone."""
    read, sizes = job.read_window, list[int]()
    encode_all = job.encode_all

    def broken(window: Window, fps: float) -> object:
        if window.item.name == "0/001":
            raise FormatError("cut off")
        return read(window, fps)

    def counted(tokenizer: WanTokenizer, windows: list[np.ndarray]) -> Tensor:
        sizes.append(len(windows))
        return encode_all(tokenizer, windows)

    monkeypatch.setattr(job, "read_window", broken)
    monkeypatch.setattr(CacheStage, "_together", lambda *_: 1)
    _run(plan.stage, plan.shards[0], tmp_path / "alone")
    monkeypatch.setattr(job, "encode_all", counted)
    monkeypatch.setattr(CacheStage, "_together", lambda *_: 3)
    _run(plan.stage, plan.shards[0], tmp_path / "together")
    assert sizes == [3, 3]
    alone, beside = (read_index(tmp_path / name) for name in ("alone", "together"))
    assert alone.bad == beside.bad
    for one, other in zip(alone.entries, beside.entries, strict=True):
        assert one.name == other.name
        torch.testing.assert_close(
            read_latent(tmp_path / "together", other), read_latent(tmp_path / "alone", one)
        )


@pytest.mark.parametrize(
    ("bucket", "gpu", "cpu"), [(Bucket(128, 224, 17), 16, 4), (Bucket(432, 768, 93), 1, 1)]
)
def test_only_small_windows_are_encoded_together(bucket: Bucket, gpu: int, cpu: int) -> None:
    assert (together(bucket, "gpu"), together(bucket, "cpu")) == (gpu, cpu)


@pytest.mark.gpu
def test_a_gpu_gives_the_same_latents_up_to_rounding(
    dataset: Path, plan: CachePlan, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    """bfloat16 and compiled: 8 bits of mantissa through 20 layers, latents of about 0.4."""
    config = config_of(tiny(), dataset)
    compute = config.compute.model_copy(update={"device": "cuda"})
    cuda = config.model_copy(update={"compute": compute})
    on_gpu = plan_cache(cuda, tmp_path / "gpu", ALONE)
    assert (on_gpu.stage.settings.dtype, on_gpu.stage.device) == ("bfloat16", "cuda:0")
    _run(plan.stage, plan.shards[0], tmp_path / "one")
    _run(on_gpu.stage, on_gpu.shards[0], tmp_path / "two")
    entries = [read_index(tmp_path / name).entries for name in ("one", "two")]
    for one, two in zip(*entries, strict=True):
        exact, rounded = read_latent(tmp_path / "one", one), read_latent(tmp_path / "two", two)
        assert rounded.dtype is torch.bfloat16
        assert float((exact - rounded.float()).abs().max()) < 0.06
