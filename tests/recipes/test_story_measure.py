"""Measuring sets with stand-in networks: what is written, what decides it, what is left out."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rareworld.data.jsontext import read_json
from rareworld.evaluate.config import EvaluateConfig, IntervalConfig, PicturesConfig
from rareworld.recipes.story_measure import MEASURED, Comparison, MeasureStage, read_clip
from rareworld.runtime.stage import content_key
from tests.recipes.stories import FRAMES, SIZE, make_sources, write_predict2

CONFIG = EvaluateConfig(
    pictures=PicturesConfig(every=4), intervals=IntervalConfig(resamples=20), floor_splits=2
)


def _videos(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted((folder / "videos").glob("*.mp4")))


@pytest.fixture(scope="module")
def item(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    root = tmp_path_factory.mktemp("sets")
    for seed, name in enumerate(("real", "after", "before")):
        write_predict2(root / name, 4, seed)
    return Comparison(
        name="after",
        real=_videos(root / "real"),
        generated=_videos(root / "after"),
        baseline=_videos(root / "before"),
        given=5,
        prompts={f"clip{number}": f"car {number} crashes" for number in range(4)},
    )


def _stage(*missing: str, config: EvaluateConfig = CONFIG) -> MeasureStage:
    return MeasureStage(config=config, device="cpu", sources=make_sources(*missing))


@pytest.fixture(scope="module")
def found(item: Comparison, tmp_path_factory: pytest.TempPathFactory) -> dict:
    out = tmp_path_factory.mktemp("measured")
    shares: list[float] = []
    assert _stage().run(item, out, shares.append) == {"left_out": []}
    assert 0 <= min(shares) <= max(shares) <= 1
    return dict(read_json(out / MEASURED))


def test_every_metric_is_of_both_sets(found: dict) -> None:
    numbers = {(n["metric"], n["which"]) for n in found["evaluation"]["numbers"]}
    assert numbers == {(m, w) for m in ("fid", "kid", "fvd") for w in ("generated", "baseline")}
    assert {c["metric"] for c in found["evaluation"]["comparisons"]} == {"fid", "kid", "fvd"}
    assert all(number["n_real"] == 4 for number in found["evaluation"]["numbers"])
    assert all(comparison["paired"] for comparison in found["evaluation"]["comparisons"])


def test_checks_and_scores_are_of_both_sets(found: dict) -> None:
    for part in ("fixed_camera", "paired"):
        assert set(found[part]) == {"before", "after"}
    scores = {row["measure"]: row for row in found["paired"]["after"]}
    assert set(scores) == {"psnr_db", "ssim", "lpips"}
    assert {row["conditioned"] for row in scores.values()} == {5}
    fixed = {row["measure"]: row["value"] for row in found["fixed_camera"]["after"]}
    assert fixed["fixed"] == 1.0
    assert 0 <= fixed["contact_recall"] <= 1
    assert found["clips"] == 4
    assert set(found["weights"]) == {"i3d None", "inception torch-fidelity", "lpips"}


def test_the_control_is_compared_with_and_decides_the_key(item, found, tmp_path: Path) -> None:
    assert found["against_control"] is None
    beside = replace(item, control=item.baseline)
    _stage().run(beside, tmp_path, lambda _: None)
    again: dict[str, Any] = dict(read_json(tmp_path / MEASURED))
    assert again["evaluation"] == found["evaluation"]
    # a control equal to the baseline is as far from the generated set
    assert again["against_control"] == found["evaluation"]["comparisons"]
    assert content_key(_stage(), beside) != content_key(_stage(), item)


def test_a_missing_network_is_told_and_all_else_is_measured(item, tmp_path: Path) -> None:
    assert _stage("i3d", "lpips").run(item, tmp_path, lambda _: None) == {
        "left_out": ["fvd", "lpips"]
    }
    found: dict[str, Any] = dict(read_json(tmp_path / MEASURED))
    assert [one["metric"] for one in found["left_out"]] == ["fvd", "lpips"]
    assert {n["metric"] for n in found["evaluation"]["numbers"]} == {"fid", "kid"}
    assert {row["measure"] for row in found["paired"]["after"]} == {"psnr_db", "ssim"}


def test_without_any_network_checks_are_made_all_the_same(item, tmp_path: Path) -> None:
    _stage("i3d", "inception", "lpips").run(item, tmp_path, lambda _: None)
    found: dict[str, Any] = dict(read_json(tmp_path / MEASURED))
    assert found["evaluation"] is None
    assert found["fixed_camera"]["after"]


def test_the_key_follows_from_clips_settings_and_networks(item, tmp_path: Path) -> None:
    key = content_key(_stage(), item)
    assert content_key(_stage(), item) == key
    assert content_key(_stage("i3d"), item) != key
    other = CONFIG.model_copy(update={"floor_splits": 3})
    assert content_key(_stage(config=other), item) != key
    cached = CONFIG.model_copy(update={"cache": tmp_path})
    assert content_key(_stage(config=cached), item) == key
    copy = tmp_path / item.generated[0].name
    shutil.copyfile(item.baseline[0], copy)
    changed = Comparison(
        name=item.name,
        real=item.real,
        generated=(copy, *item.generated[1:]),
        baseline=item.baseline,
        given=item.given,
        prompts=item.prompts,
    )
    assert content_key(_stage(), changed) != key


def test_a_clip_is_all_its_frames(item: Comparison) -> None:
    assert read_clip(item.real[0]).shape == (FRAMES, *SIZE, 3)
