"""Whole evaluations: numbers, floors, intervals and comparisons from folders and files."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from rareworld.errors import ConfigError, FormatError
from rareworld.evaluate.config import EvaluateConfig
from rareworld.evaluate.job import evaluate_sets
from rareworld.evaluate.results import Evaluation
from rareworld.evaluate.stored import save_features
from rareworld.evaluate.tables import FeatureTable
from tests.evaluate.standin import StandIn, StandIns, write_set, write_video


def _config(**more: object) -> EvaluateConfig:
    values = {"metrics": ["fvd"], "device": "cpu", "decoders": 2, "floor_splits": 3,
              "intervals": {"resamples": 20}}  # fmt: skip
    return EvaluateConfig.parse(values | more)


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real clips, generated ones that are a little brighter, and a baseline much brighter."""
    root = tmp_path_factory.mktemp("sets")
    for name, seed, level in (("real", 0, 0), ("after", 100, 8), ("before", 100, 50)):
        write_set(root / name, 12, seed=seed, level=level)
    return root


@pytest.fixture(scope="module")
def found(sets: Path) -> Evaluation:
    config = _config(metrics=["fid", "kid", "fvd"])
    return evaluate_sets(sets / "real", sets / "after", config, sets / "before", load=StandIns())


def test_every_metric_has_a_number_for_each_set(found: Evaluation) -> None:
    assert [(n.protocol, n.which) for n in found.numbers] == [
        (protocol, which)
        for protocol in ("fid_torch_fidelity", "kid_full", "fvd_i3d")
        for which in ("generated", "baseline")
    ]


def test_a_number_carries_what_it_needs(found: Evaluation) -> None:
    number = found.number("fid_torch_fidelity")
    assert (number.n_real, number.n_generated, number.rows_real) == (12, 12, 192)
    assert number.weights == "standin.bin 555555555555 (this test)"
    assert number.frames == "every frame"
    assert number.low is not None
    assert number.high is not None
    assert number.low < number.value < number.high
    assert number.split is not None
    assert number.floor == number.split.value
    assert (number.split.num_clips, number.split.splits) == (6, 3)
    assert number.resamples == 20
    assert found.number("kid_full").rank_real is None


def test_the_better_set_has_the_smaller_number_and_the_drop_is_clear(found: Evaluation) -> None:
    for item in found.comparisons:
        assert item.before > item.after
        assert item.paired
        assert item.clear
        assert item.drop_percent == pytest.approx(100 * (1 - item.after / item.before))
        assert item.low_percent is not None
        assert item.high_percent is not None
        assert item.low_percent < item.drop_percent < item.high_percent
        assert found.number(item.protocol).value == item.after
        assert found.number(item.protocol, "baseline").value == item.before


def test_both_generated_sets_have_one_floor(found: Evaluation) -> None:
    for protocol in ("fid_torch_fidelity", "kid_full", "fvd_i3d"):
        assert found.number(protocol).floor == found.number(protocol, "baseline").floor


def test_a_singular_covariance_is_told_and_the_number_stands(found: Evaluation) -> None:
    assert found.number("fvd_i3d").rank_real == 11
    assert any("covariances have rank 11 (real) and 11 (generated) of 12" in w
               for w in found.warnings)  # fmt: skip
    assert np.isfinite(found.number("fvd_i3d").value)


def test_an_evaluation_is_json_and_names_what_is_missing(found: Evaluation) -> None:
    told = json.loads(json.dumps(found.document()))
    assert told["numbers"][0]["floor"] == found.numbers[0].floor
    assert told["comparisons"][0]["clear"] is True
    assert told["sets"]["real"]["clips"] == 12
    assert told["config"]["protocols"][0]["name"] == "fid_torch_fidelity"
    with pytest.raises(KeyError, match="jedi"):
        found.number("jedi")


