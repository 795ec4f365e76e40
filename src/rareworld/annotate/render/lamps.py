"""Lamps that light their surroundings: street lamps and those that ride on vehicles.

A square grid of cells over the place lists, for each cell, the lamps whose light arrives there, so
that a point asks a few lamps only. Each gives Lambert's share and a highlight of what its beam
sends (`beams`), with the inverse square of the distance; where it is too weak for the film it is
let go smoothly. Equal lamps of one vehicle become one where both are far away.
Proved in tests/annotate/render/test_lamps.py.
Shapes: N lamps, C cells in C_s x C_s, K entries of all lists.
"""

from dataclasses import replace
from typing import NamedTuple, final

import numpy as np
from jaxtyping import Bool, Float, Float64, Int32, Int64

from rareworld.annotate.render.compiled import (
    beam_share,
    lamp_fade,
    side_share,
    soft_step,
    sun_lobe,
    wide_roughness,
)
from rareworld.annotate.render.jit import helper, kernel, routine
from rareworld.annotate.render.project import Parallel
from rareworld.annotate.world.model import Beam, FrameState, LocalLight, RenderScene

_CELLS = 128
"""Cells along a side of the grid."""
_LEAST_CELL_M = 2.0
_REACH_M = 60.0
"""No lamp lights anything farther away: nothing stops its light but distance."""
_PAIR_NEAR_M, _PAIR_FAR_M = 11.0, 15.0
"""Between these distances a pair of lamps becomes one."""
_PAIR_M = 3.0
"""Lamps farther apart are no pair."""
_DIM = 0.006
"""Exposed irradiance below which film shows nothing."""


class LampTable(NamedTuple):
    """Lamps as arrays, in the world."""

    position: Float64[np.ndarray, "n 3"]
    ahead: Float64[np.ndarray, "n 3"]
    right: Float64[np.ndarray, "n 3"]
    up: Float64[np.ndarray, "n 3"]
    intensity: Float64[np.ndarray, "n 3"]
    most: Float64[np.ndarray, "n"]
    """The largest of each intensity."""
    beam: Int32[np.ndarray, "n"]
    inner_cos: Float64[np.ndarray, "n"]
    outer_cos: Float64[np.ndarray, "n"]
    radius_m: Float64[np.ndarray, "n"]
    reach_m: Float64[np.ndarray, "n"]
    spread_m: Float64[np.ndarray, "n"]
    """How far to the side anything is lit, at most the reach."""
    role: Int32[np.ndarray, "n"]
    """0: alone; 1: one of a pair, for what is near; 2: both of a pair as one, for what is far."""


class LampCells(NamedTuple):
    """Lists of lamps by cell, row by row."""

    start: Int32[np.ndarray, "c1"]
    lamp: Int32[np.ndarray, "k"]


class Lamps(NamedTuple):
    """All lamps for kernels."""

    table: LampTable
    plan: Parallel
    """Cells as texels, seen from above."""
    every: LampCells
    """All that shine now, before the first frame those that stand; written in place."""
    moving: LampCells
    """Those of them that ride on instances."""
    dim: float
    """Irradiance too weak to be seen."""


@helper
def sent_towards(lamps: Lamps, k: int, dx: float, dy: float, dz: float, far: float) -> float:
    """Return lamp k's share of its intensity towards the point that lies -(dx, dy, dz) from it."""
    t, scale = lamps.table, -1.0 / far
    ahead = (dx * t.ahead[k, 0] + dy * t.ahead[k, 1] + dz * t.ahead[k, 2]) * scale
    right = (dx * t.right[k, 0] + dy * t.right[k, 1] + dz * t.right[k, 2]) * scale
    up = (dx * t.up[k, 0] + dy * t.up[k, 1] + dz * t.up[k, 2]) * scale
    return beam_share(t.beam[k], ahead, right, up, t.inner_cos[k], t.outer_cos[k])


@helper
def in_role(lamps: Lamps, k: int, far: float) -> float:
    """Return the share of lamp k's light at a distance that is its own to give."""
    role = lamps.table.role[k]
    if role == 0:
        return 1.0
    share = soft_step(_PAIR_NEAR_M, _PAIR_FAR_M, far)
    return share if role == 2 else 1.0 - share


