"""Fast questions about many points at once: which lane, where on it, how high is the road.

Every lane is cut into the quads between its cross sections; a uniform grid of cells holds the
quads that touch each cell, and how far each cell is from the next one that holds any. A query
starts at that distance, looks at the cells around and reduces over the quads found there. Each set
of lane kinds that is asked for gets its own grid. Proved against a brute-force twin in
`tests/core/test_lanes.py`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Int

from rareworld.core.geometry import inside_convex
from rareworld.core.lane_paths import LanePath, lane_routes, path_from
from rareworld.core.road import Lane, LaneKind, RoadMap, Turn

_CELL_M = 4.0
_MOST_CELLS = 4_000_000
_FULL_TURN = 2.0
_SLACK_M = 0.05
_CHUNK = 4096
_MOST_RINGS = 32
_LEVEL_M = 2.5
_OUTSIDE_WEIGHT = 1e3
_OFFSET_WEIGHT = 1e-3
_EPS = 1e-9


@final
@dataclass(frozen=True, kw_only=True)
class LanePlaces:
    """Where n points are with respect to the lanes found for them."""

    lane: Int[np.ndarray, "n"]
    """Number of the lane in `LaneIndex.ids`; -1 where there is none."""
    station_m: Float[np.ndarray, "n"]
    """Along the lane in travel direction; NaN where there is no lane, as below."""
    offset_m: Float[np.ndarray, "n"]
    """Signed distance from the centre line, positive to the driver's left."""
    yaw_rad: Float[np.ndarray, "n"]
    """Heading of the lane there."""
    height_m: Float[np.ndarray, "n"]
    """z of the lane's surface at the point (of its nearest edge for points beside it)."""
    outside_m: Float[np.ndarray, "n"]
    """How far the point is beside the lane; 0 on it."""