def test_the_same_call_gives_the_same_numbers(found: Evaluation, sets: Path) -> None:
    again = evaluate_sets(
        sets / "real", sets / "after", _config(), sets / "before", load=StandIns()
    )
    assert again.number("fvd_i3d") == found.number("fvd_i3d")


def test_sets_of_unequal_size_are_fine(sets: Path, tmp_path: Path) -> None:
    few = tmp_path / "few"
    shutil.copytree(sets / "after", few)
    for index in range(5):
        (few / f"{index:03d}.mp4").unlink()
    found = evaluate_sets(sets / "real", few, _config(), sets / "before", load=StandIns())
    assert found.number("fvd_i3d").n_generated == 7
    assert any(text.startswith("unequal: generated has 7 clips") for text in found.warnings)
    assert not found.comparisons


def test_one_clip_fewer_is_compared_and_told(sets: Path, tmp_path: Path) -> None:
    few = tmp_path / "few"
    shutil.copytree(sets / "after", few)
    (few / "003.mp4").unlink()
    found = evaluate_sets(sets / "real", few, _config(), sets / "before", load=StandIns())
    assert {item.protocol for item in found.comparisons} >= {"fvd_i3d"}
    assert any("a small difference may be that" in text for text in found.warnings)


def test_weights_of_an_unknown_network_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"no network 'i3dd' .did you mean 'i3d'"):
        EvaluateConfig(weights={"i3dd": Path("x.pt")})


def test_bad_clips_are_set_aside_and_the_others_measured(sets: Path, tmp_path: Path) -> None:
    mixed = tmp_path / "mixed"
    shutil.copytree(sets / "after", mixed)
    (mixed / "000.mp4").write_bytes(b"nothing")
    write_video(mixed / "001.mp4", np.full((16, 48, 64, 3), 235, np.uint8))
    load = StandIns(i3d=StandIn(name="i3d", poison=235))
    found = evaluate_sets(sets / "real", mixed, _config(), load=load)
    assert [(item.label, item.clip) for item in found.quarantined] == [
        ("generated", "000"), ("generated", "001"),
    ]  # fmt: skip
    assert found.number("fvd_i3d").n_generated == 10


def test_a_set_of_one_clip_is_refused(sets: Path, tmp_path: Path) -> None:
    one = write_set(tmp_path / "one", 1)
    with pytest.raises(ConfigError, match="generated: a distribution needs at least two clips"):
        evaluate_sets(sets / "real", one, _config(), load=StandIns())


def test_an_empty_set_is_refused(sets: Path, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"generated: .* holds no videos"):
        evaluate_sets(sets / "real", tmp_path, _config(), load=StandIns())


def test_lists_of_videos_are_sets(sets: Path) -> None:
    paths = [sorted((sets / name).iterdir()) for name in ("real", "after")]
    found = evaluate_sets(*paths, _config(), load=StandIns())
    assert found.sets["real"]["source"] == "12 videos"


def test_mismatches_become_warnings(sets: Path, tmp_path: Path) -> None:
    other = write_set(tmp_path / "other", 4, rate=16, size=(64, 64))
    found = evaluate_sets(sets / "real", other, _config(), load=StandIns())
    kinds = {text.partition(":")[0] for text in found.warnings}
    assert {"rate", "size", "length"} <= kinds


def test_stylegan_numbers_of_few_clips_say_so(sets: Path) -> None:
    config = _config(protocols=["fvd_stylegan_v"])
    found = evaluate_sets(sets / "real", sets / "after", config, load=StandIns())
    assert any(text.startswith("size: fvd2048_16f is of 2048 clips") for text in found.warnings)


def test_real_against_real_is_not_told_apart(sets: Path, tmp_path: Path) -> None:
    more = write_set(tmp_path / "more", 12, seed=500)
    found = evaluate_sets(sets / "real", more, _config(floor_splits=10), load=StandIns())
    assert any(text.startswith("not told apart: fvd_i3d") for text in found.warnings)


