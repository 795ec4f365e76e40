"""The skyline: beyond the map, off the roads, on the land, no higher than its kind of country."""

import numpy as np
import pytest
import shapely

from rareworld.annotate.world.materials import MATERIALS
from rareworld.annotate.world.plan import lane_area
from rareworld.annotate.world.roads import GroundSize, lay_ground
from rareworld.annotate.world.skyline import (
    CITY,
    COUNTRY,
    SUBURB,
    _chimney,
    _spire,
    _swell,
    _taken,
    _turbine,
    backdrop_of,
    make_skyline,
    roads_on,
)
from rareworld.core.road import LaneKind
from rareworld.core.scene import Family, Prop, PropKind
from rareworld.core.seed import Seed
from rareworld.core.taxonomy import ClassId
from tests.annotate.world.test_world_places import focus_of, road_of
from tests.annotate.world.vehicle_samples import names_in, span

NAMES = ["t_junction", "rural_crossroads", "motorway_merge"]
BACKDROPS = {"city": CITY, "suburb": SUBURB, "country": COUNTRY}


@pytest.fixture(scope="module", params=NAMES)
def case(request):
    road = road_of(request.param)
    size = GroundSize(focus_m=focus_of(road), radius_m=120.0, verge_m=120.0)
    field = lay_ground(road, size).field
    return road, size, field, make_skyline([], road, field, size, Seed(3))


def corners_of(made, *kinds: ClassId) -> np.ndarray:
    keep = np.isin(made.class_id, [int(kind) for kind in kinds])
    return made.vertices_m[made.triangles[keep]].astype(float)


def away_of(corners: np.ndarray, size: GroundSize) -> np.ndarray:
    return np.hypot(*(corners.mean(axis=1)[:, :2] - np.array(size.focus_m)).T)


@pytest.mark.parametrize("name", BACKDROPS)
def test_backdrops_name_families_that_exist_with_usual_sizes(name):
    made = BACKDROPS[name]
    assert set(made.families) <= set(Family)
    assert 5 < made.size_m[2] < 40
    assert made.size_m[0] >= made.size_m[1] > 8
    assert 20 < made.hill_m < 150


def test_towns_have_higher_houses_and_the_country_more_woods_and_higher_hills():
    assert CITY.size_m[2] > SUBURB.size_m[2] >= COUNTRY.size_m[2]
    assert CITY.houses > SUBURB.houses > COUNTRY.houses
    assert CITY.treelines < SUBURB.treelines < COUNTRY.treelines
    assert CITY.hill_m < SUBURB.hill_m < COUNTRY.hill_m


def test_the_majority_of_houses_decides_between_city_and_suburb():
    def houses(*families: Family) -> list[Prop]:
        return [
            Prop(id=10_000 + k, kind=PropKind.BUILDING, position_m=(0.0, 0.0, 0.0), yaw_rad=0.0,
                 size_m=(9.0, 9.0, 9.0), style=int(family))
            for k, family in enumerate(families)
        ]  # fmt: skip

    road = road_of("t_junction")
    assert backdrop_of(houses(*[Family.OFFICE] * 2, Family.SUBURBAN), road) is CITY
    assert backdrop_of(houses(Family.OFFICE, *[Family.SUBURBAN] * 2), road) is SUBURB
    assert backdrop_of([], road) is SUBURB
    assert backdrop_of(houses(*[Family.OFFICE] * 9), road_of("rural_crossroads")) is COUNTRY


def test_houses_and_trees_stand_beyond_the_middle_of_the_map(case):
    """Houses from 120 m on (less their own size), single trees from 90 m on."""
    _, size, _, made = case
    houses = corners_of(made, ClassId.BUILDING)
    assert away_of(houses, size).min() > 120.0 - 16.0
    green = corners_of(made, ClassId.VEGETATION)
    assert away_of(green, size).min() > 90.0 - 8.0