@helper
def cell_of(lamps: Lamps, x: float, y: float) -> int:
    """Return the cell of a point; -1 outside the grid, where no lamp shines."""
    plan = lamps.plan
    column = int(np.floor(x * plan.axes[0, 0] + plan.offset[0]))
    row = int(np.floor(y * plan.axes[1, 1] + plan.offset[1]))
    if column < 0 or row < 0 or column >= plan.size or row >= plan.size:
        return -1
    return row * plan.size + column


@helper
def turned_away(table: LampTable, k: int, dx: float, dy: float, dz: float) -> bool:
    """Return whether lamp k shines forward only, and the point -(dx, dy, dz) from it is behind."""
    if table.beam[k] == 0 and table.outer_cos[k] < 0.0:
        return False
    return dx * table.ahead[k, 0] + dy * table.ahead[k, 1] + dz * table.ahead[k, 2] >= 0.0


@routine
def lamp_light(
    lamps: Lamps,
    cells: LampCells,
    x: float,
    y: float,
    z: float,
    nx: float,
    ny: float,
    nz: float,
    vx: float,
    vy: float,
    vz: float,
    albedo: float,
    rough: float,
    f0: float,
) -> tuple[float, float, float, float, float, float]:
    """Return irradiance (rgb) and mirrored light (rgb) of a list of lamps at a surface.

    (vx, vy, vz) runs from the camera to the point; `albedo` is the largest channel.
    """
    red, green, blue, spot_red, spot_green, spot_blue = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    cell = cell_of(lamps, x, y)
    if cell < 0:
        return 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    table = lamps.table
    # what is dark and matt shows faint light less
    pale = min(0.1 + 2.5 * albedo, 1.0)
    glossy = 0.5 * (1.0 - rough)
    most = max(pale, glossy)
    for n in range(cells.start[cell], cells.start[cell + 1]):
        k = cells.lamp[n]
        lx, ly, lz = table.position[k, 0] - x, table.position[k, 1] - y, table.position[k, 2] - z
        facing = nx * lx + ny * ly + nz * lz
        if facing <= 0.0:
            continue
        square = max(lx * lx + ly * ly + lz * lz, 1e-4)
        # most lamps of a cell go here, without a root
        if table.most[k] * most <= lamps.dim * square or turned_away(table, k, lx, ly, lz):
            continue
        far = np.sqrt(square)
        scale = 1.0 / far
        facing *= scale
        seen = table.most[k] * max(facing * pale, glossy) / square
        if seen <= lamps.dim or far >= table.reach_m[k]:
            continue
        own = in_role(lamps, k, far)
        if own <= 0.0:
            continue
        share = sent_towards(lamps, k, lx, ly, lz, far)
        if seen * share <= lamps.dim:
            continue
        lx, ly, lz = lx * scale, ly * scale, lz * scale
        hx, hy, hz = lx - vx, ly - vy, lz - vz
        scale = 1.0 / np.sqrt(max(hx * hx + hy * hy + hz * hz, 1e-12))
        nh = max((nx * hx + ny * hy + nz * hz) * scale, 0.0)
        lh = max((lx * hx + ly * hy + lz * hz) * scale, 0.0)
        wide = wide_roughness(rough, table.radius_m[k], far)
        spot = min(sun_lobe(wide, f0, nh, lh), 8.0)
        share *= own * facing * lamp_fade(seen * share, lamps.dim, far, table.reach_m[k])
        share /= max(square, table.radius_m[k] * table.radius_m[k])
        one = table.intensity[k, 0] * share
        two = table.intensity[k, 1] * share
        three = table.intensity[k, 2] * share
        red, green, blue = red + one, green + two, blue + three
        spot_red += one * spot
        spot_green += two * spot
        spot_blue += three * spot
    return red, green, blue, spot_red, spot_green, spot_blue


@helper
def irradiance_at(
    lamps: Lamps, cells: LampCells, x: float, y: float, z: float
) -> tuple[float, float, float]:
    """Return the light on a tiny thing in the air, from all sides together."""
    red, green, blue = 0.0, 0.0, 0.0
    cell, table = cell_of(lamps, x, y), lamps.table
    if cell < 0:
        return 0.0, 0.0, 0.0
    for n in range(cells.start[cell], cells.start[cell + 1]):
        k = cells.lamp[n]
        dx, dy, dz = table.position[k, 0] - x, table.position[k, 1] - y, table.position[k, 2] - z
        square = max(dx * dx + dy * dy + dz * dz, 0.01)
        far = np.sqrt(square)
        own = in_role(lamps, k, far)
        if far >= table.reach_m[k] or table.most[k] <= lamps.dim * square or own <= 0.0:
            continue
        share = own * sent_towards(lamps, k, dx, dy, dz, far) / square
        share *= lamp_fade(table.most[k] * share, lamps.dim, far, table.reach_m[k])
        red += table.intensity[k, 0] * share
        green += table.intensity[k, 1] * share
        blue += table.intensity[k, 2] * share
    return red, green, blue


