"""Where people walk: keeps them on pavements that SUMO's walking areas cut across.

netconvert joins pavements at a corner by straight walking areas; where the map's pavement curves
around the corner, people would cross grass or wait on the carriageway.
"""

from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.core.road import LaneKind, RoadMap

_EDGE_M = 0.35
"""People keep this far from both edges."""
_FAR_M = 6.0
"""Pavements farther away do not attract anybody."""


@final
class Pavement:
    """All pavements of a map as one set of segments."""

    def __init__(self, road: RoadMap) -> None:
        lanes = [lane for lane in road.lanes.values() if lane.kind is LaneKind.SIDEWALK]
        halves = [np.linalg.norm(lane.left_m - lane.right_m, axis=1) / 2 for lane in lanes]
        none = np.empty((0, 3))
        self._start = np.concatenate([none, *(lane.centre_m[:-1] for lane in lanes)])
        self._step = np.concatenate([none, *(np.diff(lane.centre_m, axis=0) for lane in lanes)])
        self._half_m = np.concatenate([np.empty(0), *(half[:-1] for half in halves)])
        length = np.sum(self._step[:, :2] ** 2, axis=1)
        self._length2_m2 = np.maximum(length, 1e-9)

    def nearest(self, x_m: float, y_m: float) -> Float[np.ndarray, "3"] | None:
        """Return the nearest point people may stand on, None where no pavement is near."""
        if not len(self._start):
            return None
        at = np.array([x_m, y_m])
        share = np.sum((at - self._start[:, :2]) * self._step[:, :2], axis=1) / self._length2_m2
        foot = self._start + np.clip(share, 0.0, 1.0)[:, None] * self._step
        away = at - foot[:, :2]
        gap = np.hypot(away[:, 0], away[:, 1])
        room = np.maximum(self._half_m - _EDGE_M, 0.0)
        index = int(np.argmin(gap - room))
        if gap[index] > _FAR_M:
            return None
        aside = min(1.0, float(room[index]) / max(float(gap[index]), 1e-9))
        out = foot[index].copy()
        out[:2] += aside * away[index]
        return out
