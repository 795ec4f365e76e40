"""What traffic and years did to the ground, as a plan: wheel tracks, oil, hollows, cracks, patches.

Every driving lane is swept in its own coordinates (station, offset to the left), so tracks follow
lanes through junctions. Track width 1.5 m and wander of 0.2 m are those of cars (Buiter et al.
1989, Transportation Research Record 1227). Proved in tests/annotate/world/test_ground_map.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import shapely
from jaxtyping import Float, Float32, Int, UInt8
from scipy import ndimage
from shapely.geometry.base import BaseGeometry

from rareworld.annotate.world.grime import (
    Layer,
    chipped,
    clouds,
    drips,
    gutter_dirt,
    kerb_distance_m,
    mottled,
    stains,
)
from rareworld.annotate.world.model import GroundMap
from rareworld.core.geometry import FloatArray
from rareworld.core.road import Lane, LaneKind, RoadMap
from rareworld.core.seed import Seed

HALF_TRACK_M = 0.76
_WANDER_M = 0.24
_OIL_M = 0.34
_REACH_M = 64.0
"""Half the side of the mapped square."""
_STEP_M = 0.15
_SWEEP_M = 0.13
"""Distance of the points with which lanes are swept; below the cell, so that none is missed."""
_QUEUE_M = 22.0
_START_M = 4.0
_USE = 0.85
"""Wear in the middle of a wheel track of a lane of its own."""
_DRIVEN = (LaneKind.DRIVING, LaneKind.BIKE, LaneKind.SHOULDER, LaneKind.PARKING)


@final
@dataclass(frozen=True)
class Grid:
    """Square cells over the ground."""

    origin_m: tuple[float, float]
    step_m: float
    size: int
    """Rows and columns."""

    def cells(self, xy_m: Float[np.ndarray, "p 2"]) -> Int[np.ndarray, "q"]:
        """Return the flat index of the cells of the points that lie on the grid."""
        at = np.floor((xy_m - np.asarray(self.origin_m)) / self.step_m).astype(np.int64)
        return (at[:, 1] * self.size + at[:, 0])[self.holds(xy_m)]

    def holds(self, xy_m: Float[np.ndarray, "p 2"]) -> np.ndarray:
        """Return which points lie on the grid."""
        at = (xy_m - np.asarray(self.origin_m)) / self.step_m
        return np.all((at >= 0) & (at < self.size), axis=1)


@final
@dataclass(frozen=True)
class _Sweep:
    """Points over the whole of a lane with their place on the grid."""

    cell: Int[np.ndarray, "q"]
    aside_m: Float[np.ndarray, "q"]
    """To the left of the centre line."""
    ahead_m: Float[np.ndarray, "q"]
    """To the end of the lane."""


def _resampled(lane: Lane) -> tuple[Float[np.ndarray, "n 2"], Float[np.ndarray, "n"]]:
    """Return points along the centre line and half widths."""
    station = lane.station_m
    at = np.linspace(0.0, station[-1], max(int(station[-1] / _SWEEP_M), 1) + 1)
    xy = np.column_stack([np.interp(at, station, lane.centre_m[:, axis]) for axis in (0, 1)])
    half = np.linalg.norm(lane.left_m[:, :2] - lane.right_m[:, :2], axis=1) / 2
    return xy, np.interp(at, station, half)


def _sweep(lane: Lane, grid: Grid) -> _Sweep:
    xy, half = _resampled(lane)
    near = np.abs(xy - np.asarray(grid.origin_m) - grid.size * grid.step_m / 2).max(axis=1)
    way = np.gradient(xy, axis=0) if len(xy) > 1 else np.ones((1, 2))
    way /= np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)
    keep = near < grid.size * grid.step_m / 2 + 3.0
    ahead = (len(xy) - 1 - np.arange(len(xy)))[keep] * _SWEEP_M
    xy, half, way = xy[keep], half[keep], way[keep]
    wide = float(half.max(initial=0.0))
    aside = np.arange(-wide, wide + _SWEEP_M, _SWEEP_M)
    points = xy[:, None] + aside[:, None] * np.stack([-way[:, 1], way[:, 0]], axis=1)[:, None]
    flat = points.reshape(-1, 2)
    held = grid.holds(flat)
    held &= (np.abs(aside) <= half[:, None]).ravel()
    return _Sweep(
        grid.cells(flat[held]),
        np.broadcast_to(aside, points.shape[:2]).ravel()[held],
        np.broadcast_to(ahead[:, None], points.shape[:2]).ravel()[held],
    )


def _bell(away: FloatArray, width: float) -> FloatArray:
    return np.exp(-0.5 * (away / width) ** 2)


def _gather(layer: Float32[np.ndarray, "c"], cell: np.ndarray, share: FloatArray) -> None:
    """Let each lane take its share of what is still untouched."""
    layer[cell] += (1 - layer[cell]) * share.astype(np.float32)


def _strength(swept: _Sweep, lane: Lane) -> FloatArray:
    """Return how often a lane is used; those of junctions share their mouths with others."""
    if lane.junction is None:
        return np.full(len(swept.cell), _USE)
    end = np.minimum(swept.ahead_m, lane.length_m - swept.ahead_m)
    return _USE * (0.40 + 0.45 * np.exp(-end / 5.0))


def _stops(lane: Lane, road: RoadMap) -> bool:
    """Tell whether traffic queues at the end of a lane."""
    return lane.junction is None and any(
        road.lanes[name].junction is not None for name in lane.successors if name in road.lanes
    )


def _traffic(
    road: RoadMap, lanes: Sequence[Lane], grid: Grid, wear: np.ndarray, stain: np.ndarray
) -> None:
    """Add wheel tracks and oil of all driving lanes."""
    for lane in lanes:
        swept = _sweep(lane, grid)
        inside = lane.junction is not None
        track = _bell(np.abs(swept.aside_m) - HALF_TRACK_M, _WANDER_M)
        _gather(wear, swept.cell, _strength(swept, lane) * track)
        oil = (0.16 if inside else 0.32) * _bell(swept.aside_m, _OIL_M)
        if inside:
            since = lane.length_m - swept.ahead_m
            oil = oil + 0.40 * _bell(swept.aside_m, 0.5) * np.exp(-since / _START_M)
        if _stops(lane, road):
            oil = oil + 0.45 * _bell(swept.aside_m, 0.6) * np.exp(-swept.ahead_m / _QUEUE_M)
        _gather(stain, swept.cell, oil)


def rasterised(area: BaseGeometry, grid: Grid) -> np.ndarray:
    """Return which cell centres lie in an area (even-odd rule along rows), shape (size, size)."""
    toggles = np.zeros((grid.size, grid.size + 1), dtype=np.int32)
    for part in shapely.get_parts(shapely.get_parts(area)):
        if isinstance(part, shapely.Polygon):
            for ring in (part.exterior, *part.interiors):
                _toggle(shapely.get_coordinates(ring), grid, toggles)
    return np.cumsum(toggles, axis=1)[:, :-1] % 2 == 1


def _toggle(ring: Float[np.ndarray, "p 2"], grid: Grid, toggles: np.ndarray) -> None:
    """Count where the edges of a ring cross the middles of rows."""
    at = (ring - np.asarray(grid.origin_m)) / grid.step_m - 0.5
    a, b = at[:-1], at[1:]
    low, high = np.minimum(a[:, 1], b[:, 1]), np.maximum(a[:, 1], b[:, 1])
    first = np.clip(np.ceil(low), 0, grid.size).astype(np.int64)
    last = np.clip(np.ceil(high), 0, grid.size).astype(np.int64)
    count = last - first
    edge = np.repeat(np.arange(len(a)), count)
    row = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    share = (row - a[edge, 1]) / (b[edge, 1] - a[edge, 1])
    x = a[edge, 0] + share * (b[edge, 0] - a[edge, 0])
    column = np.clip(np.ceil(x), 0, grid.size).astype(np.int64)
    np.add.at(toggles, (row, column), 1)


def _hollows(
    driven: np.ndarray, kerb_m: Layer, wear: np.ndarray, rng: np.random.Generator
) -> Layer:
    """Return how deep water can stand: along kerbs, in ruts, in low places."""
    size = len(driven)
    low = 0.6 * clouds(rng, size, 12) + 0.4 * clouds(rng, size, 44)
    gutter = np.exp(-((kerb_m / 0.55) ** 2)) * (0.45 + 1.1 * clouds(rng, size, 9))
    dish = np.clip((low - 0.60) * 4.5, 0, 1)
    rut = 0.9 * wear * np.clip((low - 0.42) * 3, 0, 1)
    ground = np.clip((low - 0.66) * 3.0, 0, 1)
    made = np.where(driven, np.maximum(np.maximum(0.75 * gutter, dish), rut), 0.7 * ground)
    return ndimage.uniform_filter(made.astype(np.float32), 3)


@final
@dataclass
class _Scars:
    """Draws cracks and patches in the coordinates of lanes."""

    grid: Grid
    layer: Float32[np.ndarray, "c"]
    rng: np.random.Generator

    def _mark(self, xy: FloatArray, value: float) -> None:
        """Mark points, each shared out to the four cells around it."""
        at = (xy - np.asarray(self.grid.origin_m)) / self.grid.step_m - 0.5
        part = at - np.floor(at)
        for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
            share = np.abs(1 - dx - part[:, 0]) * np.abs(1 - dy - part[:, 1])
            corner = xy + (np.array([dx, dy]) - part) * self.grid.step_m
            held = self.grid.holds(corner)
            made = (value * np.minimum(1.5 * share[held], 1)).astype(np.float32)
            np.maximum.at(self.layer, self.grid.cells(corner), made)

    def lane(self, lane: Lane) -> None:
        """Add what is found on one lane."""
        xy, half = _resampled(lane)
        if len(xy) < 40:
            return
        way = np.gradient(xy, axis=0)
        way /= np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)
        left = np.stack([-way[:, 1], way[:, 0]], axis=1)
        length = len(xy) * _SWEEP_M
        if lane.junction is None:
            self._seam(xy, left, half)
        busy = 4.0 if lane.junction is not None else 1.0
        for _ in range(self.rng.poisson(length / (16 * busy))):
            self._across(xy, left, half)
        for _ in range(self.rng.poisson(length / (55 * busy))):
            self._patch(xy, left, half)

    def _seam(self, xy: FloatArray, left: FloatArray, half: FloatArray) -> None:
        """Draw the joint between two strips of asphalt, open in places."""
        wobble = np.cumsum(self.rng.normal(0, 0.006, len(xy)))
        wobble -= np.linspace(0, wobble[-1], len(xy))
        rough = np.convolve(self.rng.normal(0, 1, len(xy)), np.ones(60) / 8, mode="same")
        at = xy + (half[:, None] - 0.10 + np.clip(wobble, -0.12, 0.12)[:, None]) * left
        self._mark(at[rough[: len(at)] > 0.6], 0.34)

    def _across(self, xy: FloatArray, left: FloatArray, half: FloatArray) -> None:
        """Draw a crack that runs across the lane, or along it now and then."""
        k = int(self.rng.integers(len(xy)))
        wide = float(half[k])
        aside = np.arange(self.rng.uniform(-wide, 0), self.rng.uniform(0, wide), 0.05)
        walk = np.cumsum(self.rng.normal(0, 0.03, len(aside)))
        ahead = np.array([-left[k, 1], left[k, 0]])
        if self.rng.random() < 0.35:
            aside, walk = walk + aside[:1], (aside - aside[:1]) * 2.2
        depth = float(self.rng.uniform(0.25, 0.6))
        self._mark(xy[k] + aside[:, None] * left[k] - walk[:, None] * ahead, depth)

    def _patch(self, xy: FloatArray, left: FloatArray, half: FloatArray) -> None:
        """Draw a patch of newer asphalt with a sealed rim: a repair, or a trench."""
        k, wide = int(self.rng.integers(len(xy))), float(half.min())
        ahead = np.array([left[k, 1], -left[k, 0]])
        trench = self.rng.random() < 0.45
        size = self.rng.uniform(0.5, 0.9) if trench else self.rng.uniform(0.9, 3.2)
        across = 2 * wide if trench else self.rng.uniform(0.7, 1.6)
        middle = 0.0 if trench else self.rng.uniform(-0.5, 0.5) * wide
        u, v = (np.arange(-span / 2, span / 2 + 0.07, 0.07) for span in (size, across))
        grid = np.stack(np.meshgrid(u, v, indexing="ij"), axis=-1).reshape(-1, 2)
        at = xy[k] + grid[:, :1] * ahead + (grid[:, 1:] + middle) * left[k]
        shade = float(self.rng.uniform(0.12, 0.3))
        self._mark(at, shade)
        rim = (np.abs(grid) > np.array([size, across]) / 2 - 0.09).any(axis=1)
        self._mark(at[rim], shade + 0.14)


def _soil(
    plan: Float32[np.ndarray, "4 s s"], driven: np.ndarray, painted: np.ndarray, seed: Seed
) -> None:
    """Add dirt, hollows and worn paint to the tracks, oil and scars of a plan."""
    years = Seed(0).child("years").generator()
    wear = plan[GroundMap.WEAR] * (0.62 + 0.66 * clouds(years, len(driven), 26))
    plan[GroundMap.WEAR] = chipped(wear, painted, years)
    rng = seed.child("hollows").generator()
    kerb_m = kerb_distance_m(driven, _STEP_M)
    plan[GroundMap.PUDDLE] = _hollows(driven, kerb_m, wear, rng)
    rng = seed.child("grime").generator()
    dirt = drips(plan[GroundMap.STAIN], rng, _STEP_M) + mottled(rng, len(driven))
    dirt += gutter_dirt(kerb_m, rng)
    plan[GroundMap.STAIN] = np.where(driven, dirt, stains(rng, len(driven)))
    plan[[GroundMap.WEAR, GroundMap.CRACK]] *= driven


def make_ground_map(
    road: RoadMap,
    driven: BaseGeometry,
    centre_m: tuple[float, float],
    seed: Seed,
    painted: BaseGeometry | None = None,
) -> GroundMap:
    """Return the plan around a place.

    Args:
        road: Its lanes.
        driven: Area at the height of the carriageway.
        centre_m: (x, y) of the middle of the plan.
        seed: Of hollows, dirt, cracks and patches.
        painted: Area of paint, which wears faster; none if not given.
    """
    size = round(2 * _REACH_M / _STEP_M)
    corner = centre_m[0] - _REACH_M, centre_m[1] - _REACH_M
    grid = Grid(corner, _STEP_M, size)
    lanes = [road.lanes[name] for name in sorted(road.lanes)]
    driving = [lane for lane in lanes if lane.kind == LaneKind.DRIVING]
    layers = np.zeros((4, size * size), dtype=np.float32)
    _traffic(road, driving, grid, layers[GroundMap.WEAR], layers[GroundMap.STAIN])
    scars = _Scars(grid, layers[GroundMap.CRACK], seed.child("scars").generator())
    for lane in lanes:
        if lane.kind in _DRIVEN:
            scars.lane(lane)
    plan = layers.reshape(4, size, size)
    _soil(plan, rasterised(driven, grid), rasterised(painted or shapely.Polygon(), grid), seed)
    whole: UInt8[np.ndarray, "r c 4"] = np.round(np.clip(plan, 0, 1) * 255).astype(np.uint8)
    return GroundMap(
        origin_m=corner, step_m=_STEP_M, layers=np.ascontiguousarray(whole.transpose(1, 2, 0))
    )