@final
class LaneIndex:
    """Spatial index over the lanes of one map; build once, ask often."""

    def __init__(self, road: RoadMap) -> None:
        self.road = road
        self.ids: tuple[str, ...] = tuple(road.lanes)
        self._lanes = tuple(road.lanes.values())
        self._kind = np.array([list(LaneKind).index(lane.kind) for lane in self._lanes], dtype=int)
        self._quads = _cut(self._lanes)
        whole = _Grid.over(self._quads.corners_m[..., :2])
        self._grids: dict[frozenset[LaneKind], _Grid] = {frozenset(LaneKind): whole}

    def lane(self, number: int) -> Lane:
        """Return the lane of a number found by a query."""
        return self._lanes[number]

    def nearest(
        self,
        points_m: Float[np.ndarray, "n d"],
        *,
        kinds: Collection[LaneKind] | None = None,
        yaw_rad: Float[np.ndarray, "n"] | None = None,
        limit_m: float = 50.0,
    ) -> LanePlaces:
        """Return the nearest lane within a limit; a lane that covers the point is nearest.

        Points are (x, y) or (x, y, z); with z, lanes on another level count as farther. Of several
        lanes that cover a point the one that runs along `yaw_rad` wins, else the most central one.
        """
        quad = np.full(len(points_m), -1)
        for first in range(0, len(points_m), _CHUNK):
            rows = slice(first, first + _CHUNK)
            yaw = None if yaw_rad is None else yaw_rad[rows]
            quad[rows] = self._search(points_m[rows], kinds, yaw, limit_m)
        return self._places(points_m, quad, limit_m)

    def under(
        self,
        points_m: Float[np.ndarray, "n d"],
        *,
        kinds: Collection[LaneKind] | None = None,
        yaw_rad: Float[np.ndarray, "n"] | None = None,
    ) -> LanePlaces:
        """Return the lane that covers each point; see `nearest` for the choice among several."""
        local, quad = self._covering_candidates(points_m, kinds)
        found = _measure(self._quads, points_m, local, quad)
        score = _score(found, None if yaw_rad is None else yaw_rad[local])
        best = _Best(len(points_m))
        here = found.covered
        best.take(np.arange(len(points_m)), local[here], quad[here], score[here])
        return self._places(points_m, best.quad, np.inf)

    def covering(
        self, points_m: Float[np.ndarray, "n d"], kinds: Collection[LaneKind] | None = None
    ) -> tuple[Int[np.ndarray, "m"], Int[np.ndarray, "m"]]:
        """Return all pairs (point number, lane number) where the lane covers the point."""
        local, quad = self._covering_candidates(points_m, kinds)
        found = _measure(self._quads, points_m, local, quad)
        pairs = np.stack([local, self._quads.lane[quad]], axis=1)[found.covered]
        unique = np.unique(pairs, axis=0)
        return unique[:, 0], unique[:, 1]

    def on_kind(
        self, points_m: Float[np.ndarray, "n d"], kinds: Collection[LaneKind]
    ) -> Bool[np.ndarray, "n"]:
        """Return which points lie on a lane of one of the kinds."""
        out = np.zeros(len(points_m), dtype=bool)
        out[self.covering(points_m, kinds)[0]] = True
        return out

    def crosswalk_at(self, points_m: Float[np.ndarray, "n d"]) -> Int[np.ndarray, "n"]:
        """Return the number of the crosswalk in `road.crosswalks` under each point, or -1."""
        out = np.full(len(points_m), -1)
        for number, crosswalk in enumerate(self.road.crosswalks):
            outline = crosswalk.outline_m[:, :2]
            close = np.all(
                (points_m[:, :2] >= outline.min(axis=0)) & (points_m[:, :2] <= outline.max(axis=0)),
                axis=1,
            )
            rows = np.flatnonzero(close)
            out[rows[inside_convex(points_m[rows, :2], outline)]] = number
        return out

    def height_at(self, points_m: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n"]:
        """Return z of the road surface, pavements and kerbs included; NaN off all lanes.

        Where roads cross above each other, points with z get the level nearest to it, points
        without z the highest.
        """
        local, quad = self._covering_candidates(points_m, None)
        found = _measure(self._quads, points_m, local, quad)
        far = -found.height_m if points_m.shape[1] == 2 else found.level_gap_m
        best = _Best(len(points_m))
        here = found.covered
        best.take(np.arange(len(points_m)), local[here], np.flatnonzero(here), far[here])
        padded = np.append(found.height_m, np.nan)
        return padded[best.quad]

    def point_on(
        self,
        lane_id: str,
        station_m: Float[np.ndarray, "n"],
        offset_m: Float[np.ndarray, "n"] | float = 0.0,
    ) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "n"]]:
        """Return position and heading at stations of a lane, shifted to the left by offsets."""
        lane = self.road.lanes[lane_id]
        path = LanePath(lanes=(lane_id,), start_m=(0.0,), points_m=lane.centre_m)
        return path.at(station_m, offset_m)

    def routes(
        self, from_lane: str, horizon_m: float, *, most: int = 64
    ) -> tuple[tuple[str, ...], ...]:
        """Return the lane sequences that start with a lane and reach a length or a dead end."""
        return lane_routes(self.road, from_lane, horizon_m, most=most)

    def path_from(
        self,
        lane_id: str,
        station_m: float = 0.0,
        choices: Sequence[Turn] = (),
        *,
        horizon_m: float = 100.0,
    ) -> LanePath:
        """Return the way ahead from a place on a lane; see `lane_paths.path_from`."""
        return path_from(self.road, lane_id, station_m, choices, horizon_m=horizon_m)

    def _search(
        self,
        points_m: Float[np.ndarray, "n d"],
        kinds: Collection[LaneKind] | None,
        yaw_rad: Float[np.ndarray, "n"] | None,
        limit_m: float,
    ) -> Int[np.ndarray, "n"]:
        """Return the best quad of each point; -1 if none."""
        grid = self._grid_of(kinds)
        best = _Best(len(points_m))
        rings = grid.empty_rings(points_m[:, :2])
        for ring in np.unique(rings[(rings - 1) * grid.cell_m <= limit_m]).tolist():
            self._widen(best, grid, points_m, yaw_rad, np.flatnonzero(rings == ring), ring, limit_m)
        return best.quad

    def _widen(
        self,
        best: "_Best",
        grid: "_Grid",
        points_m: Float[np.ndarray, "n d"],
        yaw_rad: Float[np.ndarray, "n"] | None,
        waiting: Int[np.ndarray, "k"],
        ring: int,
        limit_m: float,
    ) -> None:
        """Search ever wider rings of cells from a first one on, as long as points may gain."""
        done, reach = ring - 1, ring
        while len(waiting):
            local, quad = grid.near(points_m[waiting, :2], done, reach)
            local, quad = self._promising(points_m[waiting], local, quad)
            found = _measure(self._quads, points_m[waiting], local, quad)
            score = _score(found, None if yaw_rad is None else yaw_rad[waiting[local]])
            best.take(waiting, local, quad, score)
            searched_m = reach * grid.cell_m
            if searched_m >= limit_m:
                break
            waiting = waiting[best.score[waiting] > searched_m * _OUTSIDE_WEIGHT + _FULL_TURN]
            farthest_m = min(best.score[waiting].max(initial=0.0) / _OUTSIDE_WEIGHT, limit_m)
            enough = int(np.ceil(farthest_m / grid.cell_m))
            done, reach = reach, max(reach + 1, min(2 * reach, enough))

    def _grid_of(self, kinds: Collection[LaneKind] | None) -> "_Grid":
        """Return the grid of the lanes of some kinds; it is made when first asked for."""
        key = frozenset(LaneKind if kinds is None else kinds)
        if key not in self._grids:
            allowed = np.array([kind in key for kind in LaneKind])
            whole = self._grids[frozenset(LaneKind)]
            self._grids[key] = whole.only(allowed[self._kind[self._quads.lane]])
        return self._grids[key]

    def _covering_candidates(
        self, points_m: Float[np.ndarray, "n d"], kinds: Collection[LaneKind] | None
    ) -> tuple[Int[np.ndarray, "m"], Int[np.ndarray, "m"]]:
        """Return (point, quad) pairs of quads near enough to cover the point."""
        local, quad = self._grid_of(kinds).near(points_m[:, :2], -1, 0)
        away = self._quads.middle_m[quad, :2] - points_m[local, :2]
        keep = np.sum(away * away, axis=1) <= (self._quads.radius_m[quad] + _EPS) ** 2
        return local[keep], quad[keep]

    def _promising(
        self,
        points_m: Float[np.ndarray, "n d"],
        local: Int[np.ndarray, "m"],
        quad: Int[np.ndarray, "m"],
    ) -> tuple[Int[np.ndarray, "k"], Int[np.ndarray, "k"]]:
        """Drop pairs that cannot win: their bounding ball is farther than another's far side."""
        away = self._quads.middle_m[quad, :2] - points_m[local, :2]
        distance = np.hypot(away[:, 0], away[:, 1])
        radius = self._quads.radius_m[quad]
        level = np.zeros(len(quad))
        if points_m.shape[1] == 3:
            level = np.abs(self._quads.middle_m[quad, 2] - points_m[local, 2])
        rise = self._quads.half_height_m[quad]
        low = np.maximum(distance - radius, 0.0) + np.maximum(level - rise - _LEVEL_M, 0.0)
        high = distance + radius + np.maximum(level + rise - _LEVEL_M, 0.0)
        limit = np.full(len(points_m), np.inf)
        np.minimum.at(limit, local, high)
        keep = low <= limit[local] + _SLACK_M
        return local[keep], quad[keep]

    def _places(
        self, points_m: Float[np.ndarray, "n d"], quad: Int[np.ndarray, "n"], limit_m: float
    ) -> LanePlaces:
        """Return the answer for the chosen quads."""
        rows = np.flatnonzero(quad >= 0)
        found = _measure(self._quads, points_m, rows, quad[rows])
        keep = found.outside_m <= limit_m
        rows, chosen = rows[keep], quad[rows[keep]]
        lane = np.full(len(points_m), -1)
        lane[rows] = self._quads.lane[chosen]

        def spread(values: Float[np.ndarray, "m"]) -> Float[np.ndarray, "n"]:
            """Return one value per point, NaN where nothing was found."""
            out = np.full(len(points_m), np.nan)
            out[rows] = values[keep]
            return out

        return LanePlaces(
            lane=lane,
            station_m=spread(found.station_m),
            offset_m=spread(found.offset_m),
            yaw_rad=spread(found.yaw_rad),
            height_m=spread(found.height_m),
            outside_m=spread(found.outside_m),
        )


