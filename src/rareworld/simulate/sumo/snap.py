"""Moves SUMO's lanes onto the map's lanes.

netconvert stacks the lanes it keeps next to each other, so a pavement behind a parking lane comes
out a parking lane's width too close. Every lane carries the road and lane it came from; its points
are put back on that lane's centre line. Proved in tests/simulate/sumo/test_sumo_snap.py.
"""

from typing import Any

import numpy as np
from jaxtyping import Float

from rareworld.core.road import RoadMap

Element = Any
"""An lxml element."""

_TOLERANCE_M = 0.05


def snapped_shapes(net: Element, road: RoadMap) -> dict[tuple[str, str], str]:
    """Return new shapes by (edge id, lane index) for lanes that lie off their map lane."""
    centres = _centres(road)
    out: dict[tuple[str, str], str] = {}
    for edge in net.findall("edge"):
        for lane in edge.findall("lane"):
            lines = centres.get(_origin(lane))
            if edge.get("function") is None and lines:
                points = parse_shape(lane.get("shape"))
                moved = _nearest(points[:, :2], lines)
                if np.linalg.norm(moved - points[:, :2], axis=1).max() > _TOLERANCE_M:
                    text = _shape_text(moved, points[:, 2:])
                    out[edge.get("id"), lane.get("index")] = text
    return out


def parse_shape(text: str) -> Float[np.ndarray, "p d"]:
    """Return the points of a SUMO shape: two or three columns."""
    rows = [[float(value) for value in point.split(",")] for point in text.split()]
    width = min(len(row) for row in rows)
    return np.array([row[:width] for row in rows], dtype=np.float64)


def _shape_text(xy: Float[np.ndarray, "p 2"], z: Float[np.ndarray, "p _"]) -> str:
    rows = np.concatenate([xy, z], axis=1)
    return " ".join(",".join(f"{value:.3f}" for value in row) for row in rows)


def _origin(lane: Element) -> tuple[str, str]:
    """Return (road, lane number) of the OpenDRIVE lane a SUMO lane came from."""
    param = lane.find("param[@key='origId']")
    text = "" if param is None else str(param.get("value", "")).split(" ")[0]
    road, _, number = text.rpartition("_")
    return road, number


def _centres(road: RoadMap) -> dict[tuple[str, str], list[Float[np.ndarray, "p 2"]]]:
    """Return the centre lines of all sections by (road, lane number)."""
    out: dict[tuple[str, str], list[Float[np.ndarray, "p 2"]]] = {}
    for lane in road.lanes.values():
        name, _, rest = lane.id.partition(":")
        out.setdefault((name, rest.partition(":")[2]), []).append(lane.centre_m[:, :2])
    return out


def _nearest(
    points: Float[np.ndarray, "p 2"], lines: list[Float[np.ndarray, "_ 2"]]
) -> Float[np.ndarray, "p 2"]:
    """Return the nearest point on any of the lines for each point."""
    start = np.concatenate([line[:-1] for line in lines])
    step = np.concatenate([np.diff(line, axis=0) for line in lines])
    rel = points[:, None] - start
    along = np.sum(rel * step, axis=-1) / np.maximum(np.sum(step * step, axis=-1), 1e-12)
    foot = start + np.clip(along, 0, 1)[..., None] * step
    best = np.linalg.norm(points[:, None] - foot, axis=-1).argmin(axis=1)
    return foot[np.arange(len(points)), best]