def test_nothing_of_the_skyline_stands_on_a_road(case):
    road, _, _, made = case
    lanes = shapely.union_all([lane_area(lane) for lane in road.lanes.values()])
    shapely.prepare(lanes)
    middle = corners_of(made, ClassId.BUILDING).mean(axis=1)
    assert not shapely.contains_xy(lanes, middle[:, 0], middle[:, 1]).any()


def test_hills_begin_at_the_rim_of_the_ground_and_reach_the_horizon(case):
    """No gap: the first ring lies on the rim at the height of the land there."""
    _, size, field, made = case
    hills = corners_of(made, ClassId.TERRAIN)
    away = np.hypot(*(hills.reshape(-1, 3)[:, :2] - np.array(size.focus_m)).T)
    reach = size.radius_m + size.verge_m
    assert away.min() == pytest.approx(reach, rel=1e-4)
    assert away.max() == pytest.approx(6.7 * reach, rel=1e-4)
    rim = hills.reshape(-1, 3)[away < 1.001 * reach]
    assert np.allclose(rim[:, 2], field.at(rim[:, :2]), atol=0.02)


def test_hills_look_up(case):
    _, _, _, made = case
    hills = corners_of(made, ClassId.TERRAIN)
    normal = np.cross(hills[:, 1] - hills[:, 0], hills[:, 2] - hills[:, 0])
    assert (normal[:, 2] > 0).all()


def test_hills_are_no_higher_than_the_backdrop_says(case):
    road, size, field, made = case
    hills = corners_of(made, ClassId.TERRAIN)
    base = float(field.at(np.array([size.focus_m]))[0])
    top = 1.2 * backdrop_of([], road).hill_m + 0.4
    assert hills[..., 2].max() < base + top + 12.0
    assert hills[..., 2].max() > base + 5.0


def test_what_stands_afar_is_lower_than_a_wind_turbine(case):
    _, size, field, made = case
    base = float(field.at(np.array([size.focus_m]))[0])
    tall = made.vertices_m[:, 2].max() - base
    assert tall < 88 + 42 + 20
    houses = corners_of(made, ClassId.BUILDING)
    assert houses[..., 2].max() - base < 75 + 20


def test_treelines_ring_the_map_and_stand_in_the_ground(case):
    """Upright leaves, a metre deep, 3 to 14 m tall, within the drawn ground."""
    _, size, field, made = case
    green = corners_of(made, ClassId.VEGETATION)
    normal = np.cross(green[:, 1] - green[:, 0], green[:, 2] - green[:, 0])
    upright = np.abs(normal[:, 2]) < 1e-3 * np.linalg.norm(normal, axis=1)
    sheets = green[upright & (np.linalg.norm(normal, axis=1) > 4)]
    assert len(sheets) > 50
    away = np.hypot(*(sheets.reshape(-1, 3)[:, :2] - np.array(size.focus_m)).T)
    reach = size.radius_m + size.verge_m
    assert away.min() > 0.62 * reach - 9
    assert away.max() < reach + 16
    height = sheets.reshape(-1, 3)[:, 2] - field.at(sheets.reshape(-1, 3)[:, :2])
    assert height.min() > -1.1
    assert 5 < height.max() < 20


def test_normals_are_unit_and_materials_known(case):
    _, _, _, made = case
    assert np.allclose(np.linalg.norm(made.normals, axis=1), 1, atol=2e-3)
    assert made.material.max() < len(MATERIALS)
    assert np.isfinite(made.vertices_m).all()


def test_another_seed_is_another_skyline_and_the_same_one_the_same_bytes(case):
    road, size, field, made = case
    again, other = (make_skyline([], road, field, size, Seed(k)) for k in (3, 4))
    assert again.vertices_m.tobytes() == made.vertices_m.tobytes()
    assert again.material.tobytes() == made.material.tobytes()
    assert other.vertices_m.tobytes() != made.vertices_m.tobytes()


