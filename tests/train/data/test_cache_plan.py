"""What a cache is planned to hold: keyed by content, stable under growth, shared by ranks."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from rareworld.errors import ConfigError
from rareworld.models.text.encoder import EncoderName
from rareworld.nn.ranks import Ranks
from rareworld.train.config import BaseConfig, TrainConfig
from rareworld.train.data.cache_plan import CachePlan, cache_folder, plan_cache
from train.data.cache_samples import ALONE, config_of, make, write_clip, write_dataset


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data") / "set", range(6), frames=20)


def _keys(plan: CachePlan) -> Mapping[str, str]:
    return {p.entry.name: p.entry.key for shard in plan.shards for p in shard.windows}


def test_every_window_of_every_clip_is_planned_once(
    dataset: Path, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    config = config_of(tiny(), dataset, windows=2, flip=True)
    plan = plan_cache(config, tmp_path, ALONE)
    assert sorted(_keys(plan)) == [
        f"0/{clip:03d}#{window}" for clip in range(6) for window in ("0", "0m", "1", "1m")
    ]
    assert len(set(_keys(plan).values())) == 24


def test_the_seed_of_a_run_does_not_move_windows(
    dataset: Path, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    config = config_of(tiny(), dataset, windows=3)
    other = config.model_copy(update={"seed": 99, "steps": 5, "name": "other"})
    assert _keys(plan_cache(config, tmp_path, ALONE)) == _keys(plan_cache(other, tmp_path, ALONE))


@pytest.mark.parametrize(
    "change", [{"fps": 8.0}, {"num_frames": (5,)}, {"resolution": "48,48"}], ids=str
)
def test_what_decides_latents_decides_their_key(
    change: dict[str, Any], dataset: Path, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    one = _keys(plan_cache(config_of(tiny(), dataset), tmp_path, ALONE))
    other = _keys(plan_cache(config_of(tiny(), dataset, **change), tmp_path, ALONE))
    assert not set(one.values()) & set(other.values())


def test_the_tokenizer_and_its_type_decide_the_key(
    dataset: Path, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    from rareworld.models.cosmos_predict.tiny import write_tiny_pipeline

    config = config_of(tiny(), dataset)
    trained = write_tiny_pipeline(tmp_path / "other", seed=1)
    compute = config.compute.model_copy(update={"dtype": "bfloat16"})
    variants = [
        config,
        config.model_copy(update={"compute": compute}),
        config_of(trained, dataset),
    ]
    keys = [set(_keys(plan_cache(each, tmp_path / "c", ALONE)).values()) for each in variants]
    assert not keys[0] & keys[1]
    assert not keys[0] & keys[2]


def test_a_video_is_known_by_its_content_not_its_name(
    dataset: Path, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    write_dataset(tmp_path / "set", [0, 1], frames=20)
    write_clip(tmp_path / "set" / "videos" / "001.mp4", frames=20, seed=77)
    before = _keys(plan_cache(config_of(tiny(), dataset), tmp_path / "c", ALONE))
    after = _keys(plan_cache(config_of(tiny(), tmp_path / "set"), tmp_path / "c", ALONE))
    assert after["0/000#0"] == before["0/000#0"]
    assert after["0/001#0"] != before["0/001#0"]


def test_ranks_share_shards_and_know_all_their_names(
    tiny: Callable[..., Path], tmp_path: Path
) -> None:
    config = config_of(tiny(), write_dataset(tmp_path / "set", range(40)))
    alone = plan_cache(config, tmp_path / "c", ALONE)
    parts = [
        plan_cache(config, tmp_path / "c", Ranks(rank=rank, world=3, device=torch.device("cpu")))
        for rank in range(3)
    ]
    assert all(part.names == alone.names for part in parts)
    shared = sorted(shard.name for part in parts for shard in part.shards)
    assert shared == [shard.name for shard in alone.shards]
    assert {name: key for part in parts for name, key in _keys(part).items()} == _keys(alone)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"num_frames": (5,)}, r"num_frames \(9,\), this run has \(5,\)"),
        ({"resolution": "48,48"}, "resolution '32,48', this run has '48,48'"),
        ({"windows": 2}, "windows 1, this run has 2"),
    ],
)
def test_a_cache_of_other_settings_is_refused_unless_it_may_be_replaced(
    change: dict[str, Any], named: str, dataset: Path, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    make(config_of(tiny(), dataset), tmp_path)
    other = config_of(tiny(), dataset, **change)
    with pytest.raises(ConfigError, match=f"made with {named}.*--overwrite"):
        plan_cache(other, tmp_path, ALONE)
    assert make(other, tmp_path, overwrite=True).latents.count("done") == 1


def test_with_more_windows_those_that_stay_are_taken_over(
    dataset: Path, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    make(config_of(tiny(), dataset, flip=True), tmp_path)
    plan = plan_cache(config_of(tiny(), dataset), tmp_path, ALONE, overwrite=True)
    assert plan.reused == 6


def test_clips_of_two_sources_with_one_name_are_two_clips(
    dataset: Path, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    other = write_dataset(tmp_path / "other", range(3), frames=20)
    plan = plan_cache(config_of(tiny(), dataset, other), tmp_path / "c", ALONE)
    sources = [p.entry.source for shard in plan.shards for p in shard.windows]
    assert (sources.count(0), sources.count(1)) == (6, 3)
    assert _keys(plan)["0/001#0"] == _keys(plan)["1/001#0"]  # the same video, encoded once or twice


def test_clips_that_cannot_be_used_are_told(tiny: Callable[..., Path], tmp_path: Path) -> None:
    write_dataset(tmp_path / "set", range(4))
    (tmp_path / "set" / "metas" / "001.txt").unlink()
    (tmp_path / "set" / "videos" / "002.mp4").write_bytes(b"not a video")
    plan = plan_cache(config_of(tiny(), tmp_path / "set"), tmp_path / "c", ALONE)
    assert sorted(each.name for each in plan.rejected) == ["0/001", "0/002"]
    assert sorted(_keys(plan)) == ["0/000#0", "0/003#0"]


def test_a_shape_without_weights_needs_an_encoder_without_projection(
    dataset: Path, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    config = config_of(tiny(), dataset)
    base = BaseConfig(model="predict2.5-2b", init="random", tokenizer=tiny() / "vae")
    shape = config.model_copy(update={"base": base})
    with pytest.raises(ConfigError, match=r"base.model: predict2.5-2b is a shape without weights"):
        plan_cache(shape, tmp_path, ALONE)
    mini = base.model_copy(update={"encoder": EncoderName.MINI})
    plan = plan_cache(config.model_copy(update={"base": mini}), tmp_path, ALONE)
    assert plan.texts.encoder.width == 1024


def test_the_cache_is_where_the_settings_say() -> None:
    config = TrainConfig(name="traffic")
    assert cache_folder(config) == Path("traffic/cache")
    assert cache_folder(config, Path("runs/7")) == Path("runs/7/cache")
    data = config.data.model_copy(update={"cache": Path("shared")})
    given = config.model_copy(update={"data": data})
    assert cache_folder(given, Path("runs/7")) == Path("shared")
