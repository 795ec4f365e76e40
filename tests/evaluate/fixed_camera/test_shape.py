"""Size and looks: perspective explains what it can, and no more."""

import numpy as np
import pytest

from evaluate.fixed_camera.drawing import FPS, Vehicle, draw, straight
from rareworld.evaluate.fixed_camera import check_clip
from rareworld.evaluate.fixed_camera.shape import horizons


def judged(vehicle, **options):
    found = check_clip("clip", draw([vehicle], noise=1.0, **options), FPS).judged
    assert len(found) == 1
    return found[0]


def approaching(horizon=10.0, rate=0.55):
    """Return a car that drives towards the camera as perspective has it."""
    depth = lambda t: 1.6 - rate * t  # noqa: E731
    feet = lambda t: horizon + 60 / depth(t)  # noqa: E731
    size = lambda t: (24 / depth(t), 20 / depth(t))  # noqa: E731
    return Vehicle(lambda t: (112 + 10 / depth(t), feet(t) - size(t)[1] / 2), size)


def test_a_thing_of_one_size_does_not_grow():
    shape = judged(Vehicle(straight((40, 60), (70, 0)))).shape
    assert shape.growth < 1.1
    assert shape.similarity > 0.9
    assert shape.unlike == 0


def test_growth_by_perspective_is_no_growth():
    item = judged(approaching())
    first, last = item.track.sizes[item.track.whole][[0, -1]]
    assert last / first > 1.8
    assert item.shape.growth < 1.15
    assert "growing" not in item.faults


@pytest.mark.parametrize(("rate", "fault"), [(1.2, False), (3.0, True), (1 / 3.0, True)])
def test_a_thing_that_swells_or_shrinks_on_its_way_grows(rate, fault):
    grown = lambda t: rate ** min(max(t - 0.5, 0) / 0.5, 1)  # noqa: E731
    side = 14 if rate > 1 else 36
    size = lambda t: (side * 1.4 * grown(t), side * grown(t))  # noqa: E731
    foot = 90
    item = judged(Vehicle(lambda t: (50 + 60 * t, foot - size(t)[1] / 2), size))
    assert ("growing" in item.faults) is fault
    off_px = 1.5 / min(np.sqrt(1.4) * side, np.sqrt(1.4) * side * rate)
    expected = max(rate, 1 / rate) * np.exp(-off_px)
    assert item.shape.growth == pytest.approx(max(expected, 1), rel=0.12)


def test_a_thing_that_melts_is_named_and_one_that_does_not_is_not():
    path = straight((40, 60), (70, 0))
    size = lambda t: (30.0, 22.0)  # noqa: E731
    assert "melting" in judged(Vehicle(path, size, (150.0, 90, 80), melt=60)).faults
    assert "melting" not in judged(Vehicle(path, size, (150.0, 90, 80))).faults


def test_turning_changes_the_box_and_is_no_fault():
    turn = lambda t: min(t / 2, 1) * np.pi / 3  # noqa: E731
    size = lambda t: (  # noqa: E731
        28 * np.cos(turn(t)) + 14 * np.sin(turn(t)),
        12 + 8 * np.sin(turn(t)),
    )
    item = judged(Vehicle(lambda t: (40 + 60 * t, 60 + 8 * t**2), size))
    assert not item.faults & {"growing", "melting"}


def test_the_horizon_is_above_everything_the_camera_looks_down_on():
    track = judged(Vehicle(straight((40, 60), (70, 0)))).track
    highest, lowest = horizons(track, 128)
    assert highest == -4 * 128
    assert lowest == pytest.approx(67 - np.sqrt(22 * 14), abs=3)
    assert (track.feet[:, 1] - lowest >= track.sizes - 1e-9).all()
