"""Sizes by place: quantiles of what is known, silence where nothing is."""

import numpy as np
import pytest

from evaluate.fixed_camera.drawing import FPS, Vehicle, draw, generator, straight
from rareworld.errors import ConfigError
from rareworld.evaluate.fixed_camera import Reference, check_clip
from rareworld.evaluate.fixed_camera.reference import SizeMap
from rareworld.evaluate.fixed_camera.tracks import Track

WIDTH = 224


def track(size, y=60.0, number=0, places=8):
    """Return a track of square boxes along a line, whole everywhere."""
    x = np.linspace(80, 120, places)
    boxes = np.stack([x - size / 2, np.full(places, y - size), x + size / 2, np.full(places, y)], 1)
    yes = np.ones(places, bool)
    centres = boxes.reshape(-1, 2, 2).mean(1)
    return Track(
        number=number,
        frames=np.arange(places),
        boxes=boxes,
        centres=centres,
        areas=np.full(places, size**2),
        apart=yes,
        clipped=~yes,
    )


def test_the_limit_is_the_99th_percentile_of_sizes_there():
    sizes = 20 * np.exp(generator(0).normal(scale=0.2, size=400))
    known = SizeMap.from_tracks([([track(size) for size in sizes], WIDTH)])
    limit = known.limit(np.array([100 / WIDTH, 60 / WIDTH])) * WIDTH
    assert limit == pytest.approx(20 * np.exp(2.326 * 0.2), rel=0.08)


def test_places_that_few_real_tracks_passed_say_nothing():
    known = SizeMap.from_tracks([([track(20.0) for _ in range(4)], WIDTH)])
    assert np.isnan(known.limit(np.array([100 / WIDTH, 60 / WIDTH])))
    many = SizeMap.from_tracks([([track(20.0) for _ in range(9)], WIDTH)])
    assert np.isfinite(many.limit(np.array([100 / WIDTH, 60 / WIDTH])))
    assert np.isnan(many.limit(np.array([0.9, 0.1])))
    assert np.isnan(SizeMap.from_tracks([]).limit(np.zeros(2)))


@pytest.mark.parametrize("size", [20.0, 30.0, 50.0])
def test_excess_is_the_size_over_the_limit(size):
    known = SizeMap.from_tracks([([track(20.0) for _ in range(9)], WIDTH)])
    assert known.excess(track(size), WIDTH) == pytest.approx(size / 20, rel=1e-6)


def test_sizes_are_shares_of_the_width_so_resolutions_compare():
    known = SizeMap.from_tracks([([track(20.0) for _ in range(9)], WIDTH)])
    large = track(20.0)
    doubled = Track(**{**large.__dict__, "boxes": large.boxes * 2, "centres": large.centres * 2})
    assert known.excess(doubled, 2 * WIDTH) == pytest.approx(1, rel=1e-6)


def lane(size, y, colour=(200.0, 60, 50)):
    return Vehicle(straight((40, y), (70, 0)), lambda t: (size * 1.5, size), colour)


@pytest.fixture(scope="module")
def reference():
    real = [(f"r{k}", draw([lane(14 + k % 3, 60 + k)], noise=1.0, seed=k), FPS) for k in range(6)]
    return Reference.from_clips(real)


@pytest.mark.parametrize(("size", "oversized"), [(15, False), (30, True)])
def test_a_vehicle_twice_as_large_as_real_ones_is_oversized(reference, size, oversized):
    clip = draw([lane(size, 70 - size / 2)], noise=1.0)
    (item,) = check_clip("c", clip, FPS, sizes=reference.sizes).judged
    assert ("oversized" in item.faults) is oversized


def test_the_reference_tells_what_the_checks_say_of_real_clips(reference):
    assert reference.clips == 6
    assert reference.measures["fixed"].value == 1.0
    assert reference.measures["tracks"].value == 1.0


def test_a_reference_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="at least one real clip"):
        Reference.from_clips([])