@final
@dataclass(frozen=True, kw_only=True)
class _Quads:
    """All lanes cut between neighbouring cross sections."""

    lane: Int[np.ndarray, "q"]
    start_station_m: Float[np.ndarray, "q"]
    centre_m: Float[np.ndarray, "q 2 2"]
    corners_m: Float[np.ndarray, "q 4 3"]
    """Left and right at the start, right and left at the end."""
    middle_m: Float[np.ndarray, "q 3"]
    radius_m: Float[np.ndarray, "q"]
    """From the middle to the farthest corner, seen from above."""
    half_height_m: Float[np.ndarray, "q"]
    """From the middle's z to that of the farthest corner."""


def _cut(lanes: Sequence[Lane]) -> _Quads:
    """Cut lanes into quads."""
    number = [np.full(len(lane.centre_m) - 1, index) for index, lane in enumerate(lanes)]
    centre = [np.stack([c[:-1], c[1:]], axis=1) for c in (lane.centre_m[:, :2] for lane in lanes)]
    corners = [
        np.stack([lane.left_m[:-1], lane.right_m[:-1], lane.right_m[1:], lane.left_m[1:]], axis=1)
        for lane in lanes
    ]
    joined = np.concatenate(corners)
    middle = joined.mean(axis=1)
    spread = joined - middle[:, None]
    return _Quads(
        lane=np.concatenate(number),
        start_station_m=np.concatenate([lane.station_m[:-1] for lane in lanes]),
        centre_m=np.concatenate(centre),
        corners_m=joined,
        middle_m=middle,
        radius_m=np.hypot(spread[..., 0], spread[..., 1]).max(axis=1),
        half_height_m=np.abs(spread[..., 2]).max(axis=1),
    )


