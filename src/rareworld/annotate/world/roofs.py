"""Roofs: gables, hips, mansards and flat roofs with dormers, chimneys, parapets and plant.

A roof covers a rectangle about the origin, ridge along x. Proved in
tests/annotate/world/test_roofs.py.
"""

from dataclasses import dataclass
from typing import final

import numpy as np

from rareworld.annotate.world.kit import Kit
from rareworld.core.geometry import FloatArray

_OVER_M = 0.40
_THICK_M = 0.16


@final
@dataclass(frozen=True, kw_only=True)
class Cover:
    """What a roof is made of and covers."""

    length_m: float
    width_m: float
    eaves_m: float
    """Height of the top of the walls."""
    rise_m: float
    """From eaves to ridge."""
    roof: str
    wall: str
    trim: str = "frame white"


def _slope(kit: Kit, name: str, corners: list[tuple[float, float, float]]) -> None:
    """Add a convex slab of roof, corners counter-clockwise from above, with its underside."""
    top = np.array(corners, dtype=np.float64)
    low = top - np.array([0.0, 0.0, _THICK_M])
    faces: list[FloatArray] = []
    for k in range(1, len(top) - 1):
        faces += [top[[0, k, k + 1]], low[[0, k + 1, k]]]
    for k in range(len(top)):
        j = (k + 1) % len(top)
        faces += [np.stack([low[k], low[j], top[j]]), np.stack([low[k], top[j], top[k]])]
    kit.add(name, np.stack(faces))


def gable(kit: Kit, at: Cover, *, chimneys: int = 1, dormers: int = 0) -> None:
    """Add a pitched roof whose ends are walls."""
    x, y = at.length_m / 2, at.width_m / 2
    drop = at.rise_m * _OVER_M / y
    low, ridge = at.eaves_m - drop, at.eaves_m + at.rise_m
    a, b = x + _OVER_M, y + _OVER_M
    _slope(kit, at.roof, [(-a, -b, low), (a, -b, low), (a, 0, ridge), (-a, 0, ridge)])
    _slope(kit, at.roof, [(a, b, low), (-a, b, low), (-a, 0, ridge), (a, 0, ridge)])
    top = ridge - _THICK_M
    ends = [
        [(x, -y, at.eaves_m - 0.2), (x, y, at.eaves_m - 0.2), (x, 0, top)],
        [(-x, y, at.eaves_m - 0.2), (-x, -y, at.eaves_m - 0.2), (-x, 0, top)],
    ]
    kit.add(at.wall, np.array(ends, dtype=np.float64))
    _gutters(kit, a, b, low)
    _chimneys(kit, at, chimneys)
    _dormers(kit, at, dormers)


def hip(kit: Kit, at: Cover, *, chimneys: int = 1, dormers: int = 0) -> None:
    """Add a roof with four slopes."""
    x, y = at.length_m / 2 + _OVER_M, at.width_m / 2 + _OVER_M
    drop = at.rise_m * _OVER_M / (at.width_m / 2)
    low, ridge = at.eaves_m - drop, at.eaves_m + at.rise_m
    end = max(x - y, 0.3)
    _slope(kit, at.roof, [(-x, -y, low), (x, -y, low), (end, 0, ridge), (-end, 0, ridge)])
    _slope(kit, at.roof, [(x, y, low), (-x, y, low), (-end, 0, ridge), (end, 0, ridge)])
    _slope(kit, at.roof, [(x, -y, low), (x, y, low), (end, 0, ridge)])
    _slope(kit, at.roof, [(-x, y, low), (-x, -y, low), (-end, 0, ridge)])
    _gutters(kit, x, y, low)
    _chimneys(kit, at, chimneys)
    _dormers(kit, at, dormers)


def mansard(kit: Kit, at: Cover, *, chimneys: int = 2) -> None:
    """Add a steep lower roof with a row of dormers, nearly flat above."""
    x, y, z = at.length_m / 2, at.width_m / 2, at.eaves_m
    step, top = min(0.9, 0.2 * at.width_m), z + at.rise_m
    ring = np.array([(-x, -y, z), (x, -y, z), (x, y, z), (-x, y, z)])
    upper = ring * [1, 1, 0] - np.sign(ring) * [step, step, 0] + [0, 0, top]
    for k in range(4):
        j = (k + 1) % 4
        corners = np.stack([ring[k], ring[j], upper[j], upper[k]])
        kit.add(at.roof, corners[[[0, 1, 2], [0, 2, 3]]])
    kit.add("roof flat", upper[[[0, 1, 2], [0, 2, 3]]])
    kit.box("zinc", upper[0] - [0.1, 0.1, 0.12], upper[2] + [0.1, 0.1, 0.06])
    count = max(int(at.length_m / 3.0), 1)
    axes = (np.arange(count) - (count - 1) / 2) * (at.length_m / count)
    for side in (1.0, -1.0):
        for axis in axes.tolist():
            face = side * (y - 0.22)
            _dormer(kit, axis, face, side, z + 0.5, at.roof, 1.15)
    _stacks(kit, [(-0.36 * at.length_m, 0.0), (0.36 * at.length_m, 0.0)][:chimneys], top)


