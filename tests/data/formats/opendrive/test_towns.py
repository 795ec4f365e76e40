"""CARLA's towns: they parse whole, and CARLA's own reader puts the lanes in the same place.

The towns are not ours to ship. Set RAREWORLD_TOWNS to a folder of `Town*.xodr` or `.xodr.gz`.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from rareworld.core.road import LaneKind, RoadMap, SignalKind
from rareworld.data.formats.opendrive import read_opendrive

FOLDER = os.environ.get("RAREWORLD_TOWNS")
SMALL = ("Town01", "Town02", "Town03", "Town04", "Town05", "Town06", "Town07", "Town10HD")
pytestmark = pytest.mark.skipif(not FOLDER, reason="RAREWORLD_TOWNS is not set")


def town(name: str) -> RoadMap:
    """Read a town, or skip if the folder lacks it."""
    found = sorted(Path(FOLDER or "").glob(f"{name}.xodr*"))
    if not found:
        pytest.skip(f"{name} is not in RAREWORLD_TOWNS")
    return read_opendrive(found[0])


@pytest.mark.parametrize("name", SMALL)
def test_town_is_whole(name: str):
    road = town(name)
    driving = [lane for lane in road.lanes.values() if lane.kind is LaneKind.DRIVING]
    joints = [(lane, road.lanes[name]) for lane in driving for name in lane.successors]
    gaps = [np.linalg.norm(a.centre_m[-1] - b.centre_m[0]) for a, b in joints]
    assert np.quantile(gaps, 0.99) < 0.05
    assert np.mean([bool(lane.successors) for lane in driving]) > 0.9
    assert all(np.isfinite(lane.centre_m).all() for lane in road.lanes.values())


@pytest.mark.parametrize("name", SMALL)
def test_every_light_with_lanes_has_a_line_and_faces_its_traffic(name: str):
    road = town(name)
    lights = [s for s in road.signals if s.kind is SignalKind.TRAFFIC_LIGHT and s.lanes]
    assert len(lights) > 8
    for light in lights:
        assert light.stop_line_m is not None
        # left to right seen by the driver, so the driver's heading is a quarter turn to the left
        across = light.stop_line_m[1] - light.stop_line_m[0]
        ahead = np.array([-across[1], across[0]])
        assert ahead @ [np.cos(light.yaw_rad), np.sin(light.yaw_rad)] < 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Town01", "Town03", "Town10HD"])
def test_lane_centres_match_carlas_own_reader(name: str):
    """CARLA's waypoints lie within 5 cm of our centre lines, heights within 2 cm.

    Its frame is left-handed: y is mirrored.
    """
    carla = pytest.importorskip("carla")
    road = town(name)
    by_lane: dict[str, list[list[float]]] = {}
    for point in carla.Map(name, road.source).generate_waypoints(1.0):
        at = point.transform.location
        key = f"{point.road_id}:{point.section_id}:{point.lane_id}"
        by_lane.setdefault(key, []).append([at.x, -at.y, at.z])
    assert set(by_lane) <= set(road.lanes)
    away = np.concatenate(
        [_distance_m(np.array(rows), road.lanes[key].centre_m) for key, rows in by_lane.items()]
    )
    assert len(away) > 1000
    assert np.mean(away < 0.05) >= 0.999
    assert away.max() < 0.1


def _distance_m(points: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Distance in space from points to a polyline, by brute force."""
    a, step = line[:-1], np.diff(line, axis=0)
    rel = points[:, None] - a
    share = np.clip((rel * step).sum(-1) / (step * step).sum(-1), 0, 1)
    return np.linalg.norm(rel - share[..., None] * step, axis=-1).min(axis=1)
