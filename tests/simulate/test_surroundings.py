"""What physics is told of small maps: heights, kerbs, props, posts."""

import math

import numpy as np
import pytest

from rareworld.core.lanes import LaneIndex
from rareworld.core.road import Lane, LaneKind, RoadMap, Signal, SignalKind
from rareworld.core.scene import Prop, PropKind
from rareworld.errors import ConfigError
from rareworld.simulate.crash.obstacles import Obstacles
from rareworld.simulate.maps.library import load_place
from rareworld.simulate.surroundings import BESIDE_M, WHEELED, ground_near, obstacles_near


def strip(name, kind, left_y, right_y, rise=0.0, lift=0.0, length=80.0):
    """A straight lane along x; z rises with x."""
    x = np.linspace(-length / 2, length / 2, 41)

    def line(y):
        return np.stack([x, np.full_like(x, y), rise * x + lift], axis=-1)

    return Lane(
        id=name, kind=kind, left_m=line(left_y), right_m=line(right_y),
        centre_m=line((left_y + right_y) / 2),
    )  # fmt: skip


def street(rise=0.0, gap=0.0, signals=()):
    """One driving lane between two pavements; `gap` is a verge before the right one."""
    lanes = (
        strip("1:0:-1", LaneKind.DRIVING, 2.0, -2.0, rise),
        strip("1:0:1", LaneKind.SIDEWALK, 4.0, 2.0, rise, 0.12),
        strip("1:0:-2", LaneKind.SIDEWALK, -2.0 - gap, -4.0 - gap, rise, 0.12),
    )
    return RoadMap(name="street", lanes={lane.id: lane for lane in lanes}, signals=signals)


def post(name, x, kind=SignalKind.TRAFFIC_LIGHT):
    return Signal(id=name, kind=kind, position_m=(x, -3.0, 0.1), yaw_rad=0.0, height_m=3.0)


ORIGIN = np.zeros(3)


def test_level_ground_is_a_plane_at_road_height():
    ground = ground_near(LaneIndex(street()), ORIGIN, 30.0)
    assert ground.grid_m is None
    assert ground.level_m == pytest.approx(0.0)


@pytest.mark.parametrize("y", [0.0, 1.9, 3.0, 5.5, 14.0, -25.0])
@pytest.mark.parametrize("x", [-20.0, 0.0, 13.5])
def test_ground_is_the_road_and_goes_on_beside_it(x, y):
    """Pavements do not raise it; kerbs do that."""
    ground = ground_near(LaneIndex(street(rise=0.1)), ORIGIN, 30.0)
    assert ground.height(x, y) == pytest.approx(0.1 * x, abs=0.01)


def test_ground_of_a_hilly_place_is_that_of_its_lanes_everywhere_on_and_beside_them():
    place = load_place("rural_crossroads")
    index, rng = LaneIndex(place.road), np.random.default_rng(2)
    points = np.round(rng.uniform(-60, 60, (400, 2)))
    exact = index.nearest(points, kinds=WHEELED, limit_m=BESIDE_M).height_m
    near = np.isfinite(exact)
    assert near.sum() > 50
    ground = ground_near(index, ORIGIN, 60.0)
    np.testing.assert_allclose(ground.heights(points[near])[0], exact[near], atol=1e-9)


def test_a_place_without_roads_near_is_refused():
    with pytest.raises(ConfigError, match="finite somewhere within"):
        ground_near(LaneIndex(street()), np.array([500.0, 500.0, 0.0]), 20.0)


@pytest.mark.parametrize("rise", [0.0, 0.05])
@pytest.mark.parametrize("gap", [0.0, 1.0])
def test_kerbs_run_along_the_roadside_of_pavements_at_road_level(rise, gap):
    found = obstacles_near(LaneIndex(street(rise, gap)), (), ORIGIN, 20.0)
    assert len(found.kerbs_m) == 2
    sides = sorted(float(line[0, 1]) for line in found.kerbs_m)
    assert sides[1] == pytest.approx(2.0)
    assert sides[0] in (pytest.approx(-2.0 - gap), pytest.approx(-4.0 - gap))
    for line in found.kerbs_m:
        assert np.hypot(line[:, 0], line[:, 1]).max() <= 20.0
        assert np.ptp(line[:, 0]) > 34.0
        np.testing.assert_allclose(line[:, 2], rise * line[:, 0], atol=1e-6)


def test_a_kerb_that_leaves_the_circle_and_comes_back_is_two_pieces():
    angle = np.linspace(0, 2 * math.pi * 0.9, 60)

    def ring(radius):
        x, y = 25 + radius * np.cos(angle), radius * np.sin(angle)
        return np.stack([x, y, np.zeros_like(angle)], axis=-1)

    lanes = {
        "1:0:-1": Lane(id="1:0:-1", kind=LaneKind.DRIVING, left_m=ring(18.0), right_m=ring(22.0),
                       centre_m=ring(20.0)),
        "1:0:-2": Lane(id="1:0:-2", kind=LaneKind.SIDEWALK, left_m=ring(22.0), right_m=ring(24.0),
                       centre_m=ring(23.0)),
    }  # fmt: skip
    index = LaneIndex(RoadMap(name="ring", lanes=lanes))
    centre = np.array([25.0 + 22.0, 0.0, 0.0])
    pieces = obstacles_near(index, (), centre, 20.0).kerbs_m
    assert len(pieces) == 2
    for piece in pieces:
        steps = np.hypot(*np.diff(piece[:, :2], axis=0).T)
        assert steps.max() < 3.0


def test_props_count_by_their_near_side_and_posts_by_their_foot():
    house = Prop(id=10001, kind=PropKind.BUILDING, position_m=(28, 0, 0), yaw_rad=0,
                 size_m=(20, 10, 9))  # fmt: skip
    lamp = Prop(id=10002, kind=PropKind.STREET_LAMP, position_m=(21, 0, 0), yaw_rad=0,
                size_m=(0.2, 0.2, 8))  # fmt: skip
    signals = (post("a", 10.0), post("b", 40.0), post("c", 5.0, SignalKind.SPEED_LIMIT))
    found = obstacles_near(LaneIndex(street(signals=signals)), (house, lamp), ORIGIN, 20.0)
    assert [prop.id for prop in found.props] == [10001]
    assert found.posts_m == ((10.0, -3.0, 0.1),)


def test_everything_found_becomes_solid_shapes_of_finite_size():
    place = load_place("school_street")
    found = obstacles_near(LaneIndex(place.road), (), ORIGIN, 60.0)
    assert isinstance(found, Obstacles)
    solids = list(found.solids())
    assert len(solids) > 20
    assert all(np.all(np.isfinite((*s.centre_m, *s.half_m))) for s in solids)
    assert all(min(s.half_m) > 0 for s in solids)