def test_pictures_that_are_asked_for_are_looked_at(sets: Path) -> None:
    load = StandIns()
    config = _config(metrics=["fid"], pictures={"count": 2})
    found = evaluate_sets(sets / "real", sets / "after", config, load=load)
    assert found.number("fid_torch_fidelity").rows_real == 24
    assert load.nets["inception"].looked == 48


def test_recordings_hold_clips_together(sets: Path) -> None:
    config = _config(recording=r"^(\d\d)", intervals={"resamples": 5, "unit": "recording"})
    found = evaluate_sets(sets / "real", sets / "after", config, load=StandIns())
    assert found.sets["real"]["recordings"] == 2  # 00x and 01x
    split = found.number("fvd_i3d").split
    assert split is not None
    assert split.shared  # ten clips and two: no halves of six


def _features(path: Path, seed: int, shift: float, width: int = 5) -> Path:
    rows = np.random.default_rng(seed).normal(size=(40, width)) + shift
    save_features(path, FeatureTable.of(rows), {}, "a file")
    return path


def test_feature_files_are_compared_without_a_network(tmp_path: Path) -> None:
    load = StandIns()
    found = evaluate_sets(
        _features(tmp_path / "r.safetensors", 0, 0), _features(tmp_path / "g.safetensors", 1, 1),
        _config(extrapolate=True), load=load,
    )  # fmt: skip
    number = found.number("fvd_i3d")
    assert not load.asked
    assert number.at_infinity is not None
    assert abs(number.at_infinity - 5) < abs(number.value - 5) + 1
    assert number.low is not None


def test_statistics_have_a_number_and_neither_interval_nor_floor(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(40, 5))
    np.savez(tmp_path / "r.npz", mu=rows.mean(0), sigma=np.cov(rows.T))
    found = evaluate_sets(
        tmp_path / "r.npz", _features(tmp_path / "g.safetensors", 1, 1), _config(), load=StandIns()
    )
    number = found.number("fvd_i3d")
    assert 3 < number.value < 8
    assert (number.low, number.high, number.floor, number.n_real) == (None, None, None, None)
    assert any(text.startswith("no interval: real is a mean") for text in found.warnings)


def test_a_kernel_distance_of_statistics_is_refused(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(40, 5))
    np.savez(tmp_path / "r.npz", mu=rows.mean(0), sigma=np.cov(rows.T))
    with pytest.raises(ConfigError, match="kid_full compares rows"):
        evaluate_sets(
            tmp_path / "r.npz", _features(tmp_path / "g.safetensors", 1, 1),
            _config(metrics=["kid"]), load=StandIns(),
        )  # fmt: skip


def test_features_of_two_networks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="5 values, of generated 6"):
        evaluate_sets(
            _features(tmp_path / "r.safetensors", 0, 0),
            _features(tmp_path / "g.safetensors", 1, 1, width=6),
            _config(), load=StandIns(),
        )  # fmt: skip


def test_no_resamples_means_no_interval_and_no_comparison(sets: Path) -> None:
    config = _config(intervals={"resamples": 0}, floor_splits=0)
    found = evaluate_sets(sets / "real", sets / "after", config, sets / "before", load=StandIns())
    assert found.number("fvd_i3d").low is None
    assert found.number("fvd_i3d").floor is None
    assert not found.comparisons


def test_progress_is_told_for_each_thing_done(sets: Path) -> None:
    told: dict[str, tuple[int, int]] = {}

    def tell(what: str, done: int, total: int) -> None:
        told[what] = done, total

    evaluate_sets(sets / "real", sets / "after", _config(), progress=tell, load=StandIns())
    assert told == {
        "looking at videos": (2, 2), "real: i3d": (12, 12), "generated: i3d": (12, 12),
        "fvd_i3d: intervals": (20, 20), "fvd_i3d: generated": (1, 1),
    }  # fmt: skip
