"""A run of today has the losses of the golden file: no change of training goes by unseen."""

import pytest

from tests.train.golden import GENERATIONS, STEPS, Run, read, run

TOLERANCE = 1e-4
"""Relative: other processors and torch versions sum in another order, twenty steps long."""


@pytest.mark.parametrize("generation", GENERATIONS)
def test_twenty_steps_have_the_golden_losses(generation):
    found, golden = run(generation), read()[generation]
    assert len(golden.losses) == len(golden.gradient_norms) == STEPS
    assert found.losses == pytest.approx(golden.losses, rel=TOLERANCE)
    assert found.gradient_norms == pytest.approx(golden.gradient_norms, rel=10 * TOLERANCE)
    assert found.averaged_loss == pytest.approx(golden.averaged_loss, rel=TOLERANCE)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_the_golden_run_learns(generation):
    golden: Run = read()[generation]
    first, last = sum(golden.losses[:4]), sum(golden.losses[-4:])
    assert last < 0.8 * first
    assert golden.averaged_loss < golden.losses[0]
