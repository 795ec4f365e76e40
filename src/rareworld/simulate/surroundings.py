"""What physics needs of a place: the ground as tyres feel it, and everything that can be hit."""

from itertools import pairwise

import numpy as np

from rareworld.core.geometry import FloatArray
from rareworld.core.lanes import LaneIndex
from rareworld.core.road import Lane, LaneKind, SignalKind
from rareworld.core.scene import Prop
from rareworld.simulate.crash.ground import Ground
from rareworld.simulate.crash.obstacles import Obstacles

GROUND_STEP_M = 1.0
BESIDE_M = 4.0
"""Ground this near to a road has the height of the road's edge; beyond, that of the nearest such
ground. Farther points cost far more to look up."""
KERB_REACH_M = 500.0
"""A pavement takes its road's level from this far at most."""
WHEELED = (LaneKind.DRIVING, LaneKind.BIKE, LaneKind.PARKING, LaneKind.SHOULDER)
"""Lanes at road level; pavements are kerb-high and are obstacles instead."""


def ground_near(index: LaneIndex, centre_m: FloatArray, radius_m: float) -> Ground:
    """Return the road's surface around a point, carried on beyond its edges."""
    x, y = float(centre_m[0]), float(centre_m[1])
    bounds = (x - radius_m, y - radius_m, x + radius_m, y + radius_m)
    return Ground.sampled(lambda points: _heights(index, points, BESIDE_M), bounds, GROUND_STEP_M)


def _heights(index: LaneIndex, points_m: FloatArray, limit_m: float) -> FloatArray:
    """Return the height of the nearest lane at road level, NaN where none is within a limit."""
    found = index.nearest(points_m, kinds=WHEELED, limit_m=limit_m)
    return np.asarray(found.height_m, dtype=np.float64)


def obstacles_near(
    index: LaneIndex, props: tuple[Prop, ...], centre_m: FloatArray, radius_m: float
) -> Obstacles:
    """Return props, signal posts and kerbs within a radius."""
    centre = centre_m[:2]
    return Obstacles(
        props=tuple(prop for prop in props if prop.solid and _reach(prop, centre) <= radius_m),
        posts_m=tuple(
            signal.position_m
            for signal in index.road.signals
            if signal.kind is not SignalKind.SPEED_LIMIT
            and np.hypot(*(np.array(signal.position_m[:2]) - centre)) <= radius_m
        ),
        kerbs_m=tuple(
            piece
            for lane in index.road.lanes.values()
            if lane.kind is LaneKind.SIDEWALK
            for piece in _kerb_pieces(index, lane, centre, radius_m)
        ),
    )


def _reach(prop: Prop, centre: FloatArray) -> float:
    """Return the distance from a point to the near side of a prop."""
    away = float(np.hypot(*(np.array(prop.position_m[:2]) - centre)))
    return away - max(prop.size_m[0], prop.size_m[1]) / 2


def _kerb_pieces(
    index: LaneIndex, lane: Lane, centre: FloatArray, radius_m: float
) -> list[FloatArray]:
    """Return the pieces of a pavement's road-side edge near a point, at road level."""
    edge = _roadside(index, lane)
    near = np.hypot(edge[:, 0] - centre[0], edge[:, 1] - centre[1]) <= radius_m
    rows = np.flatnonzero(near & np.isfinite(edge[:, 2]))
    cuts = [0, *(np.flatnonzero(np.diff(rows) > 1) + 1).tolist(), len(rows)]
    return [edge[rows[a:b]] for a, b in pairwise(cuts) if b - a > 1]


def _roadside(index: LaneIndex, lane: Lane) -> FloatArray:
    """Return the edge of a pavement that touches a lane for wheels, lowered to that lane."""
    outward = lane.left_m - lane.right_m
    width = np.maximum(np.linalg.norm(outward[:, :2], axis=1, keepdims=True), 1e-6)
    step = 0.4 * outward / width
    beyond = {"left": lane.left_m + step, "right": lane.right_m - step}
    on = {side: index.on_kind(points[:, :2], WHEELED).mean() for side, points in beyond.items()}
    side = max(on, key=lambda name: on[name])
    edge = (lane.left_m if side == "left" else lane.right_m).copy()
    edge[:, 2] = _heights(index, beyond[side][:, :2], KERB_REACH_M)
    return edge
