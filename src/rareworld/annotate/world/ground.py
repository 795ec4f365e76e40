"""The lie of the land: heights and levels of a road map.

Every surface asks one height function, so neighbouring polygons meet without a gap. Heights are
planes fitted to the nearest lane samples by moving least squares (Lancaster & Salkauskas 1981),
with weights that fade to zero at the last sample, so they are continuous. Lanes that pass over
others (bridges) belong to a higher level with a height function of its own.
"""

from collections.abc import Sequence
from typing import final

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import KDTree

from rareworld.core.road import Lane

_OVER_M = 2.5
"""A lane this far above another one's sample passes over it."""
_NEAR_M = 3.0
_NEIGHBOURS = 14
_SOFT_M2 = 0.5
_FADE_M = 10.0
"""Slopes are carried on about this far beyond the samples, then the land levels out."""
_FLAT_M = 0.02


def _samples(lanes: Sequence[Lane]) -> Float[np.ndarray, "p 3"]:
    """Return both edges and the centre of all lanes, resampled where they are sparse."""
    rows: list[np.ndarray] = []
    for lane in lanes:
        rows += [dense(line, 4.0) for line in (lane.left_m, lane.centre_m, lane.right_m)]
    return np.concatenate(rows)


def dense(line_m: Float[np.ndarray, "p 3"], step_m: float) -> Float[np.ndarray, "q 3"]:
    """Return a polyline with points at most `step_m` apart; its own points are kept."""
    length = np.linalg.norm(np.diff(line_m[:, :2], axis=0), axis=1)
    station = np.concatenate([[0.0], np.cumsum(length)])
    pieces = np.maximum(np.ceil(length / step_m), 1).astype(int)
    index = np.repeat(np.arange(len(pieces)), pieces)
    offset = np.arange(len(index)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    at = np.concatenate([station[index] + length[index] * offset / pieces[index], station[-1:]])
    return np.stack([np.interp(at, station, line_m[:, axis]) for axis in range(3)], axis=1)


def _plane_at_origin(
    offset: Float[np.ndarray, "p k 2"],
    z: Float[np.ndarray, "p k"],
    weight: Float[np.ndarray, "p k"],
    fade: Float[np.ndarray, "p"],
) -> Float[np.ndarray, "p"]:
    """Return the height at offset 0 of planes fitted to weighted samples; weights sum to 1."""
    middle = np.einsum("pk,pkd->pd", weight, offset)
    height = np.sum(weight * z, axis=1)
    away = offset - middle[:, None]
    spread = np.einsum("pk,pka,pkb->pab", weight, away, away) + 0.05 * np.eye(2)
    pull = np.einsum("pk,pka,pk->pa", weight, away, z - height[:, None])
    slope = np.linalg.solve(spread, pull[..., None])[..., 0]
    return height - fade * np.sum(slope * middle, axis=1)


@final
class HeightField:
    """Height of one level at any place."""

    def __init__(self, samples_m: Float[np.ndarray, "p 3"]) -> None:
        self._xy, self._z = samples_m[:, :2], samples_m[:, 2]
        self.flat_m = float(np.median(self._z)) if float(np.ptp(self._z)) < _FLAT_M else None
        self._tree = KDTree(samples_m[:, :2])

    def at(self, xy_m: Float[np.ndarray, "p 2"]) -> Float[np.ndarray, "p"]:
        """Return heights in metres."""
        if self.flat_m is not None:
            return np.full(len(xy_m), self.flat_m)
        count = min(_NEIGHBOURS, len(self._z))
        found = self._tree.query(np.round(xy_m, 4), k=count)
        away, index = (np.asarray(part).reshape(len(xy_m), count) for part in found)
        index = index.astype(np.int64)
        reach = away[:, -1:] * 1.001 + 1e-9
        weight = (1 - away / reach) ** 2 / (away**2 + _SOFT_M2)
        weight /= weight.sum(axis=1, keepdims=True)
        offset = self._xy[index] - xy_m[:, None]
        fade = 1 / (1 + (away[:, 0] / _FADE_M) ** 2)
        return _plane_at_origin(offset, self._z[index], weight, fade)


def lane_levels(lanes: Sequence[Lane]) -> Int[np.ndarray, "n"]:
    """Return 0 for lanes on the ground, 1 for lanes that pass over those, and so on."""
    points = [dense(lane.centre_m, 3.0) for lane in lanes]
    owner = np.repeat(np.arange(len(lanes)), [len(line) for line in points])
    level = np.zeros(len(lanes), dtype=np.int64)
    stacked = np.concatenate(points)
    if float(np.ptp(stacked[:, 2])) < _OVER_M:
        return level
    pairs = KDTree(stacked[:, :2]).query_pairs(_NEAR_M, output_type="ndarray")
    rise = stacked[pairs[:, 0], 2] - stacked[pairs[:, 1], 2]
    crossing = pairs[np.abs(rise) > _OVER_M]
    rise = rise[np.abs(rise) > _OVER_M]
    upper = owner[np.where(rise > 0, crossing[:, 0], crossing[:, 1])]
    lower = owner[np.where(rise > 0, crossing[:, 1], crossing[:, 0])]
    for _ in range(4):
        np.maximum.at(level, upper, level[lower] + 1)
    return level


def height_field(lanes: Sequence[Lane]) -> HeightField:
    """Return the heights of these lanes."""
    return HeightField(_samples(lanes))
