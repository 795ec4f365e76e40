"""The picture of the objective shows what a run draws."""

import numpy as np
import pytest

from rareworld.models.cosmos_predict.config import Objective
from tests.tools.workshop import tool

picture = tool("training_objective")


def test_what_is_remembered_sums_to_one_and_is_a_tenth_wide():
    weights = picture.remembered(2000, 0.1)
    middles = (np.arange(2000) + 0.5) / 2000
    mean = (weights * middles).sum()
    assert weights.sum() == pytest.approx(1, rel=1e-9)
    assert np.sqrt((weights * (middles - mean) ** 2).sum()) == pytest.approx(0.1, rel=1e-4)
    assert weights[1800:].sum() == pytest.approx(0.57, abs=0.005)


def test_both_generations_train_at_nearly_the_same_flow_times():
    """sqrt(24) = 4.90 in one, the shift 5 in the other; the first has 5 % beyond."""
    edm, flow = (picture.times_of(objective) for objective in Objective)
    rest = edm[edm < 200 / 201]
    for share in (0.1, 0.5, 0.9):
        assert np.quantile(rest, share) == pytest.approx(np.quantile(flow, share), abs=0.01)
    assert (edm >= 200 / 201).mean() == pytest.approx(0.05, abs=0.002)


def test_the_picture_is_written_the_same_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(picture, "DRAWN", 2000)
    files = [tmp_path / "a.svg", tmp_path / "b.svg"]
    for file in files:
        monkeypatch.setattr("sys.argv", ["training_objective.py", str(file)])
        picture.main()
    assert files[0].read_text() == files[1].read_text()