@helper
def reaches_cell(lamps: Lamps, k: int, x: float, y: float, half_m: float) -> bool:
    """Return whether lamp k may light a cell around (x, y) whose corners lie `half_m` away."""
    t = lamps.table
    dx, dy = x - t.position[k, 0], y - t.position[k, 1]
    far = np.sqrt(dx * dx + dy * dy)
    if far - half_m >= t.spread_m[k]:
        return False
    if t.role[k] == 1 and far - half_m >= _PAIR_FAR_M:
        return False
    flat = np.sqrt(t.ahead[k, 0] ** 2 + t.ahead[k, 1] ** 2)
    if t.beam[k] == 0 or t.up[k, 2] < 0.95 or far <= 2.0 * half_m:
        return True
    cosine = (dx * t.ahead[k, 0] + dy * t.ahead[k, 1]) / (far * flat)
    angle = np.arccos(min(max(cosine, -1.0), 1.0)) - np.arcsin(half_m / far)
    if angle >= 1.56:
        return False
    near = far - half_m
    return t.most[k] * side_share(t.beam[k], np.tan(max(angle, 0.0))) > lamps.dim * near * near


@helper
def cells_around(lamps: Lamps, k: int) -> tuple[int, int, int, int]:
    """Return first and end column and row of the cells that lamp k may reach."""
    plan, t = lamps.plan, lamps.table
    reach = t.spread_m[k] * plan.axes[0, 0]
    column = t.position[k, 0] * plan.axes[0, 0] + plan.offset[0]
    row = t.position[k, 1] * plan.axes[1, 1] + plan.offset[1]
    last = 1.0 * plan.size
    return (
        int(min(max(np.floor(column - reach), 0.0), last)),
        int(min(max(np.ceil(column + reach), 0.0), last)),
        int(min(max(np.floor(row - reach), 0.0), last)),
        int(min(max(np.ceil(row + reach), 0.0), last)),
    )


@kernel
def mark_cells(
    lamps: Lamps, which: Int64[np.ndarray, "m"], marks: Bool[np.ndarray, "m s s"]
) -> None:
    """Mark the cells (row, column) that each chosen lamp reaches."""
    plan = lamps.plan
    step = 1.0 / plan.axes[0, 0]
    for n in range(len(which)):
        x0, x1, y0, y1 = cells_around(lamps, which[n])
        for row in range(y0, y1):
            for column in range(x0, x1):
                x = (column + 0.5 - plan.offset[0]) * step
                y = (row + 0.5 - plan.offset[1]) * step
                if reaches_cell(lamps, which[n], x, y, 0.7072 * step):
                    marks[n, row, column] = True


@kernel
def list_lamps(
    which: Int64[np.ndarray, "m"],
    marks: Bool[np.ndarray, "m s s"],
    start: Int32[np.ndarray, "c1"],
    lamp: Int32[np.ndarray, "k"],
) -> None:
    """Write the lists of the chosen lamps' marked cells; those of one cell rise."""
    side = marks.shape[1]
    start[:] = 0
    # counted, then filled, in the order of memory; each start serves as the next free place
    for n in range(len(which)):
        for row in range(side):
            for column in range(side):
                start[row * side + column] += marks[n, row, column]
    total = 0
    for cell in range(side * side):
        count = start[cell]
        start[cell] = total
        total += count
    for n in range(len(which)):
        for row in range(side):
            for column in range(side):
                if marks[n, row, column]:
                    cell = row * side + column
                    lamp[start[cell]] = which[n]
                    start[cell] += 1
    for cell in range(side * side, 0, -1):
        start[cell] = start[cell - 1]
    start[0] = 0


def empty_cells(side: int, lamps: int) -> LampCells:
    """Return empty lists with room for every lamp in every cell."""
    return LampCells(np.zeros(side**2 + 1, np.int32), np.zeros(side**2 * lamps, np.int32))


