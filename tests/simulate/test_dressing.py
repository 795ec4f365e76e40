"""Parked vehicles and colours: on the lane, apart from each other, drawn by seed."""

from dataclasses import replace

import numpy as np
import pytest

from rareworld.core.blueprint import BLUEPRINTS
from rareworld.core.geometry import footprint, polygon_gap
from rareworld.core.road import Lane, LaneKind, RoadMap
from rareworld.core.seed import Seed
from rareworld.simulate.appearance import STYLES, paint, style
from rareworld.simulate.parking import ParkingConfig, draw_parked


def street(width_m: float = 2.3) -> RoadMap:
    angle = np.linspace(0, 1.2, 60)
    ring = np.stack([np.sin(angle), 1 - np.cos(angle), np.zeros(60)], axis=1)
    out = np.stack([-np.sin(angle), np.cos(angle), np.zeros(60)], axis=1)
    centre = 100 * ring
    lane = Lane(
        id="1:0:-2", kind=LaneKind.PARKING, centre_m=centre, left_m=centre + out * width_m / 2,
        right_m=centre - out * width_m / 2,
    )  # fmt: skip
    return RoadMap(name="street", lanes={lane.id: lane})


@pytest.mark.parametrize("seed", range(5))
def test_parked_vehicles_fit_their_lane_and_do_not_touch(seed: int) -> None:
    road = street()
    parked = draw_parked(road, ParkingConfig(occupancy=1.0), Seed(seed))
    at = np.array([state.position_m for _, state in parked])
    yaw = np.array([state.yaw_rad for _, state in parked])
    boxes = footprint(at, yaw, np.array([BLUEPRINTS[name].size_m for name, _ in parked]))
    assert polygon_gap(boxes[:-1], boxes[1:]).min() > 0.2
    assert len(parked) > 12
    off = np.abs(np.hypot(at[:, 0], at[:, 1] - 100.0) - 100.0)
    assert off.max() < 0.2


def test_occupancy_is_the_share_of_places_taken() -> None:
    road = street()
    full = sum(len(draw_parked(road, ParkingConfig(occupancy=1.0), Seed(k))) for k in range(40))
    half = sum(len(draw_parked(road, ParkingConfig(occupancy=0.5), Seed(k))) for k in range(40))
    assert half / full == pytest.approx(0.5, abs=0.06)
    assert draw_parked(road, ParkingConfig(occupancy=0.0), Seed(1)) == []


def test_narrow_lanes_stay_empty() -> None:
    assert draw_parked(street(1.7), ParkingConfig(occupancy=1.0), Seed(1)) == []


@pytest.mark.parametrize("blueprint", sorted(BLUEPRINTS))
def test_colours_are_drawn_by_seed_and_valid(blueprint: str) -> None:
    colours = {paint(blueprint, Seed(k)) for k in range(20)}
    assert all(0 <= channel <= 1 for colour in colours for channel in colour)
    assert paint(blueprint, Seed(3)) == paint(blueprint, Seed(3))
    assert len(colours) > 3
    assert 0 <= style(Seed(4)) < STYLES


@pytest.mark.parametrize("seed", range(3))
def test_vehicles_park_on_the_way_of_their_lane(seed: int) -> None:
    for _, state in draw_parked(street(), ParkingConfig(occupancy=1.0), Seed(seed)):
        way = np.arctan2(state.position_m[1] - 100.0, state.position_m[0]) + np.pi / 2
        askew = np.angle(np.exp(1j * (state.yaw_rad - way)))
        assert abs(askew) < 0.1
        assert state.speed_mps == 0.0


def test_a_street_parks_alike_for_one_seed_and_lane_by_lane() -> None:
    """A lane's vehicles do not depend on the other lanes of the map."""
    one = street().lanes["1:0:-2"]
    lanes = {"1:0:-2": one, "0:0:-2": replace(one, id="0:0:-2", centre_m=one.centre_m + 500.0)}
    both = draw_parked(RoadMap(name="two", lanes=lanes), ParkingConfig(), Seed(2))
    alone = draw_parked(street(), ParkingConfig(), Seed(2))
    near = [(name, tuple(s.position_m)) for name, s in both if s.position_m[0] < 250]
    assert near == [(name, tuple(s.position_m)) for name, s in alone]


@pytest.mark.parametrize(
    ("blueprint", "white", "dark"), [("saloon", 0.30, 0.19), ("van", 0.64, 0.05)]
)
def test_paint_comes_in_its_shares(blueprint: str, white: float, dark: float) -> None:
    """About 30 % white and 20 % black cars, two thirds white vans; four standard deviations."""
    drawn = [paint(blueprint, Seed(k)) for k in range(3000)]
    found_white = np.mean([min(colour) > 0.70 for colour in drawn])
    found_dark = np.mean([max(colour) < 0.15 for colour in drawn])
    assert found_white == pytest.approx(white, abs=4 * np.sqrt(white * (1 - white) / 3000))
    assert found_dark == pytest.approx(dark, abs=4 * np.sqrt(dark * (1 - dark) / 3000))


def test_styles_are_all_drawn_alike() -> None:
    counts = np.bincount([style(Seed(k)) for k in range(64 * 40)], minlength=STYLES)
    assert counts.min() > 10
    assert counts.max() < 80
