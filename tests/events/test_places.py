"""Lanes under points against closed forms."""

import numpy as np

from rareworld.core.road import LaneKind, RoadMap
from rareworld.core.trajectory import Driver
from rareworld.events.places import context_of, find_lanes
from tests.events.build import Setting, record
from tests.events.maps import along, crossroads, drive, lane

DRIVING = frozenset({LaneKind.DRIVING})


def test_station_offset_and_edge_on_a_circle():
    angle = np.linspace(0, np.pi, 400)
    ring = lane("1:0:-1", 30 * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    road = RoadMap(name="ring", lanes={ring.id: ring})
    rng = np.random.default_rng(0)
    at, radius = rng.uniform(0.1, 3.0, 300), rng.uniform(26, 34, 300)
    hits = find_lanes(road, radius[:, None] * np.stack([np.cos(at), np.sin(at)], axis=1), DRIVING)
    inside = np.flatnonzero(np.abs(radius - 30) < 1.74)
    assert (
        set(inside) <= set(hits.point.tolist()) <= set(np.flatnonzero(np.abs(radius - 30) < 1.76))
    )
    np.testing.assert_allclose(hits.station_m, 30 * at[hits.point], atol=0.02)
    np.testing.assert_allclose(hits.offset_m, 30 - radius[hits.point], atol=0.01)
    np.testing.assert_allclose(hits.edge_m, 1.75 - np.abs(hits.offset_m), atol=0.01)
    np.testing.assert_allclose(np.cos(hits.heading_rad - at[hits.point] - np.pi / 2), 1, atol=1e-4)


def test_points_beyond_the_ends_are_in_no_lane():
    road = RoadMap(name="line", lanes={"a": lane("a", np.array([[0.0, 0], [10, 0], [20, 0]]))})
    hits = find_lanes(
        road, np.array([[-0.1, 0], [0.1, 0], [19.9, 0], [20.1, 0], [5, 1.8]]), DRIVING
    )
    assert hits.point.tolist() == [1, 2]


def test_lanes_of_a_drive_come_in_order():
    context = context_of(
        record([along(drive(0, 3), 10, start_m=60)], 12.0, setting=Setting(road=crossroads())), {}
    )
    hits = context.of(0)
    names = [hits.lanes[i].id for i in hits.lane]
    order = [names.index(name) for name in ("0:0:-1", "903:0:-1", "3:0:1")]
    assert order == sorted(order)


def test_drivers_are_free_until_they_are_hit():
    paths = [along(drive(0, 2), 10), along(drive(1, 3), 10, driver=Driver.PHYSICS)]
    context = context_of(record(paths, 2.0, setting=Setting(road=crossroads())), {1: 1.0})
    assert context.free[0].sum() == 30
    assert not context.free[1].any()