def overhead(low_m: Float[np.ndarray, "2"], high_m: Float[np.ndarray, "2"]) -> Parallel:
    """Return a grid that covers a rectangle of the plan."""
    cell = max(float(np.max(high_m - low_m)) / _CELLS, _LEAST_CELL_M)
    middle = (low_m + high_m) / 2
    return Parallel(
        axes=np.diag([1 / cell, 1 / cell, 1.0]),
        offset=np.array([_CELLS / 2 - middle[0] / cell, _CELLS / 2 - middle[1] / cell, 0.0]),
        size=_CELLS,
    )


def lights_shown(scene: RenderScene, *, pairs: bool) -> tuple[list[LocalLight], list[int]]:
    """Return the lamps that matter, those that stand first, and their roles; by day none does.

    Only with `pairs` do two equal lamps of a vehicle become one for what is far.
    """
    if scene.daylight.night <= 0.0:
        return [], []
    standing = [light for light in scene.lights if light.instance < 0]
    groups: dict[object, list[LocalLight]] = {}
    for light in scene.lights:
        if light.instance >= 0:
            groups.setdefault(replace(light, position_m=(0.0, 0.0, 0.0)), []).append(light)
    lights, roles = standing, [0] * len(standing)
    for group in groups.values():
        pair = _pair_of(group) if pairs else None
        lights += group if pair is None else [*group, pair]
        roles += [0] * len(group) if pair is None else [1, 1, 2]
    return lights, roles


def _pair_of(group: list[LocalLight]) -> LocalLight | None:
    """Return two equal lamps of one vehicle as one."""
    if len(group) != 2:
        return None
    one, other = (np.array(light.position_m) for light in group)
    if np.linalg.norm(one - other) > _PAIR_M:
        return None
    x, y, z = (one + other) / 2
    red, green, blue = group[0].intensity
    return replace(
        group[0],
        position_m=(float(x), float(y), float(z)),
        intensity=(2 * red, 2 * green, 2 * blue),
    )


def _column(values: list[float]) -> Float64[np.ndarray, "n"]:
    return np.array(values, dtype=np.float64)


def _rows(values: list[tuple[float, float, float]]) -> Float64[np.ndarray, "n 3"]:
    return np.array(values, dtype=np.float64).reshape(-1, 3)


def _spread(
    lights: list[LocalLight], reach: Float64[np.ndarray, "n"], floor_m: float
) -> Float64[np.ndarray, "n"]:
    """Return how far to the side lamps light anything: those that hang, within their cone."""
    tilt = _column([np.arccos(np.clip(-light.direction[2], -1, 1)) for light in lights])
    angle = tilt + _column([light.outer_rad for light in lights])
    above = _column([light.position_m[2] for light in lights]) - floor_m
    hangs = np.array([light.beam is Beam.CONE and light.instance < 0 for light in lights], bool)
    hangs &= (angle < 1.5) & (above > 0)
    cone = np.maximum(above, 0) * np.tan(np.minimum(angle, 1.5)) + 0.1
    return np.where(hangs, np.minimum(reach, cone), reach)


def _table(lights: list[LocalLight], roles: list[int], dim: float, floor_m: float) -> LampTable:
    """Return lamps as arrays; frames of those that ride are set at each frame."""
    intensity = _rows([light.intensity for light in lights])
    reach = np.minimum(np.sqrt(intensity.max(axis=1, initial=0.0) / dim), _REACH_M)
    outer = _column([light.outer_rad for light in lights])
    count = len(lights)
    table = LampTable(
        position=_rows([light.position_m for light in lights]),
        ahead=_rows([light.direction for light in lights]),
        right=np.zeros((count, 3)),
        up=np.zeros((count, 3)),
        intensity=intensity,
        most=intensity.max(axis=1, initial=0.0),
        beam=np.array([int(light.beam) for light in lights], dtype=np.int32),
        inner_cos=np.cos(_column([light.inner_rad for light in lights])),
        outer_cos=np.where(outer >= np.pi, -1.0, np.cos(outer)),
        radius_m=_column([light.radius_m for light in lights]),
        reach_m=reach,
        spread_m=_spread(lights, reach, floor_m),
        role=np.array(roles, dtype=np.int32),
    )
    everyone = np.arange(count)
    _face(table, everyone, table.ahead.copy(), np.tile([0.0, 0.0, 1.0], (count, 1)))
    return table


