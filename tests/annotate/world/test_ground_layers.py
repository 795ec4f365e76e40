"""Layers of the ground on one straight lane, in closed form; and the water of a flood."""

import numpy as np
import pytest
import shapely

from rareworld.annotate.world.flood import WATER, _level, _sheet
from rareworld.annotate.world.grime import clouds
from rareworld.annotate.world.ground_map import (
    HALF_TRACK_M,
    Grid,
    _bell,
    _gather,
    make_ground_map,
    rasterised,
)
from rareworld.annotate.world.materials import material
from rareworld.annotate.world.model import GroundMap
from rareworld.annotate.world.plan import lane_area
from rareworld.core.road import LaneKind, RoadMap
from rareworld.core.seed import Seed
from rareworld.core.taxonomy import ClassId
from tests.annotate.world.world_scenes import strip

LANE = strip("one", LaneKind.DRIVING, (-50.0, 0.0), (50.0, 0.0), 3.5)
ROAD = RoadMap(name="straight", lanes={"one": LANE})


@pytest.fixture(scope="module")
def made() -> GroundMap:
    return make_ground_map(ROAD, lane_area(LANE), (0.0, 0.0), Seed(1))


def across(made: GroundMap, layer: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean of a layer along the lane by distance from its centre line (to the left)."""
    rows, columns = made.layers.shape[:2]
    y = made.origin_m[1] + (np.arange(rows) + 0.5) * made.step_m
    x = made.origin_m[0] + (np.arange(columns) + 0.5) * made.step_m
    inner = np.abs(x) < 40
    return y, made.layers[:, inner, layer].mean(axis=1) / 255


def test_the_map_is_a_square_of_128_metres_about_its_centre(made):
    size = made.layers.shape[0] * made.step_m
    assert made.layers.shape[0] == made.layers.shape[1]
    assert size == pytest.approx(128.0, abs=made.step_m)
    assert made.origin_m == (-64.0, -64.0)


def test_wear_across_a_lane_is_two_bells_half_a_track_from_its_middle(made):
    """0.85 exp(-(|y| - 0.76)^2 / (2 0.24^2)), averaged over a cell; years make it uneven by 0.2."""
    y, worn = across(made, GroundMap.WEAR)
    inside = np.abs(y) < 1.6
    expected = 0.85 * np.exp(-0.5 * ((np.abs(y) - 0.76) / 0.24) ** 2)
    assert np.abs(worn - expected)[inside].max() < 0.2
    assert y[inside & (y > 0)][worn[inside & (y > 0)].argmax()] == pytest.approx(0.76, abs=0.15)
    assert y[inside & (y < 0)][worn[inside & (y < 0)].argmax()] == pytest.approx(-0.76, abs=0.15)


def test_oil_drips_between_the_tracks(made):
    y, oil = across(made, GroundMap.STAIN)
    inner = np.abs(y) < 1.0  # dirt lies at the edges
    assert abs(y[inner][oil[inner].argmax()]) < 0.16
    oil = np.where(inner, oil, 0.0)
    assert oil[np.abs(np.abs(y) - HALF_TRACK_M) < 0.1].mean() < 0.5 * oil.max()


def test_nothing_happens_off_the_lane(made):
    y, _ = across(made, GroundMap.WEAR)
    off = np.abs(y) > 1.75 + made.step_m
    for layer in (GroundMap.WEAR, GroundMap.CRACK):
        assert made.layers[off][..., layer].max() == 0
    assert 0 < made.layers[off][..., GroundMap.STAIN].mean() < 0.15 * 255


def test_water_gathers_at_the_edges_of_a_lane(made):
    y, deep = across(made, GroundMap.PUDDLE)
    edge = (np.abs(y) > 1.3) & (np.abs(y) < 1.7)
    middle = np.abs(y) < 0.4
    assert deep[edge].mean() > 1.5 * deep[middle].mean()


def test_the_middle_of_the_map_is_where_it_is_asked_for():
    moved = make_ground_map(ROAD, lane_area(LANE), (20.0, 10.0), Seed(1))
    assert moved.origin_m == (-44.0, -54.0)
    row = int((0.76 - moved.origin_m[1]) / moved.step_m)
    assert moved.layers[row, :, GroundMap.WEAR].max() > 150


def test_a_narrower_grid_holds_only_its_own_points():
    grid = Grid((10.0, 20.0), 0.5, 4)
    xy = np.array([[10.1, 20.1], [11.9, 21.9], [12.1, 20.1], [9.9, 20.1], [10.6, 20.1]])
    assert grid.holds(xy).tolist() == [True, True, False, False, True]
    assert grid.cells(xy).tolist() == [0, 15, 1]


@pytest.mark.parametrize("away", [0.0, 0.3, 1.0])
def test_bells_are_gaussian(away):
    assert _bell(np.array([away]), 0.5)[0] == pytest.approx(np.exp(-2 * away**2))


def test_lanes_that_cross_share_what_is_left():
    """1 - (1 - a)(1 - b): never above one, whatever the order."""
    for order in ((0.3, 0.8), (0.8, 0.3)):
        layer = np.zeros(1, np.float32)
        for share in order:
            _gather(layer, np.array([0]), np.array([share]))
        assert layer[0] == pytest.approx(1 - 0.7 * 0.2, abs=1e-6)


@pytest.mark.parametrize("cells", [4, 12, 44])
def test_noise_is_smooth_within_its_bounds_about_one_half(cells):
    noise = clouds(np.random.default_rng(3), 256, cells).astype(float)
    assert 0 <= noise.min() < noise.max() <= 1
    assert noise.mean() == pytest.approx(0.5, abs=0.08)
    doubled = 2 if 12 * cells < 256 else 1
    assert np.abs(np.diff(noise, axis=0)).max() < 1.6 * doubled * cells / 256


@pytest.mark.parametrize("seed", range(5))
def test_random_polygons_are_rasterised_with_their_area(seed):
    """Cell count times cell area against shoelace; exact twin: every cell centre tested alone."""
    rng = np.random.default_rng(seed)
    area = shapely.union_all([
        shapely.Point(*rng.uniform(3, 17, 2)).buffer(rng.uniform(0.5, 4)) for _ in range(4)
    ])  # fmt: skip
    grid = Grid((0.0, 0.0), 0.2, 100)
    found = rasterised(area, grid)
    middle = (np.arange(100) + 0.5) * 0.2
    x, y = np.meshgrid(middle, middle)
    assert (found == shapely.contains_xy(area, x, y)).all()
    inside = area.intersection(shapely.box(0, 0, 20, 20)).area
    assert found.sum() * 0.04 == pytest.approx(inside, rel=0.02)


@pytest.mark.parametrize(("low", "high"), [((0, 0), (100, 60)), ((-7, 3), (5, 9)),
                                           ((0, 0), (26, 800))])  # fmt: skip
def test_a_sheet_of_water_is_level_and_covers_its_rectangle(low, high):
    made = _sheet(np.array(low, float), np.array(high, float), 1.25)
    corners = made.vertices_m[made.triangles].astype(float)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (normal[:, 2] > 0).all()
    assert normal[:, 2].sum() / 2 == pytest.approx((high[0] - low[0]) * (high[1] - low[1]))
    assert made.vertices_m[:, 2] == pytest.approx(1.25)
    assert np.ptp(corners[..., :2], axis=1).max() <= 25.0 + 1e-6
    assert set(made.material.tolist()) == {material(WATER)}
    assert set(made.class_id.tolist()) == {int(ClassId.WATER)}


def test_water_stands_over_the_lowest_tenth_of_the_road_nearby():
    """A road that rises one in ten: the 10 % quantile of heights within 60 m of the middle."""
    slope = strip("up", LaneKind.DRIVING, (-100.0, 0.0), (100.0, 0.0), 3.5, lambda x, y: 0.1 * x)
    road = RoadMap(name="slope", lanes={"up": slope})
    heights = slope.centre_m[np.hypot(*slope.centre_m[:, :2].T) < 60.0, 2]
    assert _level(road, np.zeros(2)) == pytest.approx(np.quantile(heights, 0.1))
    assert _level(road, np.array([900.0, 0.0])) == pytest.approx(
        np.quantile(slope.centre_m[:, 2], 0.1)
    )
