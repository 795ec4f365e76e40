"""The ground: a plane, or heights on a regular grid, the same for tyres and bodies.

Heights between grid points are bilinear; where none is known the nearest known one is carried on.
Proved in tests/simulate/crash/test_crash_parts.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Int

from rareworld.core.geometry import FloatArray
from rareworld.errors import ConfigError
from rareworld.simulate.crash.vectors import dot, limited

Heights = Callable[[FloatArray], FloatArray]
"""Takes points (n, 2) in metres, returns heights (n,), NaN where it knows none."""


@final
@dataclass(frozen=True, kw_only=True)
class Ground:
    """A horizontal plane at `level_m` unless a grid is given; build grids with `sampled`."""

    level_m: float = 0.0
    origin_m: tuple[float, float] = (0.0, 0.0)
    """Where the first grid point lies."""
    step_m: float = 1.0
    grid_m: Float[np.ndarray, "rows columns"] | None = None
    """Heights; rows along y, columns along x."""

    @classmethod
    def sampled(
        cls, height_at: Heights, bounds_m: tuple[float, float, float, float], step_m: float = 1.0
    ) -> "Ground":
        """Return a grid over (x_min, y_min, x_max, y_max), or a plane if it is level to 1 mm.

        Raises:
            ConfigError: If the bounds are empty, no height is known or one is infinite.
        """
        x0, y0, x1, y1 = bounds_m
        if not (x1 > x0 and y1 > y0):
            raise ConfigError(f"ground bounds must be (x_min, y_min, x_max, y_max), got {bounds_m}")
        xs = x0 + step_m * np.arange(int(np.ceil((x1 - x0) / step_m)) + 1)
        ys = y0 + step_m * np.arange(int(np.ceil((y1 - y0) / step_m)) + 1)
        points: FloatArray = (
            np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2).astype(np.float64)
        )
        heights = np.asarray(height_at(points), dtype=np.float64).reshape(len(ys), len(xs))
        if np.any(np.isinf(heights)) or np.all(np.isnan(heights)):
            raise ConfigError(f"ground heights must be finite somewhere within {bounds_m}")
        heights = _carried_on(heights)
        if np.ptp(heights) < 1e-3:
            return cls(level_m=float(heights.mean()))
        return cls(origin_m=(float(x0), float(y0)), step_m=step_m, grid_m=heights)

    def heights(
        self, points_m: Float[np.ndarray, "*s 2"]
    ) -> tuple[Float[np.ndarray, "*s"], Float[np.ndarray, "*s 3"]]:
        """Return height and unit normal under each point; beyond the grid its edge goes on."""
        if self.grid_m is None:
            shape = points_m.shape[:-1]
            return np.full(shape, self.level_m), np.broadcast_to(_UP, (*shape, 3))
        return _bilinear(self.grid_m, (points_m - self.origin_m) / self.step_m, self.step_m)

    def height(self, x_m: float, y_m: float) -> float:
        """Return the height at one point."""
        if self.grid_m is None:
            return self.level_m
        rows, columns = self.grid_m.shape
        x = min(max((x_m - self.origin_m[0]) / self.step_m, 0.0), columns - 1.0)
        y = min(max((y_m - self.origin_m[1]) / self.step_m, 0.0), rows - 1.0)
        column, row = min(int(x), columns - 2), min(int(y), rows - 2)
        fx, fy = x - column, y - row
        (a, b), (c, d) = self.grid_m[row : row + 2, column : column + 2].tolist()
        return (a * (1 - fx) + b * fx) * (1 - fy) + (c * (1 - fx) + d * fx) * fy


_UP: FloatArray = np.array([0.0, 0.0, 1.0])


def _carried_on(grid: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows columns"]:
    """Return the grid with its gaps filled from the nearest known point, first along columns."""
    known = ~np.isnan(grid)
    if known.all():
        return grid
    row, gap = _nearest_known(known)
    columns = np.arange(grid.shape[1])
    apart = (columns[:, None] - columns[None, :]) ** 2
    out = grid.copy()
    for index in np.flatnonzero(~known.all(axis=1)):
        best = np.argmin(apart + gap[index] ** 2, axis=1)
        out[index] = grid[row[index, best], best]
    return out


def _nearest_known(
    known: Bool[np.ndarray, "rows columns"],
) -> tuple[Int[np.ndarray, "rows columns"], Float[np.ndarray, "rows columns"]]:
    """Return the row of the nearest known point within each column, and how far away it is."""
    count = len(known)
    rows = np.arange(count)[:, None]
    above = np.maximum.accumulate(np.where(known, rows, -1), axis=0)
    below = np.minimum.accumulate(np.where(known, rows, count)[::-1], axis=0)[::-1]
    up = np.where(above >= 0, rows - above, np.inf)
    down = np.where(below < count, below - rows, np.inf)
    return np.where(up <= down, above, below), np.minimum(up, down)


def _bilinear(
    grid: Float[np.ndarray, "rows columns"], place: Float[np.ndarray, "*s 2"], step_m: float
) -> tuple[Float[np.ndarray, "*s"], Float[np.ndarray, "*s 3"]]:
    """Return interpolated height and normal at places in units of the grid."""
    limit = np.array([grid.shape[1] - 1.0, grid.shape[0] - 1.0])
    inside = limited(place, 0.0, limit)
    cell = np.minimum(inside, limit - 1).astype(np.int64)
    share = inside - cell
    fx, fy = share[..., 0], share[..., 1]
    column, row = cell[..., 0], cell[..., 1]
    a, b = grid[row, column], grid[row, column + 1]
    c, d = grid[row + 1, column], grid[row + 1, column + 1]
    height = (a * (1 - fx) + b * fx) * (1 - fy) + (c * (1 - fx) + d * fx) * fy
    slope_x = ((b - a) * (1 - fy) + (d - c) * fy) / step_m
    slope_y = ((c - a) * (1 - fx) + (d - b) * fx) / step_m
    normal = np.empty((*height.shape, 3))
    normal[..., 0], normal[..., 1], normal[..., 2] = -slope_x, -slope_y, 1.0
    return height, normal / np.sqrt(dot(normal, normal))[..., None]
