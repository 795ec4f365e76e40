"""One protocol on two or three sets: how often is drawn, and what weakens a number is said."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rareworld.evaluate.config import EvaluateConfig
from rareworld.evaluate.inputs import Inputs
from rareworld.evaluate.measure import RESAMPLES, RESAMPLES_WIDE, WIDE, measure
from rareworld.evaluate.protocols import find_protocol
from rareworld.evaluate.stored import Statistics, Stored
from rareworld.evaluate.tables import FeatureTable
from tests.evaluate.standin import StandIns


def _stored(seed: int, clips: int = 30, width: int = 4, **more: Any) -> Stored:
    rows = np.random.default_rng(seed).normal(size=(clips, width)) + more.pop("shift", 0)
    return Stored(path=Path("f"), content=FeatureTable.of(rows, **more), what={})


def _inputs(*, resamples: int | None = 10, **sets: Stored) -> Inputs:
    config = EvaluateConfig(
        device="cpu", intervals={"resamples": resamples}, floor_splits=4  # pyright: ignore[reportArgumentType]
    )  # fmt: skip
    return Inputs(dict(sets), config, StandIns(), lambda *of: None)


FVD, KID = find_protocol("fvd_i3d"), find_protocol("kid_full")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("protocol", "width", "expected"),
    [("fvd_i3d", 4, RESAMPLES), ("fid_clean", WIDE + 1, RESAMPLES_WIDE),
     ("jedi", WIDE + 1, RESAMPLES)],
)  # fmt: skip
def test_wide_gaussians_are_resampled_less_often(protocol: str, width: int, expected: int) -> None:
    sets = {"real": _stored(0, 5, width), "generated": _stored(1, 5, width)}
    found = measure(_inputs(resamples=None, **sets), find_protocol(protocol))
    assert found.numbers[0].resamples == expected


def test_sets_of_the_same_names_are_drawn_together() -> None:
    """A baseline that is the generated set: every resample has the same number for both."""
    found = measure(
        _inputs(real=_stored(0), generated=_stored(1), baseline=_stored(1)), FVD
    ).comparison
    assert found is not None
    assert (found.paired, found.difference) == (True, 0)
    assert found.difference_low == pytest.approx(0, abs=1e-9)
    assert found.difference_high == pytest.approx(0, abs=1e-9)
    assert not found.clear


def test_what_is_gone_above_the_floor_is_told_where_before_stands_above_it() -> None:
    sets = {"real": _stored(0, 60), "baseline": _stored(1, 60, shift=2)}
    near = measure(_inputs(generated=_stored(1, 60), **sets), FVD).comparison
    same = measure(_inputs(generated=_stored(1, 60, shift=2), **sets), FVD).comparison
    none = measure(
        _inputs(real=_stored(0, 60), generated=_stored(1, 60), baseline=_stored(2, 60)), FVD
    ).comparison
    assert near is not None
    assert same is not None
    assert none is not None
    assert near.above_floor_percent == pytest.approx(100, abs=5)
    assert same.above_floor_percent == pytest.approx(0, abs=1e-9)
    assert none.above_floor_percent is None


def test_sets_of_other_names_are_drawn_apart() -> None:
    other = _stored(1, names=[f"x{index}" for index in range(30)])
    inputs = _inputs(real=_stored(0), generated=_stored(1), baseline=other)
    found = measure(inputs, FVD).comparison
    assert found is not None
    assert not found.paired
    assert found.difference_low < 0 < found.difference_high
    assert any(text.startswith("unpaired") for text in inputs.warnings)


def test_sets_that_differ_by_few_clips_are_drawn_together_all_the_same() -> None:
    """One clip of the baseline could not be read: the others stay paired."""
    whole = _stored(1)
    assert isinstance(whole.content, FeatureTable)
    rows = FeatureTable.of(whole.content.rows[1:], names=whole.content.names[1:])
    inputs = _inputs(
        real=_stored(0), generated=whole, baseline=Stored(path=Path("b"), content=rows)
    )
    found = measure(inputs, FVD).comparison
    apart = _stored(1, names=[f"x{index}" for index in range(30)])
    other = measure(_inputs(real=_stored(0), generated=_stored(1), baseline=apart), FVD).comparison
    assert found is not None
    assert other is not None
    assert found.paired
    assert any("97 % of the generated and baseline" in text for text in inputs.warnings)
    widths = [item.difference_high - item.difference_low for item in (found, other)]
    assert widths[0] < widths[1] / 2


def test_a_baseline_of_statistics_leaves_no_comparison() -> None:
    rows = np.random.default_rng(2).normal(size=(30, 4))
    content = Statistics(mean=rows.mean(0), covariance=np.cov(rows.T), count=30)
    baseline = Stored(path=Path("s"), content=content)
    found = measure(_inputs(real=_stored(0), generated=_stored(1), baseline=baseline), FVD)
    assert found.comparison is None
    assert found.numbers[0].low is not None
    assert (found.numbers[1].low, found.numbers[1].rows_generated) == (None, 30)


def test_kernel_distances_have_no_rank_and_may_be_below_zero() -> None:
    found = measure(_inputs(real=_stored(0, 200), generated=_stored(7, 200)), KID).numbers[0]
    assert (found.rank_real, found.rank_generated) == (None, None)
    assert abs(found.value) < 0.2


def test_halves_that_share_recordings_are_told() -> None:
    groups = ["a"] * 29 + ["b"]
    inputs = _inputs(real=_stored(0, groups=groups), generated=_stored(1, shift=1))
    measure(inputs, FVD)
    assert any(text.startswith("floor: real has too few recordings") for text in inputs.warnings)


@pytest.mark.parametrize(
    ("shift", "told"), [(0.0, True), (3.0, False)], ids=["real against real", "far away"]
)
def test_what_cannot_be_told_from_real_video_is_called_so(shift: float, told: bool) -> None:
    inputs = _inputs(real=_stored(0, 60), generated=_stored(1, 60, shift=shift))
    measure(inputs, FVD)
    assert any(text.startswith("not told apart") for text in inputs.warnings) is told


def test_whole_covariances_are_not_called_singular() -> None:
    inputs = _inputs(real=_stored(0), generated=_stored(1, shift=2))
    number = measure(inputs, FVD).numbers[0]
    assert (number.rank_real, number.rank_generated) == (4, 4)
    assert not inputs.warnings or all("singular" not in text for text in inputs.warnings)
    small = _inputs(real=_stored(0), generated=_stored(1, 3, shift=2))
    assert measure(small, FVD).numbers[0].rank_generated == 2
    assert any("have rank 2 (generated) of 4" in text for text in small.warnings)


def test_features_of_other_weights_are_told() -> None:
    sets = [Stored(path=Path("f"), content=_stored(seed).content, weights=name)
            for seed, name in ((0, "i3d.pt 1111"), (1, "i3d.ckpt 2222"))]  # fmt: skip
    inputs = _inputs(real=sets[0], generated=sets[1])
    measure(inputs, FVD)
    assert any(
        text.startswith("weights: ") and "i3d.pt 1111" in text and "i3d.ckpt 2222" in text
        for text in inputs.warnings
    )
    untold = _inputs(real=sets[0], generated=_stored(1))
    measure(untold, FVD)
    assert not any(text.startswith("weights: ") for text in untold.warnings)