def _face(
    table: LampTable,
    which: Int64[np.ndarray, "m"],
    ahead: Float64[np.ndarray, "m 3"],
    up: Float64[np.ndarray, "m 3"],
) -> None:
    """Write the axes of chosen lamps; `up` says where the upper side of what carries them is."""
    right = np.cross(ahead, up)
    length = np.linalg.norm(right, axis=1, keepdims=True)
    other = np.cross(ahead, [1.0, 0.0, 0.0]) + np.array([0.0, 1e-9, 0.0])
    right = np.where(length < 1e-3, other, right)
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    table.ahead[which], table.right[which] = ahead, right
    table.up[which] = np.cross(right, ahead)


@final
class LampSet:
    """The lamps of a scene around one place; call `update` for each frame.

    Nothing below `floor_m` needs their light. Without `pairs` all roles in the table are 0.
    """

    def __init__(
        self,
        scene: RenderScene,
        exposure: float,
        plan: Parallel,
        floor_m: float,
        *,
        pairs: bool = True,
    ) -> None:
        lights, roles = lights_shown(scene, pairs=pairs)
        dim = _DIM / exposure
        self._first = sum(light.instance < 0 for light in lights)
        riding = lights[self._first :]
        self._part = np.array([light.instance for light in riding], dtype=np.int64)
        self._when = np.array([light.lit_when for light in riding], dtype=np.uint32)
        self._rest = _rows([light.position_m for light in riding])
        self._ahead = _rows([light.direction for light in riding])
        self._on = np.zeros(len(riding), dtype=bool)
        self._frames = np.zeros((len(riding), 3, 4))
        table = _table(lights, roles, dim, floor_m)
        every = empty_cells(plan.size, len(lights))
        self.lamps = Lamps(table, plan, every, empty_cells(plan.size, len(riding)), dim)
        self._standing = np.arange(self._first)
        self._fixed = self._marks(self._standing)
        self._lit = self._marks(self._standing[:0])
        list_lamps(self._standing, self._fixed, *every)
        self.dirty: Bool[np.ndarray, "s s"] = np.zeros((plan.size, plan.size), dtype=bool)
        """Cells (row, column) that the last update lit differently."""

    @property
    def any_lamp(self) -> bool:
        """Whether there is any lamp at all."""
        return len(self.lamps.table.most) > 0

    @property
    def standing(self) -> Int64[np.ndarray, "n"]:
        """The lamps that never move, and shine."""
        return self._standing

    def riding(self, from_m: Float64[np.ndarray, "3"], pairs_m: float) -> Int64[np.ndarray, "n"]:
        """Return the others that shine now; pairs farther than `pairs_m` from a place as one."""
        riding = np.flatnonzero(self._on) + self._first
        table = self.lamps.table
        far = np.linalg.norm(table.position[riding] - from_m, axis=1) > pairs_m
        role = table.role[riding]
        return riding[np.where(far, role != 1, role != 2)]

    @property
    def any_riding(self) -> bool:
        """Whether any lamp may move or switch."""
        return len(self._part) > 0

    def _marks(self, which: Int64[np.ndarray, "m"]) -> Bool[np.ndarray, "m s s"]:
        side = self.lamps.plan.size
        marks = np.zeros((len(which), side, side), dtype=bool)
        mark_cells(self.lamps, which, marks)
        return marks

    def update(self, state: FrameState) -> None:
        """Put the lamps where the instances are, light those that shine, and find what changed."""
        if not self.any_riding:
            return
        m = state.transforms[self._part].astype(np.float64)
        on = state.visible[self._part] > 0
        on &= (self._when == 0) | ((state.state[self._part] & self._when) != 0)
        place = (m[:, :, :3] @ self._rest[:, :, None])[..., 0] + m[:, :, 3]
        ahead = (m[:, :, :3] @ self._ahead[:, :, None])[..., 0]
        ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
        table, riding = self.lamps.table, np.arange(len(self._part)) + self._first
        other = (self._frames != m).any(axis=(1, 2))
        self._frames = m
        before = self._lit[(other | ~on)[self._on]].any(axis=0)
        table.position[riding] = place
        _face(table, riding, ahead, m[:, :, 2])
        shining = np.flatnonzero(on)
        marks = self._marks(riding[shining])
        lit = marks[(other | ~self._on)[shining]].any(axis=0)
        self.dirty = np.logical_or(before, lit)
        self._on, self._lit = on, marks
        list_lamps(riding[shining], marks, *self.lamps.moving)
        list_lamps(
            np.concatenate([self._standing, riding[shining]]),
            np.concatenate([self._fixed, marks]),
            *self.lamps.every,
        )
