"""Paths: polylines resampled by arc length with heading and curvature.

Lane changes shift a path sideways by the quintic of least jerk (Flash & Hogan 1985); merging from
any pose onto a path uses a cubic Hermite curve. Proved in tests/simulate/drive/test_drive_path.py.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from jaxtyping import Float

from rareworld.core.geometry import FloatArray
from rareworld.errors import ScenarioError

_STEP_M = 0.25
_SMOOTH = 5
"""Points over which headings are averaged; blunts the corners of coarse polylines."""


@final
@dataclass(frozen=True)
class Path:
    """A way over the ground, told by station: metres from its start, seen from above."""

    points_m: Float[np.ndarray, "p 3"]
    station_m: Float[np.ndarray, "p"]
    heading: Float[np.ndarray, "p"]
    """Unwrapped, radians."""
    bend: Float[np.ndarray, "p"]
    """Curvature per metre, positive to the left."""

    @classmethod
    def through(cls, *polylines_m: FloatArray) -> "Path":
        """Return the path along polylines (p, 2) or (p, 3) laid end to end.

        Raises:
            ScenarioError: If they are shorter than half a metre together.
        """
        points = np.concatenate([_with_height(line) for line in polylines_m])
        run = np.linalg.norm(np.diff(points[:, :2], axis=0), axis=1)
        points = points[np.concatenate([[True], run > 1e-6])]
        run = run[run > 1e-6]
        station = np.concatenate([[0.0], np.cumsum(run)])
        if station[-1] < 2 * _STEP_M:
            raise ScenarioError(f"a path needs at least 0.5 m, got {station[-1]:.3f} m")
        even = np.linspace(0, station[-1], max(round(float(station[-1]) / _STEP_M), 2) + 1)
        resampled = np.stack([np.interp(even, station, axis) for axis in points.T], axis=-1)
        return cls._of(resampled)

    @classmethod
    def _of(cls, points: FloatArray) -> "Path":
        """Return the path through dense points as they are."""
        step = np.diff(points[:, :2], axis=0)
        station = np.concatenate([[0.0], np.cumsum(np.hypot(step[:, 0], step[:, 1]))])
        tangent = np.gradient(points[:, :2], station, axis=0)
        heading = _smooth(np.unwrap(np.arctan2(tangent[:, 1], tangent[:, 0])))
        return cls(points, station, heading, np.gradient(heading, station))

    @cached_property
    def _legs(self) -> tuple[FloatArray, FloatArray]:
        """Steps (p - 1, 2) from point to point and their lengths, seen from above."""
        step = np.diff(self.points_m[:, :2], axis=0)
        return step, np.hypot(step[:, 0], step[:, 1])

    @property
    def length_m(self) -> float:
        """Length seen from above."""
        return float(self.station_m[-1])

    def heading_rad(self, station_m: float) -> float:
        """Return the direction of travel at a station."""
        return float(np.interp(station_m, self.station_m, self.heading))

    def curvature_pm(self, station_m: float) -> float:
        """Return curvature per metre at a station, zero beyond the ends."""
        if not 0 <= station_m <= self.length_m:
            return 0.0
        return float(np.interp(station_m, self.station_m, self.bend))

    def position(self, station_m: float, offset_m: float = 0.0) -> FloatArray:
        """Return the point (3,) at a station and an offset to the left; straight on past ends."""
        inside = min(max(station_m, 0.0), self.length_m)
        base = np.array([np.interp(inside, self.station_m, axis) for axis in self.points_m.T])
        angle, past = self.heading_rad(inside), station_m - inside
        along = np.array([np.cos(angle), np.sin(angle), 0.0])
        left = np.array([-along[1], along[0], 0.0])
        return base + past * along + offset_m * left

    def project(
        self, point_m: FloatArray, near_m: float | None = None, window_m: float = 20.0
    ) -> tuple[float, float]:
        """Return (station, offset to the left) of the nearest place.

        With `near_m` only stations within `window_m` of it count: for paths that cross themselves.
        Points before the start or past the end get stations below 0 or beyond the length.
        """
        start, end = self._window(near_m, window_m)
        a = self.points_m[start : end - 1, :2]
        step, length = self._legs[0][start : end - 1], self._legs[1][start : end - 1]
        rel_x, rel_y = point_m[0] - a[:, 0], point_m[1] - a[:, 1]
        along = (rel_x * step[:, 0] + rel_y * step[:, 1]) / length
        share = np.minimum(np.maximum(along, 0.0), length) / length
        off_x, off_y = rel_x - share * step[:, 0], rel_y - share * step[:, 1]
        best = int(np.argmin(off_x * off_x + off_y * off_y))
        inner = float(along[best])
        if best + start > 0 or inner > 0:
            inner = max(inner, 0.0)
        if best + start < len(self.points_m) - 2 or inner < length[best]:
            inner = min(inner, float(length[best]))
        side = step[best, 0] * rel_y[best] - step[best, 1] * rel_x[best]
        return float(self.station_m[start + best]) + inner, float(side / length[best])

    def _window(self, near_m: float | None, window_m: float) -> tuple[int, int]:
        if near_m is None:
            return 0, len(self.points_m)
        near = min(max(near_m, 0.0), self.length_m)
        start = int(np.searchsorted(self.station_m, near - window_m))
        end = int(np.searchsorted(self.station_m, near + window_m)) + 1
        return min(start, len(self.points_m) - 2), min(max(end, start + 2), len(self.points_m))

    def shifted(self, start_m: float, length_m: float, offset_m: float) -> "Path":
        """Return this path moved left by `offset_m`, blended in over `length_m` from `start_m`.

        Raises:
            ScenarioError: If the blend is shorter than a metre.
        """
        if length_m < 1:
            raise ScenarioError(f"a lane change needs at least 1 m, got {length_m:.2f} m")
        share = np.clip((self.station_m - start_m) / length_m, 0, 1)
        blend = share**3 * (10 - 15 * share + 6 * share**2)
        left = np.stack([-np.sin(self.heading), np.cos(self.heading)], axis=-1)
        moved = self.points_m.copy()
        moved[:, :2] += offset_m * blend[:, None] * left
        return Path._of(moved)

    def joined_from(self, position_m: FloatArray, yaw_rad: float, over_m: float = 15.0) -> "Path":
        """Return a path that leaves a pose along its heading and is on this one `over_m` later."""
        station, _ = self.project(position_m)
        target = min(station + over_m, self.length_m)
        end = self.position(target)
        reach = float(np.hypot(*(end - position_m)[:2]))
        if reach < 2 * _STEP_M:
            raise ScenarioError("nothing of the path lies ahead of the body that shall join it")
        out_angle = self.heading_rad(target)
        leave = reach * np.array([np.cos(yaw_rad), np.sin(yaw_rad), 0.0])
        enter = reach * np.array([np.cos(out_angle), np.sin(out_angle), 0.0])
        s = np.linspace(0, 1, max(int(reach / _STEP_M), 4) + 1)[:, None]
        curve = (
            position_m * (2 * s**3 - 3 * s**2 + 1)
            + leave * (s**3 - 2 * s**2 + s)
            + end * (3 * s**2 - 2 * s**3)
            + enter * (s**3 - s**2)
        )
        rest = self.points_m[self.station_m > target + _STEP_M / 2]
        return Path.through(curve, rest) if len(rest) else Path.through(curve)


def _with_height(line: FloatArray) -> FloatArray:
    points = np.asarray(line, dtype=np.float64)
    if points.shape[1] == 3:
        return points
    return np.concatenate([points, np.zeros((len(points), 1))], axis=1)


def _smooth(values: FloatArray) -> FloatArray:
    """Return a moving average; at the ends over what there is, symmetrically."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    index = np.arange(len(values))
    reach = np.minimum(np.minimum(index, len(values) - 1 - index), _SMOOTH // 2)
    return (total[index + reach + 1] - total[index - reach]) / (2 * reach + 1)