def flat(kit: Kit, at: Cover, rng: np.random.Generator) -> None:
    """Add a deck behind a parapet, with plant rooms, vents and an antenna."""
    x, y, z = at.length_m / 2, at.width_m / 2, at.eaves_m
    high, thick = z + 0.7, 0.25
    kit.panel("roof flat", (-x, -y, z), (2 * x, 0, 0), (0, 2 * y, 0))
    low = np.array([(-x, y - thick, z), (-x, -y, z), (x - thick, -y, z), (-x, -y, z)])
    top = np.array([(x, y, high), (x, -y + thick, high), (x, y, high), (-x + thick, y, high)])
    kit.box(at.wall, low, top)
    kit.box(at.trim, low * [1, 1, 0] + [-0.05, -0.05, high], top + np.array([0.05, 0.05, 0.07]))
    if min(x, y) < 3.5:
        return
    middle = rng.uniform(-0.3, 0.3, 2) * [x, y]
    size = rng.uniform(0.22, 0.36, 2) * [x, y]
    room = np.array([*(middle - size), z]), np.array([*(middle + size), z + 2.6])
    kit.box(("panel", "sheet grey", at.wall)[int(rng.integers(3))], *room)
    vents = rng.uniform(-0.8, 0.8, (5, 2)) * [x, y]
    kit.box("zinc", np.column_stack([vents - 0.35, np.full(5, z)]),
            np.column_stack([vents + 0.35, z + rng.uniform(0.5, 1.3, 5)]))  # fmt: skip
    mast = np.array([*middle, z + 2.6])
    kit.box("steel", mast - np.array([0.03, 0.03, 0]), mast + np.array([0.03, 0.03, 2.4]))
    kit.box("steel", mast + np.array([-0.5, -0.02, 1.6]), mast + np.array([0.5, 0.02, 1.65]))


def _gutters(kit: Kit, x: float, y: float, z: float) -> None:
    """Add gutters along both eaves and a downpipe at two corners."""
    for side in (1.0, -1.0):
        low, high = sorted((side * y, side * (y + 0.10)))
        kit.box("zinc", (-x, low, z - 0.20), (x, high, z - 0.08))
        at = side * (y - _OVER_M + 0.06)
        kit.box("zinc", (side * (x - 0.75) - 0.05, at - 0.05, 0.0),
                (side * (x - 0.75) + 0.05, at + 0.05, z - 0.1))  # fmt: skip


def _chimneys(kit: Kit, at: Cover, count: int) -> None:
    spots = [(0.30 * at.length_m, 0.10 * at.width_m), (-0.34 * at.length_m, -0.08 * at.width_m)]
    _stacks(kit, spots[:count], at.eaves_m + 0.75 * at.rise_m)


def _stacks(kit: Kit, spots: list[tuple[float, float]], z: float) -> None:
    for x, y in spots:
        kit.box("brick brown", (x - 0.45, y - 0.32, z - 0.6), (x + 0.45, y + 0.32, z + 1.7))
        kit.box("concrete", (x - 0.52, y - 0.40, z + 1.7), (x + 0.52, y + 0.40, z + 1.8))
        for dx in (-0.22, 0.22):
            pot = (x + dx - 0.1, y - 0.1, z + 1.8), (x + dx + 0.1, y + 0.1, z + 2.2)
            kit.box("roof tiles", *pot)


def _dormers(kit: Kit, at: Cover, count: int) -> None:
    """Add dormers to both slopes of a pitched roof."""
    if not count or at.rise_m < 2.4:
        return
    axes = (np.arange(count) - (count - 1) / 2) * (0.8 * at.length_m / count)
    y = at.width_m / 2 * 0.72
    z = at.eaves_m + at.rise_m * 0.26
    for side in (1.0, -1.0):
        for axis in axes.tolist():
            _dormer(kit, axis, side * y, side, z, at.roof, 1.3)


def _dormer(kit: Kit, x: float, y: float, side: float, z: float, roof: str, wide_m: float) -> None:
    """Add a small house with a window that looks to the side of `side` y."""
    half, tall, back = wide_m / 2, 1.45, y - side * 1.9
    low, high = min(y, back), max(y, back)
    kit.box("zinc", (x - half, low, z - 0.3), (x + half, high, z + tall))
    edge = y + side * 0.012
    turn = side > 0
    start = x + half - 0.14 if turn else x - half + 0.14
    wide = -(wide_m - 0.28) if turn else wide_m - 0.28
    kit.panel("window", (start, edge, z + 0.2), (wide, 0, 0), (0, 0, tall - 0.4))
    middle = x - 0.035 * np.sign(wide)
    kit.panel("frame white", (middle, edge + side * 0.01, z + 0.2), (0.07 * np.sign(wide), 0, 0),
              (0, 0, tall - 0.4))  # fmt: skip
    out = side * 0.18
    kit.box(roof, (x - half - 0.14, min(back, y + out), z + tall),
            (x + half + 0.14, max(back, y + out), z + tall + 0.14))  # fmt: skip
