"""What road works left: where it lies, how much of it, and that the plan stays one surface."""

import pytest
import shapely

from rareworld.annotate.world.plan import lane_area, make_plan
from rareworld.annotate.world.repairs import repairs
from rareworld.core.road import LaneKind
from tests.annotate.world.test_world_places import PLACES, focus_of, road_of
from tests.annotate.world.world_scenes import strip


def straight(length_m: float, name: str = "one"):
    return strip(name, LaneKind.DRIVING, (0.0, 0.0), (length_m, 0.0), 3.5)


def test_the_same_lane_has_the_same_repairs_and_another_one_others():
    one, again, other = (repairs([straight(400.0, name)]) for name in ("a", "a", "b"))
    assert [x.wkb for x in one.bitumen] == [x.wkb for x in again.bitumen]
    assert [x.wkb for x in one.bitumen] != [x.wkb for x in other.bitumen]


def test_repairs_are_as_frequent_as_stated():
    """Along 20 km: cuts every 1 / (1/60 + 1/35) m less those that overlap, a crack every 15 m."""
    found = [repairs([straight(200.0, str(k))]) for k in range(100)]
    cuts = sum(len(x.fresh) + len(x.pale) for x in found)
    bands = sum(len(x.bitumen) for x in found)
    expected = 20_000 / 60 + 20_000 / 35
    assert 0.75 * expected < cuts <= 1.15 * expected
    rims = 0.5 * cuts
    assert bands - rims == pytest.approx(20_000 / 15, rel=0.1)
    fresh = sum(len(x.fresh) for x in found)
    assert fresh / cuts == pytest.approx(0.65, abs=0.06)


def test_cuts_do_not_overlap_and_reach_no_farther_than_the_next_lane():
    for k in range(20):
        found = repairs([straight(200.0, str(k))])
        cuts = [*found.fresh, *found.pale]
        tree = shapely.STRtree(cuts)
        pairs = tree.query(cuts, predicate="intersects").T
        assert all(a == b for a, b in pairs.tolist())
        for cut in cuts:
            assert max(abs(shapely.get_coordinates(cut)[:, 1])) < 1.75 + 1.2


def test_sealed_cracks_are_narrow_bands():
    """A band of width w and length l has area w l and an outline of 2 l: w is at most 9 cm."""
    for band in repairs([straight(3000.0)]).bitumen:
        assert 2 * band.area / band.length < 0.09


@pytest.mark.parametrize("place", PLACES)
def test_every_point_of_the_plan_belongs_to_one_surface(place):
    road = road_of(place)
    disc = shapely.Point(focus_of(road)).buffer(50)
    plan = make_plan(road, list(road.lanes.values()), list(road.markings), disc)
    low = [plan.white, plan.yellow, plan.bike, plan.bus, plan.gutter, plan.asphalt, plan.iron,
           plan.fresh, plan.pale, plan.bitumen]  # fmt: skip
    high = [plan.kerb, plan.dropped, plan.pavement, plan.tactile, plan.median]
    for parts, whole in ((low, plan.driven), (high, plan.raised)):
        assert sum(x.area for x in parts) == pytest.approx(whole.area, rel=2e-4)
        union = shapely.union_all(parts, grid_size=0.001)
        assert union.symmetric_difference(whole).area < 2e-4 * whole.area + 1e-6
    assert plan.bitumen.area < 0.03 * plan.driven.area
    assert plan.fresh.area + plan.pale.area < 0.12 * plan.driven.area


def test_repairs_stay_off_bus_and_cycle_lanes_of_other_colour():
    road = road_of("arterial")
    disc = shapely.Point(focus_of(road)).buffer(120)
    plan = make_plan(road, list(road.lanes.values()), list(road.markings), disc)
    reserved = shapely.union_all([lane_area(x) for x in road.lanes.values() if x.bus])
    assert plan.bus.area > 100
    assert plan.bus.difference(reserved.buffer(0.01)).area < 1e-3
    for area in (plan.fresh, plan.pale, plan.bitumen):
        assert area.intersection(plan.bus).area < 1e-3
