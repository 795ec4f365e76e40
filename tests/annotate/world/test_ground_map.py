"""The plan of the ground: tracks on lanes, oil before stops, hollows at kerbs; raster of areas."""

import numpy as np
import pytest
import shapely

from rareworld.annotate.world.ground_map import HALF_TRACK_M, Grid, make_ground_map, rasterised
from rareworld.annotate.world.markings import spot
from rareworld.annotate.world.model import GroundMap
from rareworld.annotate.world.roads import GroundSize, lay_ground
from rareworld.core.road import LaneKind
from rareworld.core.seed import Seed
from tests.annotate.world.test_world_places import focus_of, road_of

NAMES = ["signalised_junction", "roundabout", "motorway_merge"]


@pytest.fixture(scope="module", params=NAMES)
def case(request):
    road = road_of(request.param)
    centre = focus_of(road)
    ground = lay_ground(road, GroundSize(focus_m=centre, radius_m=80.0, verge_m=10.0))
    return road, ground, centre, make_ground_map(road, ground.plan.driven, centre, Seed(1))


def at(made: GroundMap, layer: int, xy: np.ndarray) -> np.ndarray:
    cell = np.floor((xy - np.array(made.origin_m)) / made.step_m).astype(int)
    inside = ((cell >= 0) & (cell < made.layers.shape[0])).all(axis=1)
    return made.layers[cell[inside, 1], cell[inside, 0], layer].astype(float)


def lanes_near(road, centre, reach=55.0):
    for name in sorted(road.lanes):
        lane = road.lanes[name]
        near = np.linalg.norm(lane.centre_m[:, :2] - np.array(centre), axis=1) < reach
        if lane.kind is LaneKind.DRIVING and lane.junction is None and near.all():
            yield lane


def straight_lanes(road, centre):
    for name in sorted(road.lanes):
        lane = road.lanes[name]
        if lane.kind is LaneKind.DRIVING and lane.junction is None and lane.length_m > 30:
            end = spot(lane, lane.length_m)
            if np.linalg.norm(end.xy - np.array(centre)) < 45.0:
                yield lane


def test_wheel_tracks_lie_on_the_lane_centre_plus_and_minus_half_a_track(case):
    """The most worn places across each lane are half a track from its centre, within 0.2 m."""
    road, _, centre, made = case
    checked = 0
    for lane in straight_lanes(road, centre):
        place = spot(lane, lane.length_m - 12.0)
        left = np.array([-place.way[1], place.way[0]])
        aside = np.arange(-1.3, 1.31, 0.05)
        worn = np.mean([
            at(made, GroundMap.WEAR, place.xy + step * place.way + aside[:, None] * left)
            for step in np.linspace(-3, 3, 25)
        ], axis=0)  # fmt: skip
        for side in (-1, 1):
            half = side * aside > 0
            assert side * aside[half][worn[half].argmax()] == pytest.approx(HALF_TRACK_M, abs=0.2)
        assert worn[np.abs(aside) < 0.1].mean() < 0.5 * worn.max()
        checked += 1
    assert checked >= 2


def test_tracks_go_on_through_junctions(case):
    road, _, _, made = case
    worn = []
    for lane in road.lanes.values():
        if lane.junction and lane.kind is LaneKind.DRIVING and lane.length_m > 6:
            place = spot(lane, lane.length_m / 2)
            left = np.array([-place.way[1], place.way[0]])
            worn += at(made, GroundMap.WEAR, np.stack([place.xy + HALF_TRACK_M * left])).tolist()
    assert not worn or np.median(worn) > 60


def test_oil_lies_between_the_tracks_and_most_of_it_before_the_stop():
    road = road_of("signalised_junction")
    centre = focus_of(road)
    ground = lay_ground(road, GroundSize(focus_m=centre, radius_m=80.0, verge_m=10.0))
    made = make_ground_map(road, ground.plan.driven, centre, Seed(1))
    stops, runs = [], []
    for lane in straight_lanes(road, centre):
        if not lane.successors:
            continue
        near, far = (
            at(made, GroundMap.STAIN, np.stack([spot(lane, lane.length_m - s).xy for s in steps]))
            for steps in (np.arange(1.0, 7.0, 0.4), np.arange(24.0, 30.0, 0.4))
        )
        if len(near) == len(far) == 15:
            stops.append(near.mean())
            runs.append(far.mean())
    assert len(stops) > 2
    assert np.mean(stops) > 1.2 * np.mean(runs) > 0


def test_nothing_is_worn_off_the_road_and_kerbs_are_lower_than_lanes(case):
    _, ground, _, made = case
    size = made.layers.shape[0]
    grid = Grid(made.origin_m, made.step_m, size)
    driven = rasterised(ground.plan.driven, grid)
    for layer in (GroundMap.WEAR, GroundMap.CRACK):
        assert made.layers[~driven][:, layer].max() == 0
    inner = rasterised(ground.plan.driven.buffer(-1.5), grid)
    gutter = driven & ~rasterised(ground.plan.driven.buffer(-0.5), grid)
    hollow = made.layers[..., GroundMap.PUDDLE].astype(float)
    assert hollow[gutter].mean() > 1.5 * hollow[inner].mean()


def test_cracks_and_patches_are_a_small_part_of_the_road(case):
    _, _, _, made = case
    scarred = made.layers[..., GroundMap.CRACK] > 20
    driven = made.layers[..., GroundMap.WEAR] > 0
    assert 0.001 < scarred.sum() / driven.sum() < 0.25


def test_the_plan_follows_its_seed(case):
    road, ground, centre, made = case
    again = make_ground_map(road, ground.plan.driven, centre, Seed(1))
    other = make_ground_map(road, ground.plan.driven, centre, Seed(2))
    assert again.layers.tobytes() == made.layers.tobytes()
    assert other.layers.tobytes() != made.layers.tobytes()
    assert (other.layers[..., GroundMap.WEAR] == made.layers[..., GroundMap.WEAR]).all()


def test_an_area_is_rasterised_as_cell_by_cell_tests_say():
    area = shapely.union(
        shapely.Point(3, 4).buffer(2.1).difference(shapely.Point(3, 4).buffer(1.0)),
        shapely.Polygon([(6.013, 1.02), (9, 2), (7, 8)]),
    )
    grid = Grid((0.0, 0.0), 0.25, 40)
    middle = (np.arange(40) + 0.5) * 0.25
    x, y = np.meshgrid(middle, middle)
    expected = shapely.contains_xy(area, x, y)
    assert (rasterised(shapely.MultiPolygon(shapely.get_parts(area)), grid) == expected).all()