@final
@dataclass(frozen=True, kw_only=True)
class _Cells:
    """Where the square cells of a grid lie."""

    cell_m: float
    origin_m: Float[np.ndarray, "2"]
    size: Int[np.ndarray, "2"]

    def at(self, points_m: Float[np.ndarray, "n 2"]) -> Int[np.ndarray, "n 2"]:
        """Return column and row of the cell around each point."""
        return np.floor((points_m - self.origin_m) / self.cell_m).astype(np.int64)


@final
class _Grid:
    """Quads by the square cells that their bounding boxes touch."""

    def __init__(
        self, cells: _Cells, key: Int[np.ndarray, "e"], quad: Int[np.ndarray, "e"]
    ) -> None:
        self._cells = cells
        self.cell_m = cells.cell_m
        self._key = key
        self._quad = quad
        count = np.bincount(key, minlength=int(cells.size.prod()))
        self._count = count.astype(np.int32)
        self._first = (np.cumsum(count) - count).astype(np.int32)

    @classmethod
    def over(cls, corners_m: Float[np.ndarray, "q 4 2"]) -> "_Grid":
        """Return the grid of all quads."""
        extent = np.ptp(corners_m, axis=(0, 1))
        cell_m = max(_CELL_M, float(np.sqrt(extent.prod() / _MOST_CELLS)))
        cells = _Cells(
            cell_m=cell_m,
            origin_m=corners_m.min(axis=(0, 1)) - cell_m,
            size=np.floor(extent / cell_m).astype(np.int64) + 3,
        )
        low = cells.at(corners_m.min(axis=1))
        size = cells.at(corners_m.max(axis=1)) - low + 1
        owner, rank = _expand(size[:, 0] * size[:, 1])
        column = low[owner, 0] + rank % size[owner, 0]
        key = (low[owner, 1] + rank // size[owner, 0]) * cells.size[0] + column
        order = np.argsort(key, kind="stable")
        return cls(cells, key[order], owner[order])

    def only(self, allowed: Bool[np.ndarray, "q"]) -> "_Grid":
        """Return the grid of some of the quads."""
        keep = allowed[self._quad]
        return _Grid(self._cells, self._key[keep], self._quad[keep])

    @cached_property
    def _taken_before(self) -> Int[np.ndarray, "rows columns"]:
        """Summed-area table: how many cells with quads lie in lower rows and columns."""
        columns, rows = self._cells.size.tolist()
        out = np.zeros((rows + 1, columns + 1), dtype=np.int32)
        out[1:, 1:] = (self._count > 0).reshape(rows, columns)
        return out.cumsum(axis=0, out=out).cumsum(axis=1, out=out)

    def _any_within(
        self, cell: Int[np.ndarray, "n 2"], reach: Int[np.ndarray, "n"]
    ) -> Bool[np.ndarray, "n"]:
        """Return whether any cell up to `reach` away holds a quad."""
        low = np.clip(cell - reach[:, None], 0, self._cells.size)
        high = np.clip(cell + reach[:, None] + 1, 0, self._cells.size)
        table = self._taken_before
        below = table[low[:, 1], high[:, 0]] - table[low[:, 1], low[:, 0]]
        up_to = table[high[:, 1], high[:, 0]] - table[high[:, 1], low[:, 0]]
        return up_to > below

    def empty_rings(self, points_m: Float[np.ndarray, "n 2"]) -> Int[np.ndarray, "n"]:
        """Return how many rings of cells around each point hold no quad, at most `_MOST_RINGS`.

        Points beside the grid are told the rings that lie outside it, however many.
        """
        cell = self._cells.at(points_m)
        inside = np.clip(cell, 0, self._cells.size - 1)
        beyond = np.abs(cell - inside).max(axis=1, initial=0)
        low: np.ndarray = np.zeros(len(cell), dtype=np.int64)
        high: np.ndarray = np.full(len(cell), _MOST_RINGS)
        for _ in range(_MOST_RINGS.bit_length()):
            middle = (low + high) // 2
            found = self._any_within(inside, middle)
            high = np.where(found, middle, high)
            low = np.where(found, low, np.minimum(middle + 1, high))
        return np.where(beyond > 0, beyond, low)

    def near(
        self, points_m: Float[np.ndarray, "n 2"], done: int, reach: int
    ) -> tuple[Int[np.ndarray, "m"], Int[np.ndarray, "m"]]:
        """Return (point, quad) pairs of the cells more than `done` and up to `reach` away.

        A quad that touches several of the cells is repeated.
        """
        span = np.arange(-reach, reach + 1)
        shift = np.stack(np.meshgrid(span, span, indexing="ij"), axis=-1).reshape(-1, 2)
        shift = shift[np.abs(shift).max(axis=1) > done]
        cell = self._cells.at(points_m)[:, None] + shift
        inside = np.all((cell >= 0) & (cell < self._cells.size), axis=-1)
        point, which = np.nonzero(inside)
        key = cell[point, which, 1] * self._cells.size[0] + cell[point, which, 0]
        owner, rank = _expand(self._count[key])
        return point[owner], self._quad[self._first[key[owner]] + rank]


def _expand(count: Int[np.ndarray, "n"]) -> tuple[Int[np.ndarray, "m"], Int[np.ndarray, "m"]]:
    """Return owner and rank of every item when owner i has `count[i]` items."""
    owner = np.repeat(np.arange(len(count)), count)
    before = np.repeat(np.cumsum(count) - count, count)
    return owner, np.arange(len(owner)) - before


@final
@dataclass(frozen=True, kw_only=True)
class _Found:
    """Measurements of (point, quad) pairs."""

    station_m: Float[np.ndarray, "m"]
    offset_m: Float[np.ndarray, "m"]
    yaw_rad: Float[np.ndarray, "m"]
    height_m: Float[np.ndarray, "m"]
    outside_m: Float[np.ndarray, "m"]
    covered: Bool[np.ndarray, "m"]
    level_gap_m: Float[np.ndarray, "m"]
    """Height between point and surface; 0 for points without z."""


def _measure(
    quads: _Quads,
    points_m: Float[np.ndarray, "n d"],
    point: Int[np.ndarray, "m"],
    quad: Int[np.ndarray, "m"],
) -> _Found:
    """Measure pairs of points and quads."""
    p = points_m[point, :2]
    start, end = quads.centre_m[quad, 0], quads.centre_m[quad, 1]
    step = end - start
    length = np.maximum(np.hypot(step[:, 0], step[:, 1]), _EPS)
    ahead = step / length[:, None]
    rel = p - start
    along = np.clip(np.sum(rel * ahead, axis=1), 0.0, length)
    side = ahead[:, 0] * rel[:, 1] - ahead[:, 1] * rel[:, 0]
    beside = rel - along[:, None] * ahead
    offset = np.copysign(np.hypot(beside[:, 0], beside[:, 1]), side)
    covered, height = _surface(quads.corners_m[quad], p, along / length, side)
    outside = _outside(quads.corners_m[quad], p)
    gap = np.zeros(len(p)) if points_m.shape[1] == 2 else np.abs(points_m[point, 2] - height)
    return _Found(
        station_m=quads.start_station_m[quad] + along,
        offset_m=offset,
        yaw_rad=np.arctan2(ahead[:, 1], ahead[:, 0]),
        height_m=height,
        outside_m=np.where(covered, 0.0, outside),
        covered=covered,
        level_gap_m=gap,
    )


def _surface(
    corners: Float[np.ndarray, "m 4 3"],
    p: Float[np.ndarray, "m 2"],
    share: Float[np.ndarray, "m"],
    side: Float[np.ndarray, "m"],
) -> tuple[Bool[np.ndarray, "m"], Float[np.ndarray, "m"]]:
    """Return which quads cover their point, and the height of the surface there.

    A quad is two triangles; beside it the height is that of the nearer edge.
    """
    first, z_first = _triangle(corners[:, [0, 1, 2]], p)
    second, z_second = _triangle(corners[:, [0, 2, 3]], p)
    left = corners[:, 0, 2] + share * (corners[:, 3, 2] - corners[:, 0, 2])
    right = corners[:, 1, 2] + share * (corners[:, 2, 2] - corners[:, 1, 2])
    edge = np.where(side > 0, left, right)
    return first | second, np.where(first, z_first, np.where(second, z_second, edge))


def _triangle(
    corners: Float[np.ndarray, "m 3 3"], p: Float[np.ndarray, "m 2"]
) -> tuple[Bool[np.ndarray, "m"], Float[np.ndarray, "m"]]:
    """Return whether each triangle covers its point, and z of its plane there."""
    a, ab, ac = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    rel = p - a[:, :2]
    area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    flat = np.abs(area) < _EPS
    safe = np.where(flat, 1.0, area)
    v = (rel[:, 0] * ac[:, 1] - rel[:, 1] * ac[:, 0]) / safe
    w = (ab[:, 0] * rel[:, 1] - ab[:, 1] * rel[:, 0]) / safe
    inside = ~flat & (v >= -_EPS) & (w >= -_EPS) & (v + w <= 1 + _EPS)
    return inside, a[:, 2] + v * ab[:, 2] + w * ac[:, 2]


def _outside(
    corners: Float[np.ndarray, "m 4 3"], p: Float[np.ndarray, "m 2"]
) -> Float[np.ndarray, "m"]:
    """Return the distance of each point to the nearest edge of its quad."""
    a = corners[..., :2]
    edge = np.roll(a, -1, axis=1) - a
    rel = p[:, None] - a
    share = np.sum(rel * edge, axis=-1) / np.maximum(np.sum(edge * edge, axis=-1), _EPS)
    gap = rel - np.clip(share, 0.0, 1.0)[..., None] * edge
    return np.sqrt(np.sum(gap * gap, axis=-1).min(axis=1))


def _score(found: _Found, yaw_rad: Float[np.ndarray, "m"] | None) -> Float[np.ndarray, "m"]:
    """Return what to minimise: distance beside the lane, then heading, then distance to centre."""
    away = found.outside_m + np.maximum(found.level_gap_m - _LEVEL_M, 0.0)
    turned = np.zeros_like(away) if yaw_rad is None else 1 - np.cos(found.yaw_rad - yaw_rad)
    return _OUTSIDE_WEIGHT * away + turned + _OFFSET_WEIGHT * np.abs(found.offset_m)


@final
class _Best:
    """The lowest score per point so far, and what had it."""

    def __init__(self, count: int) -> None:
        self.score = np.full(count, np.inf)
        self.quad = np.full(count, -1)

    def take(
        self,
        points: Int[np.ndarray, "n"],
        local: Int[np.ndarray, "m"],
        item: Int[np.ndarray, "m"],
        score: Float[np.ndarray, "m"],
    ) -> None:
        """Keep the best item of each of the points; ties go to the lower item."""
        order = np.lexsort((item, score, local))
        owner, first = np.unique(local[order], return_index=True)
        row, winner = points[owner], order[first]
        better = score[winner] < self.score[row]
        self.score[row[better]] = score[winner[better]]
        self.quad[row[better]] = item[winner[better]]