def test_props_are_kept_clear_by_three_quarters_of_their_size():
    road = road_of("t_junction")
    item = Prop(id=10_000, kind=PropKind.BUILDING, position_m=(300.0, 300.0, 0.0), yaw_rad=0.0,
                size_m=(20.0, 10.0, 9.0))  # fmt: skip
    bare, taken = _taken([], road), _taken([item], road)
    grown = taken.difference(bare)
    assert grown.contains(shapely.Point(300.0, 316.0))
    assert not grown.contains(shapely.Point(300.0, 318.0))
    bench = Prop(id=10_001, kind=PropKind.BENCH, position_m=(300.0, 300.0, 0.0), yaw_rad=0.0,
                 size_m=(2.0, 1.0, 1.0))  # fmt: skip
    assert _taken([bench], road).equals(bare)


@pytest.mark.parametrize("name", ["t_junction", "rural_crossroads", "roundabout"])
def test_roads_beyond_the_map_are_as_wide_as_the_lanes_that_end_there(name):
    """Area in closed form: 320 m times the width of each open end (overlaps counted once)."""
    road = road_of(name)
    yard = roads_on(road)
    kinds = (LaneKind.DRIVING, LaneKind.SHOULDER, LaneKind.PARKING, LaneKind.BIKE)
    wide = 0.0
    for lane in road.lanes.values():
        if lane.kind in kinds and lane.junction is None:
            for end, open_ in ((-1, not lane.successors), (0, not lane.predecessors)):
                wide += open_ * float(np.hypot(*(lane.left_m[end] - lane.right_m[end])[:2]))
    assert yard.area.area == pytest.approx(320.0 * wide, rel=0.08)
    assert yard.class_id is ClassId.ROAD
    lanes = shapely.union_all([lane_area(lane) for lane in road.lanes.values()])
    assert yard.area.intersection(lanes).area < 60.0


@pytest.mark.parametrize("seed", range(4))
def test_rolling_heights_are_periodic_around_the_horizon(seed):
    angle = np.linspace(0, 2 * np.pi, 65)
    wave = _swell(angle, np.random.default_rng(seed))
    assert wave[0] == pytest.approx(wave[-1])
    assert wave.min() >= 0
    assert wave.max() <= 1.2
    assert np.ptp(wave) > 0.2


def test_a_turbine_has_three_blades_of_42_metres_on_an_88_metre_mast():
    made = _turbine((100.0, 50.0, 2.0), 0.4)
    assert made.bounds_m[0][2] == pytest.approx(2.0, abs=0.5)
    at = made.corners_m.reshape(-1, 3)
    tips = at[np.hypot(at[:, 1] - 50.0, at[:, 2] - 90.0) > 41.0]
    tips = tips[tips[:, 2] > 40]
    angle = np.sort(np.arctan2(tips[:, 2] - 90.0, tips[:, 1] - 50.0))
    groups = np.split(angle, np.flatnonzero(np.diff(angle) > 0.5) + 1)
    assert len(groups) == 3
    middle = np.array([g.mean() for g in groups])
    assert np.diff(middle) == pytest.approx([2 * np.pi / 3] * 2, abs=0.05)


@pytest.mark.parametrize("high", [45.0, 75.0])
def test_chimneys_stand_to_their_height_with_two_red_bands(high):
    made = _chimney((0.0, 0.0, 1.0), high)
    assert made.bounds_m[1][2] == pytest.approx(high + 1.0)
    assert "fascia red" in names_in(made)
    assert made.bounds_m[0][2] == pytest.approx(1.0)


@pytest.mark.parametrize("high", [34.0, 52.0])
def test_spires_end_in_a_point_over_the_middle_of_the_tower(high):
    made = _spire((5.0, -3.0, 0.0), high)
    at = made.corners_m.reshape(-1, 3)
    tip = at[np.argmax(at[:, 2])]
    assert tip == pytest.approx([5.0, -3.0, high])
    assert span(made.corners_m, 2)[0] == 0.0
